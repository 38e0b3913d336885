"""The engine is the Connection: whatever Airflow's own hook does with it, we do."""

import json
import logging
import sqlite3
import ssl
import traceback

import pytest
import trustme
from airflow.providers.common.compat.sdk import BaseHook
from cryptography.fernet import InvalidToken
from duckdb_files import HAS_DUCKDB, NO_DUCKDB
from postgres import database_of_its_own, postgres_server, requiring_tls
from sqlalchemy import text
from sqlalchemy.engine import make_url
from support import HAS_PSYCOPG, POSTGRESQL

from airflow_provider_iyzico.bridge.warehouse import warehouse_engine
from airflow_provider_iyzico.errors import (
    IyzicoAccountsError,
    Retry,
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.operators.accounts import attempt, explained
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.faults import first_line
from airflow_provider_iyzico.warehouse.tables import snapshot_table

TABLE = snapshot_table()


@pytest.fixture
def connect(monkeypatch):
    """Name a warehouse by a URL of SQLAlchemy, or by the fields of a Connection."""

    def name(url=None, **fields):
        if url is not None:
            url = make_url(url)
            kind = {"postgresql": "postgres"}.get(url.get_backend_name(), url.get_backend_name())
            given = {"conn_type": kind, "host": url.host, "port": url.port, "login": url.username}
            fields = given | {"password": url.password or "", "schema": url.database} | fields
        monkeypatch.setenv("AIRFLOW_CONN_W", json.dumps(fields))

    return name


@pytest.fixture
def database(postgres_url):
    with database_of_its_own(postgres_url, POSTGRESQL) as engine:
        yield engine


def keep(row, **more):
    with warehouse_engine("w") as engine:
        return append(engine, TABLE, row, **({"create_table": True} | more))


def ask(query):
    with warehouse_engine("w") as engine, engine.connect() as connection:
        return connection.execute(text(query)).scalar()


@pytest.fixture
def tls(database, tmp_path):
    """A server that refuses clear text, the file of the CA that verifies it, and that of another CA."""
    authority, other = trustme.CA(), trustme.CA()
    for name, each in (("ca.pem", authority), ("other.pem", other)):
        each.cert_pem.write_to_path(str(tmp_path / name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with requiring_tls(database.url.render_as_string(hide_password=False), context) as url:
        yield url, str(tmp_path / "ca.pem"), str(tmp_path / "other.pem")


@pytest.fixture(scope="module")
def strict_url():
    with postgres_server(wants_passwords=True) as url:
        yield url


def test_a_server_that_requires_tls_is_verified_by_the_ca_of_the_connection(connect, tls, make_row):
    url, authority, other = tls
    connect(url, extra={"sslmode": "verify-full", "sslrootcert": authority})
    assert keep(make_row())["balance"] == make_row()["balance"]
    for extra in ({"sslmode": "verify-full", "sslrootcert": other}, {"sslmode": "disable"}):
        connect(url, extra=extra)
        with pytest.raises(
            WarehouseConfigurationError, match=r"Connection 'w': the warehouse refused the connection or the statement"
        ):
            keep(make_row(run_id="2"))


@pytest.mark.skipif(not HAS_DUCKDB, reason=NO_DUCKDB)
def test_duckdb_opens_its_file_with_the_settings_of_the_connection_and_nothing_in_memory(connect, tmp_path, make_row):
    pytest.importorskip("airflow.providers.duckdb", reason="apache-airflow-providers-duckdb is not here")
    connect(conn_type="duckdb", host=str(tmp_path / "w.duckdb"), extra={"threads": 1, "settings": {"default_order": "DESC"}})
    assert keep(make_row())["balance"] == make_row()["balance"]
    assert (ask("SELECT current_setting('threads')"), ask("SELECT current_setting('default_order')")) == (1, "DESC")
    connect(conn_type="duckdb")
    with pytest.raises(WarehouseConfigurationError, match="DuckDB in memory keeps nothing"):
        keep(make_row())


def test_tls_that_the_connection_requires_is_never_left_out(connect, database, make_row):
    connect(database.url, extra={"sslmode": "require"})
    with pytest.raises(WarehouseConfigurationError, match="does not support SSL"):
        keep(make_row())
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 0


def test_options_application_name_and_service_of_the_connection_hold(connect, database, make_row, monkeypatch, tmp_path):
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA finance"))
    connect(database.url, extra={"options": "-c search_path=finance", "application_name": "payroll", "keepalives_idle": 30})
    keep(make_row())
    with database.connect() as connection:
        where = connection.execute(text("SELECT schemaname FROM pg_tables WHERE tablename = 'iyzico_account'")).scalars().all()
    assert (where, ask("SHOW application_name")) == (["finance"], "payroll")
    service = tmp_path / "services"
    url = database.url
    service.write_text(f"[books]\nhost={url.host}\nport={url.port}\nuser={url.username}\ndbname={url.database}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    connect(conn_type="postgres", extra={"service": "books"})
    assert ask("SELECT current_database()") == url.database


@pytest.mark.parametrize("extra", [{"cursor": "dictcursor"}, {"cursor": "namedtuplecursor"}, {"autocommit": True}], ids=str)
def test_what_a_connection_says_about_rows_changes_none(connect, database, make_row, extra):
    if "autocommit" in extra and not HAS_PSYCOPG:
        pytest.skip("psycopg2 takes no such setting")
    connect(database.url, extra=extra)
    assert keep(make_row())["balance"] == make_row()["balance"]
    assert keep(make_row(balance="7", try_number=2))["balance"] == make_row()["balance"]
    assert ask("SELECT count(*) FROM iyzico_balance_daily") == 1


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"sqlalchemy_query": {"sslmode": "require"}}, "sqlalchemy_query"),
        ({"sqlalchemy_scheme": "postgresql+pg8000"}, "sqlalchemy_scheme"),
        ({"no_such_option": "1"}, "no_such_option"),
        ({"cursor": "nonsense"}, "nonsense"),
        ({"sslmode": "perhaps"}, "sslmode"),
    ],
)
def test_an_extra_that_would_be_lost_or_is_wrong_is_refused_by_name(connect, database, make_row, extra, named):
    connect(database.url, extra=extra)
    with pytest.raises(WarehouseConfigurationError, match=named):
        keep(make_row())


def test_sqlite_takes_the_options_of_its_uri(connect, tmp_path, make_row):
    path = tmp_path / "w.db"
    connect(conn_type="sqlite", host=str(path))
    keep(make_row())
    connect(conn_type="sqlite", host=str(path), extra={"mode": "ro"})
    assert ask("SELECT count(*) FROM iyzico_balance_snapshot") == 1
    with pytest.raises(WarehouseError, match="readonly") as caught:
        keep(make_row(run_id="2"))
    assert caught.value.retry is Retry.NEVER
    connect(conn_type="sqlite", host=str(tmp_path / "other.db"), extra={"mode": "memory"})
    with pytest.raises(WarehouseConfigurationError, match="in memory keeps nothing"):
        keep(make_row())


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("duckdb", marks=pytest.mark.skipif(not HAS_DUCKDB, reason=NO_DUCKDB))])
def test_an_extra_that_a_file_ignores_is_refused_by_name(connect, tmp_path, make_row, kind):
    connect(conn_type=kind, host=str(tmp_path / "w"), extra={"memory_limits": "1GB"})
    with pytest.raises(WarehouseConfigurationError, match="'memory_limits' in its extra has no effect"):
        keep(make_row())


@pytest.mark.parametrize("extra", ["sslmode=require", '{"sslmode": "require"', '["require"]', "null"])
def test_an_extra_that_airflow_ignores_as_a_whole_is_refused(connect, database, make_row, extra):
    """Its hook would connect without the TLS that somebody asked for. Airflow 3.1 does not even read such a Connection."""
    connect(database.url, extra=extra)
    with pytest.raises(WarehouseConfigurationError, match="its extra is no JSON object|no Connection 'w' that can be read"):
        keep(make_row())


class Undecrypted:
    """A Connection in Airflow 2, which decrypts a field when it is read."""

    conn_type, host, login, extra, extra_dejson = "postgres", "127.0.0.1", "u", "", {}

    @property
    def password(self):
        raise InvalidToken


def test_a_connection_that_this_worker_cannot_decrypt_is_named(monkeypatch, make_row):
    monkeypatch.setattr(BaseHook, "get_connection", lambda conn_id: Undecrypted())
    with pytest.raises(WarehouseConfigurationError, match="Connection 'w'.*fernet_key"):
        keep(make_row())


def test_a_folder_that_is_not_there_is_what_sqlite_is_said_to_lack(connect, tmp_path, make_row):
    connect(conn_type="sqlite", host=str(tmp_path / "no" / "w.db"))
    with pytest.raises(WarehouseConfigurationError, match=r"the folder '.*/no' of the database file is not there"):
        keep(make_row())


@pytest.fixture
def mariadb(mariadb_engine):
    pytest.importorskip("MySQLdb")
    pytest.importorskip("airflow.providers.mysql.hooks.mysql")
    return mariadb_engine


@pytest.mark.parametrize(
    "extra",
    [{}, {"charset": "latin1"}, {"cursor": "DictCursor"}, {"cursor": "sscursor"}, {"client": "mysql-connector-python"}],
    ids=str,
)
def test_mariadb_through_its_hook_keeps_every_letter_and_digit(connect, mariadb, make_row, extra):
    connect(mariadb.url, extra=extra)
    row = make_row("12345678901234567890.12345678")
    assert keep(row) == row
    assert keep(row) == row


@pytest.mark.parametrize(
    "extra", [{"ssl_ca": "/ca.pem"}, {"client": "mysql-connector-python", "ssl": {"ca": "/ca.pem"}}], ids=str
)
def test_an_extra_that_the_hook_of_mysql_ignores_is_refused(connect, mariadb, make_row, extra):
    connect(mariadb.url, extra=extra)
    with pytest.raises(WarehouseConfigurationError, match="'ssl.*has no effect"):
        keep(make_row())


SECRET = "s3cr et/ü'%:word"


class Quoting:
    """An error that quotes how it was called, as those of some drivers do."""

    def __init__(self, kind, before=""):
        self.kind, self.before = kind, before

    def __call__(self, hook, *_, **__):
        raise self.kind(f"{self.before}cannot connect to db://someone:{hook.connection.password}@host")


@pytest.mark.parametrize("method", ["get_conn", "sqlalchemy_url"])
@pytest.mark.parametrize(
    "kind", [AttributeError, ImportError, ValueError, TypeError, RuntimeError, KeyError, LookupError, OSError]
)
def test_a_hook_that_fails_in_its_own_way_is_a_wrong_connection_and_no_password_is_quoted(
    connect, monkeypatch, make_row, kind, method
):
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    failing = Quoting(kind)
    patched = failing if method == "get_conn" else property(failing)
    monkeypatch.setattr(PostgresHook, method, (lambda self: failing(self)) if method == "get_conn" else patched)
    connect(conn_type="postgres", host="127.0.0.1", login="u", password=SECRET)
    with pytest.raises(WarehouseConfigurationError, match="Connection 'w'") as caught:
        keep(make_row())
    said = "".join(traceback.format_exception(caught.value))
    assert SECRET not in said
    assert "***" in str(caught.value)


@pytest.mark.parametrize("length", range(140, 200, 3))
def test_no_part_of_a_password_is_quoted_where_a_long_line_is_cut(connect, monkeypatch, make_row, length):
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    failing = Quoting(RuntimeError, "x" * length + " ")
    monkeypatch.setattr(PostgresHook, "get_conn", lambda hook: failing(hook))
    connect(conn_type="postgres", host="127.0.0.1", login="u", password=WORD)
    with pytest.raises(WarehouseConfigurationError, match="its hook does not connect: RuntimeError: xxx") as caught:
        keep(make_row())
    assert WORD[:4] not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "generic", "host": "db"},
        {"conn_type": "nonsense", "host": "db"},
        {"conn_type": "http", "host": "db"},
        {"conn_type": "mysql", "host": "db", "extra": {"client": "nonsense"}},
        {"conn_type": "sqlite", "host": ":memory:"},
        {"conn_type": "postgres", "host": "db", "extra": "[1]"},
    ],
    ids=str,
)
def test_a_connection_that_is_no_warehouse_is_named(connect, make_row, fields):
    connect(**fields, password=SECRET)
    with pytest.raises(WarehouseConfigurationError, match="Connection 'w'") as caught:
        keep(make_row())
    assert SECRET not in str(caught.value)


def told(error):
    """Return all that an error and its causes say, and all that the locals of their frames hold, except those of this module."""
    said, seen, waiting = [], set(), [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        trace = traceback.TracebackException.from_exception(each, capture_locals=True)
        said += [str(each), *[str(frame.locals) for frame in trace.stack if frame.filename != __file__]]
        waiting += [each.__cause__ or each.__context__, *getattr(each, "exceptions", ())]
    return "\n".join(said)


WORD = "Gizli-Parola-42!x"
REFUSED = {
    "not SQL": {"conn_type": "http", "host": "x"},
    "lost extra": {"conn_type": "mysql", "host": "127.0.0.1", "extra": {"nope": 1}},
    "lost scheme": {"conn_type": "postgres", "host": "127.0.0.1", "extra": {"sqlalchemy_scheme": "x"}},
    "down": {"conn_type": "postgres", "host": "127.0.0.1", "port": 9},
    "mysql down": {"conn_type": "mysql", "host": "127.0.0.1", "port": 9},
    "no option": {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "extra": {"no_such_option": 1}},
    "in the host": {"conn_type": "postgres", "host": f"finance:{WORD}@db.invalid", "password": ""},
    "a URL as host": {"conn_type": "postgres", "host": f"postgresql://finance:{WORD}@127.0.0.1/d", "password": ""},
    "one of many hosts": {"conn_type": "postgres", "host": f"127.0.0.1,finance:{WORD}@127.0.0.1", "password": ""},
    "in the host of mysql": {"conn_type": "mysql", "host": f"finance:{WORD}@db.invalid", "password": ""},
    "in sslmode": {"conn_type": "postgres", "host": "127.0.0.1", "password": "", "extra": {"sslmode": WORD}},
    "in a secret extra": {"conn_type": "postgres", "host": "127.0.0.1", "extra": {"token": WORD, "cursor": WORD}},
    "in an integer": {"conn_type": "postgres", "host": "127.0.0.1", "password": "", "extra": {"keepalives_idle": WORD}},
}


@pytest.mark.parametrize("length", range(150, 200, 7))
def test_no_beginning_of_a_passphrase_with_blanks_is_quoted_where_a_long_line_is_cut(connect, length):
    phrase = "correct horse  battery staple"
    connect(conn_type="sqlite", host="/nowhere/warehouse.db", password=phrase)
    line = f"{'x' * length} the passphrase is {phrase}, which is long{' and longer' * 20}"
    with pytest.raises(WarehouseError) as caught, warehouse_engine("w"):
        raise WarehouseError(first_line(ValueError(line)))
    said = str(caught.value)
    assert said.endswith(" ...")
    assert not [word for word in phrase.split() if word in said], said


@pytest.mark.parametrize("fields", REFUSED.values(), ids=list(REFUSED))
def test_no_word_and_no_frame_of_an_error_holds_a_password_wherever_it_was_put(connect, make_row, fields):
    if fields["conn_type"] == "mysql":
        pytest.importorskip("airflow.providers.mysql.hooks.mysql")
    connect(**({"login": "u", "password": WORD, "schema": "d"} | fields))
    with pytest.raises(WarehouseError, match="Connection 'w'") as caught:
        keep(make_row())
    assert (caught.value.retry is Retry.SAFE) is (fields.get("port") == 9 and "extra" not in fields)
    assert WORD not in told(caught.value)


@pytest.mark.parametrize("fields", [REFUSED["down"], REFUSED["in sslmode"]], ids=["down", "in sslmode"])
def test_the_error_of_a_list_of_accounts_holds_no_password_either(connect, make_row, fields):
    connect(**({"login": "u", "password": WORD, "schema": "d"} | fields))

    def keep_two():
        with warehouse_engine("w") as engine:
            failures = {name: attempt(append, engine, TABLE, make_row(), create_table=True) for name in ("a", "b")}
            raise explained(failures, 2)

    with pytest.raises(IyzicoAccountsError, match="2 of 2 accounts") as caught:
        keep_two()
    assert WORD not in told(caught.value)


def test_a_socket_may_be_the_host(connect, make_row, tmp_path):
    connect(conn_type="postgres", host=f"{tmp_path},@abstract", login="u", schema="d")
    with pytest.raises(WarehouseUnavailableError):
        keep(make_row())


@pytest.mark.parametrize("stored", ["postgres://u:hunter2@host:notaport/d", "postgres://u:hunter2@[::1/d"])
def test_a_connection_that_cannot_be_parsed_is_named_without_its_password(monkeypatch, make_row, stored):
    monkeypatch.setenv("AIRFLOW_CONN_W", stored)
    logging.getLogger("airflow").setLevel(logging.CRITICAL)
    with pytest.raises(WarehouseConfigurationError, match="Connection 'w'") as caught:
        keep(make_row())
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_password_lasts_and_a_right_one_is_taken(connect, strict_url, make_row):
    with database_of_its_own(strict_url, POSTGRESQL) as admin:
        with admin.begin() as connection:
            connection.execute(text("CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'right'"))
        right = {"login": "clerk", "password": "right"}
        for wrong, match in (
            ({"password": "wrong"}, "password authentication failed"),
            ({"password": ""}, "no password supplied"),
            ({"schema": "nowhere"}, "does not exist"),
        ):
            connect(admin.url, **(right | wrong))
            with pytest.raises(WarehouseConfigurationError, match=match):
                keep(make_row())
        connect(admin.url, **right)
        assert ask("SELECT current_user") == "clerk"


def test_the_hook_itself_would_say_the_same(connect, database):
    """What makes the tests above mean something: these extras do reach Airflow's own connection."""
    connect(database.url, extra={"sslmode": "require"})
    with pytest.raises(Exception, match="does not support SSL"):
        BaseHook.get_hook("w").get_conn()


def test_a_warehouse_that_is_away_may_be_retried(connect, make_row):
    from stack import free_port

    connect(conn_type="postgres", host="127.0.0.1", port=free_port(), login="u", password=SECRET)
    with pytest.raises(WarehouseUnavailableError) as caught:
        keep(make_row())
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_sqlite_in_a_file_is_read_by_others_as_well(connect, tmp_path, make_row):
    path = tmp_path / "with space.db"
    connect(conn_type="sqlite", host=str(path))
    keep(make_row())
    other = sqlite3.connect(path)
    assert other.execute("SELECT count(*) FROM iyzico_balance_snapshot").fetchone() == (1,)
    other.close()


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"service": "hunter2secret"}, "service"),
        ({"connect_timeout": "hunter2secret"}, "."),
        ({"cursor": "hunter2secret"}, "."),
        ({"hostaddr": "hunter2secret"}, "."),
        ({"ssl_min_protocol_version": "hunter2secret", "sslmode": "require"}, "ssl_min_protocol_version"),
        ({"load_balance_hosts": "hunter2secret"}, "load_balance_hosts"),
        ({"hunter2secret": "1"}, "option"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_somebody_put_into_an_extra_of_postgresql_is_not_quoted_and_lasts(connect, make_row, extra, named):
    """Whatever words the driver has for it."""
    connect(conn_type="postgres", host="127.0.0.1", port=1, login="u", password="p" * 9, extra=json.dumps(extra))
    with pytest.raises(WarehouseError, match=named) as caught:
        keep(make_row())
    if HAS_PSYCOPG:  # the older driver, or its library, may not know the option, and then says that nobody listens there
        assert type(caught.value) is WarehouseConfigurationError
    assert "hunter2secret" not in "".join(traceback.format_exception(caught.value))


def test_words_and_paths_of_an_extra_are_shown(connect, make_row):
    """They say what to correct."""
    extra = {"sslmode": "verify-full", "sslrootcert": "/no/such/ca.pem", "service": "no-such-finance"}
    connect(conn_type="postgres", host="127.0.0.1", port=1, login="u", password="p" * 9, extra=json.dumps(extra))
    with pytest.raises(WarehouseConfigurationError, match="no-such-finance"):
        keep(make_row())
