"""What only MySQL and MariaDB need: tables that are committed one by one, odd sessions, several drivers, and words of their own."""

import logging
import re
import threading
from datetime import date, timedelta
from decimal import Decimal
from importlib.util import find_spec

import pytest
from snapshots import another, ask, dates, day, put, run
from sqlalchemy import create_engine, event, insert, inspect, text
from sqlalchemy.schema import CreateTable

from airflow_provider_iyzico.errors import WarehouseError, WarehouseRowError
from airflow_provider_iyzico.ledger.layout import ledger_layout
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.database.layout import ddl, dialect_named
from airflow_provider_iyzico.warehouse.layouts import create_statements, layout_of
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance
from airflow_provider_iyzico.warehouse.views import VIEWS

TABLE, TABLES = snapshot_table(), report_tables()
EVERYTHING = {TABLE.name, *[table.name for table in TABLES], *VIEWS}
#: How many statements make what belongs to a table of snapshots that is there.
STATEMENTS = sum(name != TABLE.name for name, _ in create_statements(TABLE, dialect_named("mysql")))


def there(engine):
    inspector = inspect(engine)
    return {*inspector.get_table_names(), *inspector.get_view_names()}


def rebuilt(engine):
    with engine.begin() as connection:
        return rebuild(connection)


def snapshots_of_before(engine, *accounts):
    """A table that a version without the reports made and filled."""
    with engine.begin() as connection:
        connection.execute(CreateTable(TABLE))
        for account in accounts:
            for number in (1, 2, 4):
                seen = Observation(account, "production", "TRY", Decimal(number), "1", day(number), None, 5, "Europe/Istanbul")
                row = snapshot_row(seen, TaskInstance("d", "t", f"{account} {number}", -1, 1, None, None, None))
                connection.execute(insert(TABLE), row)


def dying_after(engine, statements):
    """An engine whose process dies after so many statements that make something."""
    mine, made = another(engine), []

    @event.listens_for(mine, "before_cursor_execute")
    def die(_connection, _cursor, statement, *_):
        if re.match(r"(--.*\n)*\s*CREATE", statement):
            if len(made) == statements:
                raise SystemExit("killed")
            made.append(statement)

    return mine


def test_a_table_of_snapshots_that_was_there_before_gets_its_reports(mariadb_engine):
    snapshots_of_before(mariadb_engine, "a", "b")
    put(mariadb_engine, "b", day(6))
    assert there(mariadb_engine) == EVERYTHING
    assert dates(mariadb_engine, "a") == dates(mariadb_engine, "b") == [date(2026, 10, number) for number in range(1, 7)]
    assert ask(mariadb_engine, "SELECT sum(observations) FROM iyzico_balance_day") == 7
    assert rebuilt(mariadb_engine) == []


@pytest.mark.parametrize("statements", range(STATEMENTS))
def test_whatever_a_dying_process_has_made_the_next_one_makes_the_rest(mariadb_engine, statements):
    snapshots_of_before(mariadb_engine, "a")
    with pytest.raises(SystemExit):
        put(dying_after(mariadb_engine, statements), "b", day(5))
    put(mariadb_engine, "b", day(6))
    assert there(mariadb_engine) == EVERYTHING
    assert ask(mariadb_engine, "SELECT sum(observations) FROM iyzico_balance_day WHERE account = 'a'") == 3
    assert rebuilt(mariadb_engine) == []


@pytest.mark.parametrize("table", ["iyzico_account", "iyzico_balance_day", "iyzico_report_day"])
@pytest.mark.parametrize("statements", [0, 1])
def test_a_table_of_the_roll_up_that_is_lost_is_made_and_computed_also_after_a_process_died(mariadb_engine, table, statements):
    for number in (1, 2):
        put(mariadb_engine, "a", day(number))
        put(mariadb_engine, "b", day(number))
    run(mariadb_engine, f"DROP TABLE {table}", "DROP VIEW iyzico_snapshot_gap")
    with pytest.raises(SystemExit):
        put(dying_after(mariadb_engine, statements), "a", day(3))
    put(mariadb_engine, "a", day(4))
    assert dates(mariadb_engine, "b")[0] == date(2026, 10, 1)
    assert rebuilt(mariadb_engine) == []


def test_accounts_that_come_first_at_the_same_time_compute_the_roll_up_and_none_fails(mariadb_engine):
    accounts = [f"account {number}" for number in range(8)]
    snapshots_of_before(mariadb_engine, *accounts[:4])
    start, failed = threading.Barrier(len(accounts)), []

    def write(account):
        mine = another(mariadb_engine)
        start.wait(60)
        try:
            for number in (5, 6):
                put(mine, account, day(number))
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(account,)) for account in accounts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(200)
    assert failed == []
    assert rebuilt(mariadb_engine) == []
    assert ask(mariadb_engine, "SELECT sum(observations) FROM iyzico_balance_day") == 4 * 3 + 8 * 2


SESSIONS = {
    "MySQL 8": "sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
    "ANSI": "sql_mode = 'ANSI,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH', time_zone = '-11:00'",
    "like Oracle": "sql_mode = 'PIPES_AS_CONCAT,IGNORE_SPACE,NO_BACKSLASH_ESCAPES,NO_UNSIGNED_SUBTRACTION', time_zone = '+13:00'",
    "no mode": "sql_mode = '', collation_connection = 'utf8mb4_turkish_ci'",
    "whole quotients": "div_precision_increment = 0",
    "long quotients": "div_precision_increment = 30",
}


@pytest.fixture
def with_gates(mariadb_engine):
    """Some days of two accounts with thresholds, and gates of them."""
    for number, hour, balance in (
        (1, 3, "1000.01"),
        (1, 9, "993.02"),
        (2, 7, "993.02"),
        (4, 8, "20.03"),
        (5, 8, "13.04"),
        (6, 8, "9"),
    ):
        put(mariadb_engine, "a", day(number, hour) + timedelta(microseconds=7 * number), balance=balance)
        put(mariadb_engine, "b", day(number, hour), balance="5", zone="UTC")
    gate = """INSERT INTO iyzico_payout_gate VALUES ('{0}', 'a', 'production', 'TRY', 'd', 't', 'r', -1, 1, 100.10, 0.01,
        '2026-10-01 08:00:00.000007', '2026-10-01 09:00:00', 7.07, NULL, NULL, 1, '{0}', NULL, '2026-10-01 08:20:00.1', '1')"""
    threshold = "INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '{}', {}, {})"
    run(
        mariadb_engine,
        gate.format("opened"),
        gate.format("waiting"),
        threshold.format("2026-09-01", "500.5", 60),
        threshold.format("2026-10-02 09:30:00.000001", "21", "NULL"),
    )
    return mariadb_engine


def told(engine):
    """Every row of every view, without what depends on the moment at which it is asked."""
    found = {}
    with engine.connect() as connection:
        for view in VIEWS:
            rows = connection.execute(text(f"SELECT * FROM {view}")).mappings().all()
            found[view] = sorted(
                sorted((name, repr(value)) for name, value in row.items() if name != "age_minutes") for row in rows
            )
    return found


@pytest.mark.parametrize("setting", SESSIONS.values(), ids=list(SESSIONS))
def test_the_views_say_the_same_in_any_session(with_gates, setting):
    usual = told(with_gates)
    assert all(usual.values())
    odd = create_engine(with_gates.url, connect_args={"init_command": f"SET SESSION {setting}"})
    assert told(odd) == usual
    odd.dispose()


@pytest.mark.parametrize("setting", SESSIONS.values(), ids=list(SESSIONS))
def test_views_that_were_made_in_any_session_say_the_same(mariadb_engine, setting):
    odd = create_engine(mariadb_engine.url, connect_args={"init_command": f"SET SESSION {setting}"})
    for number, balance in ((1, "7"), (2, "5.01")):
        put(odd, "a", day(number), balance=balance)
    odd.dispose()
    assert ask(mariadb_engine, "SELECT m.change FROM iyzico_balance_movement AS m WHERE direction = 'outflow'") == Decimal(
        "-1.99"
    )
    assert rebuilt(mariadb_engine) == []


DRIVERS = {"pymysql": "pymysql", "mysqldb": "MySQLdb", "mysqlconnector": "mysql.connector"}


@pytest.mark.parametrize("driver", list(DRIVERS))
@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_each_driver_keeps_and_rebuilds_the_roll_up(mariadb_engine, dialect, driver):
    if find_spec(DRIVERS[driver].partition(".")[0]) is None:
        pytest.skip(f"{DRIVERS[driver]} is not here")
    if dialect == "mariadb" and "MariaDB" not in ask(mariadb_engine, "SELECT version()"):
        pytest.skip("the server of $TEST_MARIADB_URL is MySQL")
    engine = create_engine(mariadb_engine.url.set(drivername=f"{dialect}+{driver}"))
    for number in (3, 1, 2, 4):
        put(engine, "a", day(number), balance=f"{number}.50")
        put(engine, "b", day(number) + timedelta(microseconds=1))
    assert rebuilt(engine) == []
    run(engine, "UPDATE iyzico_balance_day SET outflow = 1 WHERE account = 'a' AND local_date = '2026-10-02'")
    assert rebuilt(engine) == ["production/a/TRY 2026-10-02"]
    assert ask(engine, "SELECT net_change FROM iyzico_balance_daily WHERE account = 'a' AND local_date = '2026-10-04'") == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE iyzico_balance_snapshot SET observed_at = 0", "in column 'observed_at' of the row with snapshot_id"),
        ("UPDATE iyzico_balance_snapshot SET observed_at = '9999-12-31'", "in column 'observed_at' of the row with snapshot_id"),
        ("UPDATE iyzico_account SET report_timezone = 'Mars/Phobos'", "holds 'Mars/Phobos' in column 'report_timezone'"),
        ("UPDATE iyzico_account SET newest_at = 0", "in column 'newest_at' of the row with environment production, account a"),
        (
            "UPDATE iyzico_balance_day SET closing_at = 0",
            "in column 'closing_at' of the row with environment production, account a",
        ),
    ],
)
def test_a_row_by_hand_that_cannot_be_read_is_named(mariadb_engine, statement, said):
    put(mariadb_engine, "a", day(1))
    run(mariadb_engine, "SET sql_mode = ''", statement)
    with mariadb_engine.begin() as connection, pytest.raises(WarehouseRowError, match=said):
        rebuild(connection)


def test_rebuild_on_the_command_line_names_what_it_only_reads(mariadb_engine, monkeypatch, capsys):
    put(mariadb_engine, "a", day(1))
    run(mariadb_engine, "INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '2026-01-01', 5, 0)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", mariadb_engine.url.render_as_string(hide_password=False))
    assert main(["rebuild"]) == 2
    said = capsys.readouterr()
    assert "0 rows differed" in said.out
    assert "holds '0' in column 'cadence_minutes' of the row with" in said.err
    run(mariadb_engine, "DELETE FROM iyzico_balance_threshold", "UPDATE iyzico_balance_day SET outflow = 5")
    assert main(["rebuild"]) == 1
    assert "differed: production/a/TRY 2026-10-01" in capsys.readouterr().out


def test_reports_live_in_the_database_of_their_table(mariadb_engine):
    name = f"{mariadb_engine.url.database}_Finance"
    run(mariadb_engine, f"CREATE DATABASE {name}")
    try:
        put(mariadb_engine, "a", day(1), table=snapshot_table(schema=name))
        put(mariadb_engine, "a", day(2), table=snapshot_table(schema=name))
        assert ask(mariadb_engine, f"SELECT count(*) FROM `{name}`.iyzico_balance_daily") == 2
        assert there(mariadb_engine) == set()
        with mariadb_engine.begin() as connection:
            assert rebuild(connection, name) == []
    finally:
        run(mariadb_engine, f"DROP DATABASE {name}")


BENDING = {
    "rounds the day": ("BEFORE", "iyzico_balance_day", "SET NEW.highest = round(NEW.highest)", "'highest' of table"),
    "changes the row": ("BEFORE", "iyzico_balance_snapshot", "SET NEW.balance = round(NEW.balance, 1)", "'balance' of table"),
}


@pytest.mark.parametrize(("moment", "table", "act", "said"), BENDING.values(), ids=list(BENDING))
@pytest.mark.parametrize("minutes", [-10, 24 * 60], ids=["late", "next day"])
def test_nothing_is_kept_if_a_trigger_changes_the_row_or_its_day(mariadb_engine, moment, table, act, said, minutes):
    put(mariadb_engine, "a", day(1))
    run(mariadb_engine, f"CREATE TRIGGER bend {moment} INSERT ON {table} FOR EACH ROW {act}")
    with pytest.raises(WarehouseError, match=f"{said}.*; nothing was kept"):
        put(mariadb_engine, "a", day(1) + timedelta(minutes=minutes), balance="100.55")
    assert ask(mariadb_engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 1
    assert ask(mariadb_engine, "SELECT newest_at FROM iyzico_account") == day(1).replace(tzinfo=None)
    assert rebuilt(mariadb_engine) == []


@pytest.mark.parametrize(
    ("rights", "makes"),
    [
        ("SELECT, INSERT, UPDATE, DELETE, SHOW VIEW", False),
        ("SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX, CREATE VIEW, SHOW VIEW", True),
    ],
    ids=["that only writes", "that makes tables"],
)
def test_a_user_with_rights_on_the_database_appends_and_is_told_of_nothing_missing(mariadb_engine, caplog, rights, makes):
    name = mariadb_engine.url.database
    run(mariadb_engine, f"CREATE USER {name}@'%'", f"GRANT {rights} ON {name}.* TO {name}@'%'")
    engine = create_engine(mariadb_engine.url.set(username=name))
    try:
        if not makes:
            put(mariadb_engine, "a", day(1))
        with caplog.at_level(logging.WARNING):
            for number in (3, 2):
                put(engine, "b", day(number))
        assert caplog.records == []
        assert there(mariadb_engine) == EVERYTHING
        assert rebuilt(engine) == []
    finally:
        engine.dispose()
        run(mariadb_engine, f"DROP USER {name}@'%'")


#: Words that MySQL 8.0 to 9 keeps for itself, and MariaDB 10 does not.
KEPT_BY_MYSQL = """cube cume_dist dense_rank empty except first_value function grouping groups intersect json_table lag last_value
    lateral lead library manual nth_value ntile of over parallel percent_rank qualify rank recursive row_number rows sets system
    tablesample window"""


def test_no_name_is_a_word_that_only_mysql_keeps_for_itself():
    dialect = dialect_named("mysql")
    printed = ddl(layout_of(TABLE), dialect) + ddl(ledger_layout(with_rollforward=True), dialect)
    names = set(re.findall(r"(?:\bAS |^    |\bCREATE TABLE )(\w+)\b(?!\()", printed, re.MULTILINE))
    names |= set(re.findall(r"^(\w+) AS \(", printed, re.MULTILINE))
    assert {"minutes_waited", "valid_from", "iyzico_account", "going"} <= names
    assert {name for name in names if name.islower()} & set(KEPT_BY_MYSQL.split()) == set()
    assert "AS `change`" in printed


def test_the_printed_ddl_has_every_table_and_view(capsys):
    assert main(["ddl", "--dialect", "mysql", "--schema", "finance"]) == 0
    printed = capsys.readouterr().out
    for name in EVERYTHING:
        assert re.search(rf"CREATE (TABLE finance|VIEW `finance`)\.{name}\b", printed), name
