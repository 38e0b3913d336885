"""Where a ledger may be, what its tables must be like, and that its view tells the truth."""

import os
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest
from ledgers import ACCOUNT, DOLLARS, NOON, enter_batch, holds, put, put_batch, release, task
from mariadb import mariadb_database, mariadb_server
from postgres import database_with_reader
from snapshots import ask, run
from sqlalchemy import create_engine, inspect, text
from support import POSTGRESQL

from airflow_provider_iyzico.errors import (
    IyzicoMoneyError,
    Retry,
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseRowError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.ledger import command, shape
from airflow_provider_iyzico.ledger.layout import ledger_layout
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Placing, funds_version
from airflow_provider_iyzico.ledger.questions import plain_holds
from airflow_provider_iyzico.ledger.shape import check
from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.ledger.views import ROLLFORWARD_VIEWS, VIEWS
from airflow_provider_iyzico.warehouse.database.layout import ddl
from airflow_provider_iyzico.warehouse.tables import snapshot_table

NAMES = {table.name for table in ledger_tables()}
MAKER = """
import sys
from sqlalchemy import create_engine
sys.path[:0] = sys.argv[3:]
from ledgers import put
from airflow_provider_iyzico.ledger.ledger import Ledger
engine = create_engine(sys.argv[1], connect_args={"options": sys.argv[2]} if sys.argv[2] else {})
sys.stdin.readline()
print(put(Ledger.open(engine), "one", "1", "1000").outcome)
"""


def test_eight_processes_that_come_first_make_the_tables_once_and_one_of_them_places(ledger_engine):
    url = ledger_engine.url.render_as_string(hide_password=False)
    options = f"-csearch_path={ask(ledger_engine, 'SELECT current_schema()')}" if "postgresql" in url else ""
    command = [sys.executable, "-c", MAKER, url, options, *sys.path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    makers = [subprocess.Popen(command, text=True, **pipes) for _ in range(8)]
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    said = [maker.communicate(timeout=300)[0].strip().splitlines()[-1] for maker in makers]
    assert said == ["placed"] * 8
    assert set(inspect(ledger_engine).get_table_names()) == NAMES
    assert holds(Ledger.open(ledger_engine)) == [("one", 1, Decimal(1), None)]


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "duckdb", "redshift", "mssql", "oracle", "cockroachdb"])
def test_a_database_without_row_locks_or_keys_is_refused_by_name(dialect):
    with pytest.raises(
        WarehouseConfigurationError, match=f"the ledger cannot be in {dialect}, .*name a Connection to PostgreSQL"
    ):
        Ledger.open(SimpleNamespace(dialect=SimpleNamespace(name=dialect)))


@pytest.mark.parametrize(
    ("says", "name"),
    [
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.12103", "Redshift"),
        ("PostgreSQL 13.14.0-RisingWave-2.0.1 (9d4bd5b)", "RisingWave"),
    ],
    ids=["redshift", "risingwave"],
)
def test_what_only_speaks_like_postgresql_is_refused_by_what_the_server_calls_itself(postgres_engine, says, name):
    schema = ask(postgres_engine, "SELECT current_schema()")
    run(postgres_engine, f"CREATE FUNCTION version() RETURNS text LANGUAGE sql AS $$ SELECT '{says}' $$")
    engine = create_engine(postgres_engine.url, connect_args={"options": f"-csearch_path={schema},pg_catalog"})
    with pytest.raises(WarehouseConfigurationError, match=f"the ledger cannot be in {name}"):
        put(Ledger.open(engine), "a", "40")
    assert inspect(engine).get_table_names(schema=schema) == []
    engine.dispose()


#: What a table made by hand lacks, and what the error says.
LACKING = {
    "key of the account": ("iyzico_payout_account", "unique key on account, currency, environment"),
    "key of a hold": ("iyzico_balance_hold", "unique key on hold_id"),
    "number of a hold": ("iyzico_balance_hold", "unique key on account, environment, external_id, number"),
    "key of an end": ("iyzico_balance_hold_end", "unique key on hold_id"),
    "key of a batch": ("iyzico_payout", "unique key on account, environment, external_id"),
    "request id": ("iyzico_payout", "unique key on environment, request_id"),
}


def without_key(dialect, table, said):
    """The DDL of the ledger, without the key that the error is to name."""
    columns = set(said.removeprefix("unique key on ").split(", "))

    def keep(line):
        if "PRIMARY KEY" not in line and "UNIQUE" not in line:
            return True
        named = line[line.index("(") + 1 : line.rindex(")")]
        return {each.strip(' "`') for each in named.split(",")} != columns

    statements = [each for each in ddl(ledger_layout(), dialect).split(";\n") if each.strip()]
    for each in statements:
        if each.strip().startswith(f"CREATE TABLE {table} "):
            lines = [line.rstrip(" ,") for line in each.strip().splitlines()]
            head, body, tail = lines[0], [line for line in lines[1:] if line.strip() and not line.startswith(")")], lines[-1]
            yield f"{head}\n{','.join(filter(keep, body))}\n{tail}"
        else:
            yield each


@pytest.mark.parametrize("lacking", LACKING)
def test_a_table_made_by_hand_without_a_key_is_refused_before_money_is_set_aside(locking_engine, lacking):
    table, said = LACKING[lacking]
    run(locking_engine, *[each.replace("%", "%%") for each in without_key(locking_engine.dialect, table, said)])
    ledger = Ledger.open(locking_engine)
    with pytest.raises(WarehouseTableError, match=f"'{table}' lacks its {said}: two payouts.*ledger ddl"):
        put(ledger, "a", "40")
    assert ask(locking_engine, "SELECT count(*) FROM iyzico_balance_hold") == 0
    with pytest.raises(WarehouseTableError, match="lacks its unique key"):
        put(ledger, "a", "40")


def test_a_unique_index_that_a_dba_made_serves_as_a_key(locking_engine):
    run(locking_engine, *without_key(locking_engine.dialect, *LACKING["number of a hold"]))
    run(locking_engine, "CREATE UNIQUE INDEX mine ON iyzico_balance_hold (environment, account, external_id, number)")
    assert put(Ledger.open(locking_engine), "a", "40").outcome is Placing.PLACED


@pytest.mark.parametrize(
    "index",
    [
        "(environment, account, external_id, number) WHERE number > 0",
        "(environment, account, external_id, number, counted)",
        "(environment, account, external_id, (number + 0))",
    ],
    ids=["only some rows", "more columns", "an expression"],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_an_index_that_does_not_keep_numbers_apart_is_no_key(request, dialect, index):
    engine = request.getfixturevalue(f"{dialect}_engine")
    run(engine, *without_key(engine.dialect, *LACKING["number of a hold"]))
    run(engine, f"CREATE UNIQUE INDEX mine ON iyzico_balance_hold {index}")
    with pytest.raises(WarehouseTableError, match="lacks its unique key"):
        put(Ledger.open(engine), "a", "40")


@pytest.mark.parametrize("table", sorted(NAMES))
def test_a_table_of_another_shape_is_refused_by_name_before_anything_is_written(ledger, table):
    column = {"iyzico_payout": "purpose", "iyzico_payout_account": "balance", "iyzico_payout_item": "error"}.get(table)
    column = column or {"iyzico_payout_event": "person", "iyzico_balance_hold": "person"}.get(table, "reason")
    run(ledger.engine, *[f"DROP VIEW {view}" for view in VIEWS[::-1]], f"ALTER TABLE {table} DROP COLUMN {column}")
    again = Ledger.open(ledger.engine)
    with pytest.raises(WarehouseTableError, match=rf"'{table}' has another shape: it lacks \['{column}'\]"):
        put(again, "a", "40")
    assert ask(ledger.engine, "SELECT count(*) FROM iyzico_payout_account") == 0


def test_a_table_that_a_used_ledger_has_lost_is_not_made_again(ledger_engine):
    ledger = Ledger.open(ledger_engine)
    put(ledger, "a", "70")
    cascade = "CASCADE" if ledger_engine.dialect.name == "postgresql" else ""
    run(ledger_engine, f"DROP TABLE iyzico_balance_hold {cascade}")
    with pytest.raises(WarehouseTableError, match="the ledger has lost iyzico_balance_hold: made again"):
        put(Ledger.open(ledger_engine), "b", "70", who=task("r2"))
    assert "iyzico_balance_hold" not in inspect(ledger_engine).get_table_names()


def test_a_column_that_somebody_added_does_no_harm(ledger):
    run(ledger.engine, "ALTER TABLE iyzico_balance_hold ADD COLUMN remark VARCHAR(10)")
    again = Ledger.open(ledger.engine)
    assert put(again, "a", "40").outcome is Placing.PLACED
    assert put(again, "a", "40").number == 1


def test_the_shape_is_asked_for_once_per_opened_ledger(ledger, monkeypatch):
    from airflow_provider_iyzico.ledger import ledger as room

    asked, check = [], room.check
    monkeypatch.setattr(room, "check", lambda *given: asked.append(1) or check(*given))
    again = Ledger.open(ledger.engine)
    put(again, "a", "40")
    put(again, "b", "40")
    assert asked == [1]


@pytest.mark.parametrize("table", ["iyzico_payout_account", "iyzico_balance_hold", "iyzico_balance_hold_end"])
def test_a_table_of_myisam_is_refused_because_it_locks_no_rows(mariadb_ledger, table):
    run(mariadb_ledger.engine, f"ALTER TABLE {table} ENGINE = MyISAM")
    with pytest.raises(
        WarehouseTableError, match=f"'{table}' has the storage engine MyISAM.*ALTER TABLE {table} ENGINE = InnoDB"
    ):
        put(Ledger.open(mariadb_ledger.engine), "a", "40")


@pytest.mark.parametrize("table", ["iyzico_payout", "iyzico_balance_hold"])
def test_a_table_that_a_crash_of_postgresql_empties_is_refused(postgres_ledger, table):
    run(postgres_ledger.engine, f"ALTER TABLE {table} SET UNLOGGED")
    with pytest.raises(WarehouseTableError, match=f"'{table}' is not logged.*ALTER TABLE {table} SET LOGGED"):
        put(Ledger.open(postgres_ledger.engine), "a", "40")


@pytest.mark.parametrize("value", ["0", "2"])
def test_a_mariadb_that_loses_commits_in_a_crash_is_refused(value):
    with (
        mariadb_server(f"--innodb-flush-log-at-trx-commit={value}") as url,
        mariadb_database(url) as engine,
        pytest.raises(WarehouseConfigurationError, match="innodb_flush_log_at_trx_commit is not 1"),
    ):
        put(Ledger.open(engine), "a", "40")


@pytest.mark.parametrize("setting", ["off", "local", "remote_write"])
def test_a_commit_on_postgresql_is_on_the_disk_whatever_the_role_says(postgres_ledger, setting):
    engine = postgres_ledger.engine
    schema = ask(engine, "SELECT current_schema()")
    options = f"-csearch_path={schema} -csynchronous_commit={setting}"
    careless = create_engine(engine.url, connect_args={"options": options})
    assert ask(careless, "SHOW synchronous_commit") == setting
    show = text("SHOW synchronous_commit")
    assert Ledger.open(careless).act(lambda connection: connection.execute(show).scalar()) == "on"
    assert ask(careless, "SHOW synchronous_commit") == setting
    careless.dispose()


@pytest.mark.parametrize("setting", ["OFF", "NORMAL", "FULL"])
def test_a_commit_on_sqlite_is_on_the_disk_whatever_the_connection_says(sqlite_engine, setting):
    from sqlalchemy import event

    event.listen(sqlite_engine, "connect", lambda raw, _: raw.execute(f"PRAGMA synchronous = {setting}"))
    ledger = Ledger.open(sqlite_engine)
    put(ledger, "a", "40")
    says = ledger.act(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert says == 3  # EXTRA


def test_a_ledger_in_a_schema_of_its_own_is_checked_and_kept_there(postgres_engine):
    schema = ask(postgres_engine, "SELECT current_schema()")
    elsewhere = create_engine(postgres_engine.url, connect_args={"options": "-csearch_path=public"})
    ledger = Ledger.open(elsewhere, schema=schema)
    assert put(ledger, "a", "40").outcome is Placing.PLACED
    assert ask(elsewhere, f"SELECT available FROM {schema}.iyzico_balance_available") == 60
    run(elsewhere, f"ALTER TABLE {schema}.iyzico_balance_hold DROP CONSTRAINT uq_iyzico_balance_hold_number")
    with pytest.raises(WarehouseTableError, match="lacks its unique key on account, environment, external_id, number"):
        put(Ledger.open(elsewhere, schema=schema), "a", "40")
    elsewhere.dispose()


def test_where_nothing_may_be_made_the_error_carries_ddl_that_makes_it(locking_engine):
    with pytest.raises(WarehouseTableError, match="iyzico_payout_account.*not there, and create_table is False") as caught:
        put(Ledger.open(locking_engine, create_table=False), "a", "40")
    made = str(caught.value).partition("have it made by:\n")[2]
    run(locking_engine, *[each for each in made.split(";\n") if each.strip()])
    assert put(Ledger.open(locking_engine, create_table=False), "a", "40").outcome is Placing.PLACED


def is_free(ledger):
    return ask(ledger.engine, "SELECT count(*) FROM iyzico_balance_hold") == 0


def test_a_role_without_rights_is_told_so_and_nothing_is_half_written(postgres_url):
    with database_with_reader(postgres_url, POSTGRESQL) as (engine, url):
        ledger = Ledger.open(engine)
        funds_version(ledger, ACCOUNT)
        role = url.username
        run(
            engine,
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT INSERT, UPDATE ON iyzico_payout_account TO {role}",
        )
        poor = create_engine(url.set(drivername=POSTGRESQL))
        with pytest.raises(WarehouseError, match="permission denied for table iyzico_balance_hold") as caught:
            put(Ledger.open(poor, create_table=False), "a", "40")
        assert caught.value.retry is Retry.NEVER
        poor.dispose()
        assert is_free(ledger)
        assert ask(engine, "SELECT count(*) FROM iyzico_payout_account") == 0


def test_a_read_only_replica_keeps_the_gate_shut_and_a_retry_is_safe(postgres_ledger):
    engine = postgres_ledger.engine
    schema = ask(engine, "SELECT current_schema()")
    options = f"-csearch_path={schema} -cdefault_transaction_read_only=on"
    replica = create_engine(engine.url, connect_args={"options": options})
    with pytest.raises(WarehouseUnavailableError, match="read-only") as caught:
        put(Ledger.open(replica, create_table=False), "a", "40")
    assert caught.value.retry is Retry.SAFE
    replica.dispose()
    assert is_free(postgres_ledger)


def test_a_read_only_file_is_refused(tmp_path, sqlite_ledger):
    locked = create_engine(f"sqlite:///file:{sqlite_ledger.engine.url.database}?mode=ro&uri=true")
    with pytest.raises(WarehouseError, match="readonly"):
        put(Ledger.open(locked, create_table=False), "a", "40")
    locked.dispose()
    assert is_free(sqlite_ledger)


@pytest.mark.parametrize("without_locks", ["nolock=1", "vfs=unix-none"])
def test_an_sqlite_that_takes_no_lock_is_refused_and_a_new_file_keeps_nothing(tmp_path, without_locks):
    engine = create_engine(f"sqlite:///file:{tmp_path}/ledger.db?{without_locks}&uri=true")
    with pytest.raises(WarehouseConfigurationError, match="two connections may write to this SQLite file at once.*nolock or vfs"):
        put(Ledger.open(engine), "a", "40")
    engine.dispose()
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    assert put(Ledger.open(engine), "a", "100").outcome is Placing.PLACED
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite:///ledger.db", "sqlite:///folder/ledger.db", "sqlite:///file:ledger.db?uri=true"])
def test_an_sqlite_file_that_is_another_one_in_another_folder_is_refused(url, tmp_path, monkeypatch):
    """A worker and a person's shell have different folders, and each would have an empty ledger."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WarehouseConfigurationError, match="is named without its folder: .* give the whole path"):
        Ledger.open(create_engine(url))
    assert not list(tmp_path.iterdir())


def test_an_sqlite_file_that_has_a_second_name_is_refused(tmp_path):
    """Of each name, SQLite has another file with what was written last, so that nobody sees the holds of the other name."""
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    ledger = Ledger.open(create_engine(f"sqlite:///{tmp_path}/one/ledger.db"))
    assert put(ledger, "a", "40").outcome is Placing.PLACED
    ledger.engine.dispose()
    os.link(tmp_path / "one" / "ledger.db", tmp_path / "other" / "ledger.db")
    for folder in ("one", "other"):
        engine = create_engine(f"sqlite:///{tmp_path}/{folder}/ledger.db")
        with pytest.raises(
            WarehouseConfigurationError, match=f"{folder}/ledger.db' has another name, too, .*give all tasks one path"
        ):
            put(Ledger.open(engine), "b", "40")
        engine.dispose()


@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("/ledger.db", "ext4", "is mounted into this container without its folder: .*mount the whole folder"),
        ("", "nfs4", r"is on a network disk \(nfs4\).*a disk of this machine"),
        ("", "ext4", None),
        ("/elsewhere", "nfs4", None),
    ],
)
def test_an_sqlite_file_that_others_have_without_what_was_written_last_is_refused(tmp_path, monkeypatch, place, kind, said):
    folder, mounts = tmp_path / "a folder", tmp_path / "mounts"
    folder.mkdir()
    mounted = f"{folder}{place}".replace(" ", r"\040")
    mounts.write_text(f"27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 0:42 /x {mounted} rw shared:1 - {kind} host:/x rw\n")
    monkeypatch.setattr(shape, "_MOUNTS", mounts)
    engine = create_engine(f"sqlite:///{folder}/ledger.db")
    if said is None:
        assert put(Ledger.open(engine), "a", "40").outcome is Placing.PLACED
    else:
        with pytest.raises(WarehouseConfigurationError, match=said):
            put(Ledger.open(engine), "a", "40")
    engine.dispose()


@pytest.mark.parametrize("locks", ["vfs=unix-excl", "vfs=unix-dotfile", "cache=shared", "nolock=0"])
def test_an_sqlite_that_locks_in_another_way_is_not_refused(tmp_path, locks):
    engine = create_engine(f"sqlite:///file:{tmp_path}/ledger.db?{locks}&uri=true")
    assert put(Ledger.open(engine), "a", "40").outcome is Placing.PLACED
    engine.dispose()


def hurried(monkeypatch):
    from airflow_provider_iyzico.ledger import ledger as room
    from airflow_provider_iyzico.warehouse.database.patience import Patience

    monkeypatch.setattr(room, "PATIENCE", Patience(connect_seconds=2, lock_seconds=1, statement_seconds=2, whole_seconds=6))


def test_an_account_that_somebody_else_has_locked_keeps_the_gate_shut_and_a_retry_is_safe(ledger, monkeypatch):
    put(ledger, "a", "40")
    hurried(monkeypatch)
    with ledger.engine.connect() as connection, connection.begin():
        if ledger.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(text("UPDATE iyzico_payout_account SET balance = 1"))
        with pytest.raises(WarehouseUnavailableError) as caught:
            put(Ledger.open(ledger.engine), "b", "40", who=task("r2"))
        assert caught.value.retry is Retry.SAFE
    assert [name for name, *_ in holds(ledger)] == ["a"]


@pytest.mark.parametrize("url", [f"{POSTGRESQL}://nobody@127.0.0.1:1/none", "mysql+pymysql://nobody@127.0.0.1:1/none"])
def test_a_database_that_is_down_keeps_the_gate_shut_and_a_retry_is_safe(url, monkeypatch):
    hurried(monkeypatch)
    with pytest.raises(WarehouseUnavailableError) as caught:
        put(Ledger.open(create_engine(url)), "a", "40")
    assert caught.value.retry is Retry.SAFE


def told(view):
    return [
        (
            row["account"],
            row["currency"],
            None if row["balance"] is None else Decimal(str(row["balance"])),
            Decimal(str(row["held"])),
            row["holds"],
            None if row["available"] is None else Decimal(str(row["available"])),
        )
        for row in view()
    ]


def test_the_view_says_what_is_held_by_whom_and_what_is_left(ledger, view, sleep_in_the_database):
    for number, amount in enumerate(["0.1", "0.2", "0.7", "12.34"]):
        put(ledger, f"n{number}", amount, "1000.05")
    put(ledger, "late", "300", "1000.05", seconds=3600)
    put(ledger, "gone", "100", "1000.05")
    release(ledger, "gone")
    put(ledger, "over", "300", "1000.05", seconds=0.001)
    enter_batch(ledger, "march", "4.5", "0.25", account=DOLLARS)
    put_batch(ledger, "march", "-7", account=DOLLARS)
    sleep_in_the_database(0.01)
    counted = [Decimal(each) for each in ("0.1", "0.2", "0.7", "12.34", "300")]
    assert told(view) == [
        ("şube", "TRY", Decimal("1000.05"), sum(counted), 5, Decimal("1000.05") - sum(counted)),
        ("şube", "USD", Decimal("-7"), Decimal(0), 0, Decimal("-7")),
    ]
    lira, dollars = view()
    by = dict(each.rsplit(" ", 1) for each in lira["held_by"].split(", "))
    assert {name: Decimal(amount) for name, amount in by.items()} == dict(
        zip(["n0", "n1", "n2", "n3", "late"], counted, strict=True)
    )
    assert dollars["held_by"] is None


def test_a_list_of_holders_that_mysql_cuts_ends_with_a_whole_amount(mariadb_ledger):
    for number in range(9):
        put(mariadb_ledger, f"n{number}", "12.34", "1000")
    whole = "n0 12.34000000, n1 12.34000000, n2 12.34000000"
    for longest in (len(whole), len(whole) + 1, len(whole) + 2, len(whole) + 5):
        with mariadb_ledger.engine.begin() as connection:
            connection.execute(text(f"SET SESSION group_concat_max_len = {longest}"))
            (said,) = connection.execute(text("SELECT held_by FROM iyzico_balance_available")).scalars()
        assert said in (f"{whole}, ...", "n0 12.34000000, n1 12.34000000, ..."), longest
    assert ask(create_engine(mariadb_ledger.engine.url), "SELECT held_by FROM iyzico_balance_available").endswith(
        "n8 12.34000000"
    )


def test_the_view_of_an_account_that_was_never_asked_about_says_nothing_of_a_balance(ledger, view):
    from airflow_provider_iyzico.ledger.accounts import locked

    ledger.act(lambda connection: locked(ledger, connection, ACCOUNT))
    assert told(view) == [("şube", "TRY", None, Decimal(0), 0, None)]


def test_the_view_is_exact_to_the_last_digit_where_the_database_is(ledger, view):
    if ledger.engine.dialect.name == "sqlite":
        large, small, rest = "1234567.12345678", "0.00000001", "1234567.12345677"
    else:
        large, small, rest = "12345678901234567890.12345678", "0.00000001", "12345678901234567890.12345677"
    put(ledger, "a", small, large)
    ((_, _, balance, held, _, available),) = told(view)
    assert (balance, held, available) == (Decimal(large), Decimal(small), Decimal(rest))
    assert view()[0]["balance_asked_at"] == NOON or ledger.engine.dialect.name != "postgresql"


def test_the_view_is_exact_above_a_hundred_million(ledger, view):
    """To the digits that are shown: SQLite adds and subtracts binary fractions."""
    put(ledger, "a", "37027644482.78", "42357435168.36")
    put(ledger, "b", "5329790685.57", "42357435168.36")
    ((_, _, _, held, _, available),) = told(view)
    assert (held, available) == (Decimal("42357435168.35"), Decimal("0.01"))


def views_there(engine):
    return set(inspect(engine).get_view_names())


@pytest.mark.parametrize("dropped", [VIEWS, VIEWS[-1:]], ids=["all", "one"])
def test_views_that_a_ledger_lacks_are_made_when_it_is_opened_next(ledger, dropped):
    put(ledger, "a", "40")
    run(ledger.engine, *[f"DROP VIEW {name}" for name in dropped[::-1]])
    plain_holds(Ledger.open(ledger.engine, create_table=False))
    assert views_there(ledger.engine) == {*VIEWS} - {*dropped}
    assert [hold["external_id"] for hold in plain_holds(Ledger.open(ledger.engine))] == ["a"]
    assert views_there(ledger.engine) == {*VIEWS}


def test_a_role_that_may_make_no_views_is_told_once_and_goes_on(postgres_url, caplog):
    with database_with_reader(postgres_url, POSTGRESQL) as (engine, url):
        put(Ledger.open(engine), "a", "40")
        run(engine, f"DROP VIEW {VIEWS[-1]}", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {url.username}")
        reader = create_engine(url.set(drivername=POSTGRESQL))
        ledger = Ledger.open(reader)
        for _ in range(2):
            assert [hold["external_id"] for hold in plain_holds(ledger)] == ["a"]
        reader.dispose()
    (line,) = [record.getMessage() for record in caplog.records if VIEWS[-1] in record.getMessage()]
    assert "permission denied" in line
    assert "python -m airflow_provider_iyzico.ledger ddl --dialect postgresql" in line


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_ledger_reports_nothing(ledger, view):
    run(ledger.engine, "DELETE FROM iyzico_payout_account")
    assert ask(ledger.engine, f"SELECT count(*) FROM {view}") == 0


@pytest.mark.parametrize("name", sorted({*NAMES, *VIEWS, "IYZICO_PAYOUT"}))
def test_no_snapshots_are_kept_under_a_name_of_the_ledger(name):
    with pytest.raises(WarehouseConfigurationError, match="choose another name"):
        snapshot_table(name)


BY_HAND = {
    "sqlite": [("counted", "1.500,00"), ("amount", "1e300"), ("expires_at", "01.12.2026")],
    "postgresql": [("counted", "NaN")],
    "mysql": [],
}


def test_a_row_written_by_hand_that_cannot_be_read_is_named(ledger):
    put(ledger, "one", "40", seconds=3600)
    hold_id = ask(ledger.engine, "SELECT hold_id FROM iyzico_balance_hold")
    for column, value in BY_HAND[ledger.engine.dialect.name]:
        kept = ask(ledger.engine, f"SELECT {column} FROM iyzico_balance_hold")
        run(ledger.engine, f"UPDATE iyzico_balance_hold SET {column} = '{value}'")
        said = rf"'iyzico_balance_hold' holds .* in column '{column}' of the row with hold_id {hold_id}, .*; correct that row$"
        for act in (lambda: put(ledger, "two", "1"), lambda: plain_holds(ledger)):
            with pytest.raises(WarehouseRowError, match=said) as caught:
                act()
            assert caught.value.retry is Retry.NEVER
        with ledger.engine.begin() as connection:
            connection.execute(text(f"UPDATE iyzico_balance_hold SET {column} = :kept"), {"kept": kept})
    assert put(ledger, "two", "1").outcome is Placing.PLACED


def test_an_amount_that_is_none_is_refused_as_such(ledger):
    def act(_):
        raise IyzicoMoneyError("it is no amount")

    with pytest.raises(IyzicoMoneyError, match="it is no amount"):
        ledger.act(act)


def test_a_table_that_is_being_made_is_not_yet_there():
    """MariaDB may show the key of a table and not its columns, which were asked for a moment before."""
    rows = [("iyzico_payout_event", "PRIMARY", "event_id"), ("", "flush", "1"), ("", "engine", "iyzico_payout_event InnoDB")]
    connection = SimpleNamespace(dialect=SimpleNamespace(name="mysql"), exec_driver_sql=lambda _: rows)
    assert check(connection, ledger_tables(), "ddl") == {*NAMES, *VIEWS}


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite", "mysql"])
def test_the_printed_roll_forward_has_its_views_and_their_rights(capsys, dialect):
    assert command.main(["ddl", "--rollforward", "--dialect", dialect]) == 0
    printed = capsys.readouterr().out
    assert "%%" not in printed  # MySQL would take it for a percent sign in the name of each month
    for view in ROLLFORWARD_VIEWS:
        assert f"CREATE VIEW {view} AS" in printed
        assert (f"GRANT SELECT ON {view} TO iyzico_reader" in printed) is (dialect != "sqlite")
