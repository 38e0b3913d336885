"""Approvals: who approved or rejected a batch as it is, until when that counts, and whether it is enough to have it paid."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.domain.approval import DIGEST_LENGTH, SHOWN_LENGTH, Word, is_rejected, last_words, names_of, why_not
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerApprovalError
from airflow_provider_iyzico.ledger.batches import LedgerBatch, Turn, is_batch, take_turn
from airflow_provider_iyzico.ledger.events import EventKind, last_version
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who

#: For how long an approval counts, unless somebody says otherwise.
MAX_AGE = timedelta(days=1)
#: Who triggers a run that does this decides what is paid, and may not approve it.
_DECIDING = (EventKind.REGISTERED, EventKind.CORRECTED, EventKind.BOUND, EventKind.TAKEN_UP)


def approval_digest(batch: LedgerBatch) -> str:
    """Return the digest of what a person approves. When any of it changes, older approvals no longer count."""
    seen = (
        *batch.key.values(),
        *(batch.request_id, batch.content_digest, batch.purpose, batch.account.currency, batch.items - batch.invalid_items),
        *(None if amount is None else money_text(amount) for amount in (batch.total, batch.commission, batch.required)),
    )
    return sha256(json.dumps(seen, separators=(",", ":")).encode()).hexdigest()[:DIGEST_LENGTH]


def shown_digest(batch: LedgerBatch) -> str:
    """Return what a person sees of the digest, and gives."""
    return approval_digest(batch)[:SHOWN_LENGTH]


def require_approvable(batch: LedgerBatch) -> str:
    """Return the digest of a batch that a person can approve.

    :raises LedgerApprovalError: it is not initiated, or nobody knows what it costs
    """
    if batch.state is not State.INITIATED or batch.request_id is None:
        raise LedgerApprovalError(f"{batch} is {batch.state}; people approve or reject only a batch that is initiated")
    if batch.required is None:
        raise LedgerApprovalError(
            f"iyzico does not say what {batch} costs; give MassPayoutInitOperator a commission_bound, which may be '0'"
        )
    return approval_digest(batch)


def approve(
    ledger: Ledger,
    batch: LedgerBatch,
    who: Who,
    *,
    digest: str,
    max_age: timedelta = MAX_AGE,
    answered_at: datetime | None = None,
    reason: str | None = None,
) -> LedgerBatch:
    """Keep that a person approved a batch as it is. A task that keeps the same answer again writes nothing.

    :param who: a person, and the task in which they answered, if any
    :param digest: what the person was shown: six digits of it at least
    :param max_age: how long the approval counts, from the answer on
    :param answered_at: when the person answered, if that was before now
    :raises LedgerApprovalError: the approval does not count; nothing was written
    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    """

    def act(turn: Turn) -> LedgerBatch:
        shown = _require_shown(turn.batch, digest)
        names = _require_person(turn.batch, who)
        if names & _triggered_by(turn.ledger, turn.connection, turn.batch, who):
            raise LedgerApprovalError(f"{who.person} triggered the run of {turn.batch}; somebody else must approve it")
        counts_until = min(answered_at or turn.now, turn.now) + max_age
        if counts_until <= turn.now:
            raise LedgerApprovalError(
                f"{who.person} approved {turn.batch} at {answered_at:%Y-%m-%d %H:%M:%S} UTC, which is longer ago than max_age "
                f"({max_age}); approve it again"
            )
        theirs = [row for row in _said(ledger, turn.connection, turn.batch) if _word(row).names & names]
        if theirs and why_not(_word(theirs[-1]), shown, now=turn.now, triggered_by=frozenset()) is None:
            if who.is_task_of(theirs[-1]):
                return turn.batch
            raise LedgerApprovalError(
                f"{who.person} has approved {turn.batch} already; another person must give the second approval"
            )
        return turn.advance(EventKind.APPROVED, {}, approval_digest=shown, counts_until=counts_until, reason=reason)

    return take_turn(ledger, batch, who, act)


def reject(ledger: Ledger, batch: LedgerBatch, who: Who, *, digest: str, reason: str | None = None) -> LedgerBatch:
    """Keep that a person rejected a batch as it is: it is not paid unless they approve it after all.

    :raises LedgerApprovalError: the batch is not as it was shown, or it is nobody who rejects it; nothing was written
    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    """

    def act(turn: Turn) -> LedgerBatch:
        shown = _require_shown(turn.batch, digest)
        _require_person(turn.batch, who)
        return turn.advance(EventKind.REJECTED, {}, approval_digest=shown, reason=reason)

    return take_turn(ledger, batch, who, act)


def words_of(ledger: Ledger, batch: LedgerBatch) -> list[tuple[Word, str | None]]:
    """Return what each person said last, and why it is no approval that counts, if it is none."""
    return ledger.act(lambda connection: _judged(ledger, connection, batch, Who()))


def is_approved_in(ledger: Ledger, batch: LedgerBatch, who: Who) -> bool:
    """Tell whether somebody answered in this task instance, in whichever try, with an approval that counts."""

    def ask(connection: Connection) -> bool:
        mine = [row for row in _said(ledger, connection, batch) if who.is_task_of(row)]
        counts = [word for word, why in _judged(ledger, connection, batch, who) if why is None]
        return bool(mine) and _word(mine[-1]) in counts

    return ledger.act(ask)


def check_approvals(ledger: Ledger, batch: LedgerBatch, who: Who, needed: int) -> str | None:
    """Ask for the approvals before anything else is done for the batch; ``require_approvals`` decides.

    :raises LedgerApprovalError: they do not suffice
    """
    return ledger.act(lambda connection: _require(ledger, connection, batch, who, needed))


def require_approvals(turn: Turn, needed: int) -> str | None:
    """Return who approved a batch, in the transaction that commits its intent.

    :param needed: how many people must have
    :raises LedgerApprovalError: they did not, or somebody rejected it; the message says what to do
    """
    return _require(turn.ledger, turn.connection, turn.batch, turn.who, needed)


def _require(ledger: Ledger, connection: Connection, batch: LedgerBatch, who: Who, needed: int) -> str | None:
    digest, judged = approval_digest(batch), _judged(ledger, connection, batch, who)
    for word, _ in judged:
        if is_rejected(word, digest):
            raise LedgerApprovalError(
                f"{word.person} rejected {batch} at {word.said_at:%Y-%m-%d %H:%M} UTC, so it is not paid. Cancel it, or let the "
                "same person approve it after all"
            )
    approved = [word.person for word, why in judged if why is None]
    if len(approved) < needed:
        others = "".join(f"; {word.person} {why}" for word, why in judged if why is not None)
        shown = shown_digest(batch)
        raise LedgerApprovalError(
            f"{batch} lacks {needed - len(approved)} of {needed} approvals, and nothing was sent. Approved by: "
            f"{', '.join(approved) or 'nobody'}{others}. Let somebody else approve it as {shown}, with a "
            f"MassPayoutApprovalOperator or by hand (python -m airflow_provider_iyzico.ledger approve {batch.external_id} "
            f"--digest {shown} --because ...); then clear this task"
        )
    return f"approved by {', '.join(approved)}" if approved else None


def _judged(ledger: Ledger, connection: Connection, batch: LedgerBatch, who: Who) -> list[tuple[Word, str | None]]:
    words = last_words(map(_word, _said(ledger, connection, batch)))
    digest, now = approval_digest(batch), ledger.clock(connection)
    triggered_by = _triggered_by(ledger, connection, batch, who)
    return [(word, why_not(word, digest, now=now, triggered_by=triggered_by)) for word in words]


def _triggered_by(ledger: Ledger, connection: Connection, batch: LedgerBatch, who: Who) -> frozenset[str]:
    """Return the names of those who triggered the runs in which the batch was begun or changed, and this one."""
    rows = _rows(ledger, connection, batch, _DECIDING)
    return names_of(who.triggered_by, *(row["triggered_by"] for row in rows))


def _said(ledger: Ledger, connection: Connection, batch: LedgerBatch) -> list[RowMapping]:
    """Return what people said of a batch, the oldest first.

    Of what they said before a task took it up, only the rejections that nobody had withdrawn are left.
    """
    taken_up = last_version(ledger, connection, batch.key, EventKind.TAKEN_UP)
    rows = _rows(ledger, connection, batch, (EventKind.APPROVED, EventKind.REJECTED))
    last = last_words(map(_word, rows))
    return [row for row in rows if row["version"] > taken_up or (row["kind"] == EventKind.REJECTED.value and _word(row) in last)]


def _rows(ledger: Ledger, connection: Connection, batch: LedgerBatch, kinds: Iterable[EventKind]) -> list[RowMapping]:
    """Return events of a batch, the oldest first."""
    event = ledger.tables.event
    query = select(event).where(is_batch(event, batch.key), event.c.kind.in_([kind.value for kind in kinds]))
    return list(connection.execute(query.order_by(event.c.version)).mappings())


def _word(row: RowMapping) -> Word:
    is_approval = row["kind"] == EventKind.APPROVED.value
    return Word(
        row["person"] or "", row["person_id"], row["approval_digest"] or "", is_approval, row["happened_at"], row["counts_until"]
    )


def _require_shown(batch: LedgerBatch, digest: str) -> str:
    """Return the whole digest of the batch as it is, if that is what a person was shown."""
    whole = require_approvable(batch)
    if len(digest) < SHOWN_LENGTH or not whole.startswith(digest.lower()):
        raise LedgerApprovalError(
            f"the digest of {batch} is {shown_digest(batch)} now, and the answer names {digest!r}. Look at the batch again "
            f"(python -m airflow_provider_iyzico.ledger show {batch.external_id}), and approve the new digest. "
            "A cleared task shows its old text in Airflow: approve by `ledger approve`, or in another run"
        )
    return whole


def _require_person(batch: LedgerBatch, who: Who) -> frozenset[str]:
    names = names_of(who.person, who.person_id)
    if not names:
        raise LedgerApprovalError(
            f"Airflow names no user for the answer about {batch}; let somebody answer who is signed in with a name"
        )
    return names
