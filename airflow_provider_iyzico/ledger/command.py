"""Print the statements that make the ledger, show its batches and holds, and record what only a person may decide."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from getpass import getuser
from typing import TypeVar

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    IyzicoError,
    LedgerBatchError,
    LedgerError,
    restated,
    unexpected,
)
from airflow_provider_iyzico.ledger import persons
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import MAX_AGE, approve, shown_digest, words_of
from airflow_provider_iyzico.ledger.asking import read_at_iyzico
from airflow_provider_iyzico.ledger.batches import LedgerBatch
from airflow_provider_iyzico.ledger.events import EventKind
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.layout import ledger_layout
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.pages import batch_page, batches_page, plain_page
from airflow_provider_iyzico.ledger.questions import events_of, holds_of, items_of, named, plain_holds
from airflow_provider_iyzico.ledger.reading import differing_items, without_unclear_items
from airflow_provider_iyzico.ledger.resolve import check_step, resolve
from airflow_provider_iyzico.ledger.rights import grants
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.printing import complain, print_every_letter, print_lines
from airflow_provider_iyzico.warehouse.database.by_url import URL_VARIABLE, engine_by_url, without_password
from airflow_provider_iyzico.warehouse.database.layout import ddl, dialect_named

Asked = argparse.Namespace
T = TypeVar("T")

#: Whose DDL is printed; MariaDB takes that of MySQL.
PRINTED = ("postgresql", "mysql", "sqlite")
#: The longest that an approval may count: a year.
MAX_HOURS = 24 * 366


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when it is done, and 2 when it is refused."""
    asked = _parser().parse_args(arguments)
    print_every_letter()
    if asked.command == "ddl":
        return _run(lambda: _ddl(asked), str)
    try:
        engine = engine_by_url()
    except IyzicoError as error:
        return _refused(str(error))
    try:
        ledger = Ledger.open(engine, schema=asked.schema, create_table=False)
        return _run(lambda: _COMMANDS[asked.command](ledger, asked), lambda said: without_password(engine, said))
    except IyzicoError as error:
        return _refused(str(error))
    finally:
        engine.dispose()


def _run(act: Callable[[], Iterable[str]], shown: Callable[[str], str]) -> int:
    lines: list[str] = []
    refused = None
    try:
        lines.extend(act())
    except IyzicoError as error:
        refused = shown(str(error))
    except Exception as error:  # noqa: BLE001 - a traceback may show keys
        refused = str(restated(unexpected(error)))
    print_lines(lines)
    return 0 if refused is None else _refused(refused)


def _refused(said: str) -> int:
    complain(said)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    printer = commands.add_parser("ddl", help="print the CREATE statements of tables and views, and the rights of each role")
    printer.add_argument("--dialect", default="postgresql", choices=PRINTED, help="default: %(default)s")
    printer.add_argument(
        "--rollforward",
        action="store_true",
        help="also print the views that compare the ledger with the warehouse; the warehouse must be in the same schema",
    )
    lister = commands.add_parser("list", help="print the batches, and the open holds for payouts that other code makes")
    lister.add_argument(
        "--days",
        type=_days,
        default=30,
        help="leave out batches that ended or were cancelled more than this many days ago; default: %(default)s",
    )
    shower = commands.add_parser(
        "show", help="print a batch with its approvals, holds, items and events, or the holds of a payout that other code makes"
    )
    resolver = commands.add_parser("resolve", help="set the state of a batch, after asking iyzico")
    states = [state.value for state in State]
    resolver.add_argument("--as", dest="after", required=True, choices=states, help="the state to set")
    resolver.add_argument("--conn-id", default="iyzico_default", help="the Airflow Connection to ask; default: %(default)s")
    releaser = commands.add_parser("release", help="give back the money that is set aside for a payout")
    permitter = commands.add_parser("permit", help="permit one more authorization, after one that was not answered")
    permitter.add_argument(
        "--version",
        type=int,
        metavar="N",
        help="the version of the batch that you looked at; required if somebody permitted one before",
    )
    approver = commands.add_parser("approve", help="approve a batch, by the digest that `show` prints")
    approver.add_argument("--digest", required=True, type=_text, help="the digest that you saw: at least its first six digits")
    hours = MAX_AGE.total_seconds() / 3600
    approver.add_argument(
        "--max-age-hours",
        type=_hours,
        default=hours,
        metavar="HOURS",
        help="for how many hours the approval counts; default: %(default)g",
    )
    for command in (shower, releaser):
        command.add_argument("external_id", help="the name of the batch or of the hold")
    for command in (resolver, permitter, approver):
        command.add_argument("external_id", help="the name of the batch")
    for command in (resolver, releaser, permitter, approver):
        command.add_argument("--because", required=True, type=_text, metavar="TEXT", help="the reason, which the ledger keeps")
        command.add_argument("--by", type=_text, metavar="NAME", help="who decides; default: the user of this session")
    for command in (lister, shower, resolver, releaser, permitter, approver):
        command.epilog = f"The SQLAlchemy URL of the database is read from ${URL_VARIABLE}."
        command.add_argument("--environment", choices=("production", "sandbox"), help="only this environment")
        command.add_argument("--account", help="only the account with this label")
    for command in commands.choices.values():
        command.add_argument("--schema", help="the schema of the ledger's tables")
    return parser


def _text(given: str) -> str:
    if not given.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return given.strip()


def _days(given: str) -> float:
    days = float(given)
    if not days >= 0:
        raise argparse.ArgumentTypeError("give zero or more days")
    return days


def _hours(given: str) -> float:
    hours = float(given)
    if not 0 < hours <= MAX_HOURS:
        raise argparse.ArgumentTypeError(f"give more than 0 hours, and at most {MAX_HOURS}")
    return hours


def _ddl(asked: Asked) -> Iterable[str]:
    yield ddl(ledger_layout(asked.schema, with_rollforward=asked.rollforward), dialect_named(asked.dialect))
    yield from grants(asked.dialect, asked.schema, with_rollforward=asked.rollforward)


def _list(ledger: Ledger, asked: Asked) -> Iterable[str]:
    where = {"environment": asked.environment, "account": asked.account}
    return batches_page(named(ledger, **where, days=asked.days), plain_holds(ledger, **where))


def _show(ledger: Ledger, asked: Asked) -> Iterable[str]:
    where = {"environment": asked.environment, "account": asked.account}
    holds = plain_holds(ledger, asked.external_id, **where, only_open=False)
    if holds and not named(ledger, asked.external_id, **where):
        return plain_page(holds)
    batch = _batch(ledger, asked)
    digest, said = shown_digest(batch), words_of(ledger, batch)
    return batch_page(batch, digest, said, holds_of(ledger, batch.key), items_of(ledger, batch.key), events_of(ledger, batch.key))


def _resolve(ledger: Ledger, asked: Asked) -> Iterable[str]:
    batch, after = _batch(ledger, asked), State(asked.after)
    check_step(batch, after)
    found = read_at_iyzico(asked.conn_id, ledger, batch)
    if found is not None and batch.request_id is None and (others := differing_items(ledger, batch, found)):
        yield f"{len(others)} items, such as {others[0]!r}, have another recipient at iyzico, or iyzico masks it: you decide"
    if found is not None and after is State.ENDED and (unclear := without_unclear_items(ledger, batch, found)[1]):
        yield f"{unclear}: what became of them stays as the ledger has it"
    kept = resolve(ledger, batch, after, found, _who(asked), asked.because)
    yield f"{kept} is {kept.state}"


def _release(ledger: Ledger, asked: Asked) -> Iterable[str]:
    where = {"environment": asked.environment, "account": asked.account}
    plain = plain_holds(ledger, asked.external_id, **where)
    if not plain or named(ledger, asked.external_id, **where):
        batch = _batch(ledger, asked)
        persons.release(ledger, batch, _who(asked), asked.because)
        return [f"nothing is set aside for {batch} any more"]
    row = _only(plain, asked.external_id, lambda row: f"{row['account']} ({row['environment']})")
    account = Account(row["environment"], row["account"], row["currency"])
    hold = release_plain(ledger, account, asked.external_id, _who(asked), asked.because)
    if hold is None:
        raise LedgerBatchError(f"nothing is set aside for {asked.external_id!r} any more; somebody else gave it back")
    return [f"{hold.external_id} held {money_text(hold.counted)} {account.currency}, and holds nothing any more"]


def _permit(ledger: Ledger, asked: Asked) -> Iterable[str]:
    batch = _batch(ledger, asked)
    _require_looked_at(ledger, batch, asked.version)
    persons.permit(ledger, batch, _who(asked), asked.because)
    return [f"{batch} may be authorized once more; clear the task that pays it"]


def _require_looked_at(ledger: Ledger, batch: LedgerBatch, version: int | None) -> None:
    """Refuse a person who looked at an older batch: somebody else's permission may have been used since, and have paid.

    :raises LedgerBatchError: the batch has another version, or none is given although somebody permitted one before
    """
    if version == batch.version:
        return
    permitted = [event for event in events_of(ledger, batch.key) if event["kind"] == EventKind.PERMIT.value]
    if version is None and not permitted:
        return
    last = "".join(f" {each['person']} permitted one at {each['happened_at']:%Y-%m-%d %H:%M} UTC." for each in permitted[-1:])
    raise LedgerBatchError(
        f"{batch} is {batch.state} at version {batch.version}.{last} If an authorization was sent after you looked, another one "
        "could pay twice. Look at `show` and into iyzico's panel again. If nothing was paid, give --version "
        f"{batch.version}; nothing was written"
    )


def _approve(ledger: Ledger, asked: Asked) -> Iterable[str]:
    batch, who, max_age = _batch(ledger, asked), _who(asked), timedelta(hours=asked.max_age_hours)
    reason = f"{asked.because} (typed by {_session_user() or 'nobody by name'})" if asked.by else asked.because
    approve(ledger, batch, who, digest=asked.digest, max_age=max_age, reason=reason)
    return [f"{batch} is approved by {who.person} as {asked.digest}, and this counts for {asked.max_age_hours:g} hours"]


_COMMANDS: dict[str, Callable[[Ledger, Asked], Iterable[str]]] = {
    "list": _list,
    "show": _show,
    "resolve": _resolve,
    "release": _release,
    "permit": _permit,
    "approve": _approve,
}


def _batch(ledger: Ledger, asked: Asked) -> LedgerBatch:
    found = named(ledger, asked.external_id, environment=asked.environment, account=asked.account)
    return _only(found, asked.external_id, lambda batch: str(batch.account))


def _only(found: Sequence[T], external_id: str, whose: Callable[[T], str]) -> T:
    if not found:
        raise LedgerBatchError(f"the ledger has no batch and no open hold named {external_id!r} there; see `list`")
    if len(found) > 1:
        raise LedgerBatchError(
            f"the ledger has {external_id!r} of {' and of '.join(map(whose, found))}; say which with --environment and --account"
        )
    return found[0]


def _who(asked: Asked) -> Who:
    person = asked.by or _session_user()
    if person is None:
        raise LedgerError("this session has no user name; say with --by who decides")
    return Who(person=person)


def _session_user() -> str | None:
    try:
        return getuser()
    except (KeyError, OSError):
        return None
