"""The referee of the seeded runs: goes by plain SQL, by the requests and by the simulator's own books, with rules of its own.

What is checked, after every turn where not said otherwise (the numbers are those of the invariants that the project keeps):
INV-01 no over-commit, INV-02 one authorization, INV-03 names, INV-04 intent before byte, INV-05 content, INV-06 unknown is not
failed, INV-08 transitions and whole events, and at the end INV-09 conservation, INV-10 and INV-12 item by item.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from sqlalchemy import text
from stepped import Stage

from airflow_provider_iyzico.simulator.wire import Answer, Request

#: The contract's table, written down a second time.
TABLE = {
    "new": "init_sent",
    "init_sent": "initiated init_unknown refused",
    "init_unknown": "initiated new cancelled",
    "refused": "init_sent",
    "initiated": "auth_sent cancel_sent authorized cancelled",
    "auth_sent": "authorized auth_unknown initiated cancelled",
    "auth_unknown": "authorized initiated cancelled cancel_sent",
    "authorized": "ended",
    "ended": "authorized",
    "cancel_sent": "cancelled initiated authorized cancel_unknown",
    "cancel_unknown": "cancelled initiated authorized",
    "cancelled": "authorized",
}
TRANSITIONS = {(before, after) for before, afters in TABLE.items() for after in afters.split()}
STATES = set(TABLE)
SENT = {"init": "init_sent", "auth": "auth_sent", "cancel": "cancel_sent"}
MAY_STILL_PAY = {"init_sent", "init_unknown", "initiated", "auth_sent", "auth_unknown", "cancel_sent", "cancel_unknown"}
MAY_BE_PAYING = {"auth_sent", "auth_unknown", "authorized"}
SETTLED = {"SUCCESS", "DEPOSIT_SUCCESS", "INVALID", "MASS_PAYOUT_CANCELED"}
#: Codes by which iyzico says no, as documented; 50000 is its limit.
NO = {*map(str, range(3, 28)), "9000", "50000", "1000", "1001", "1007", "1009"}
_TOO_MANY = 429


class Violation(BaseException):
    """Something is that must never be."""


@dataclass(slots=True)
class Seen:
    """What was seen of one batch so far."""

    state: str | None = None
    version: int = 0
    authorizations: int = 0
    permits: int = 0
    used_permits: int = 0
    items: dict[str, str] = field(default_factory=dict)


class Referee:
    """Watches one run.

    :param contents: the payments of each batch as they are handed over: amount by item, by the batch's name
    """

    def __init__(self, engine: Any, stage: Stage, contents: dict[str, dict[str, Decimal]], grace_seconds: float) -> None:
        self.engine, self.stage, self.contents, self.grace = engine, stage, contents, timedelta(seconds=grace_seconds)
        #: Whom each batch pays, by its name and the item.
        self.recipients: dict[str, dict[str, str]] = {}
        #: What each batch was before somebody corrected it, and what makes it that again.
        self.uncorrected: dict[str, tuple[dict[str, Decimal], Callable[[], None]]] = {}
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.turns = 0
        #: What somebody took out, or promised, behind our back: that much is outside the promise.
        self.disturbed = Decimal(0)
        self.answers: dict[str, str] = {}
        self._reads: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
        self._effects = 0
        self._mark: object = None
        self._written: object = None

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), values).mappings())

    # requests

    def before(self, call: str, request: Request) -> None:
        """INV-03, INV-04, INV-05: may this request leave?"""
        if call not in SENT:
            return
        fields = json.loads(request.body, parse_float=Decimal) if request.body else {}
        if call == "init":
            if fields["externalId"] not in self.contents:
                raise Violation(f"INV-03 name: {fields['externalId']!r} is handed over, which nobody ordered")
            row = self._row("external_id", fields["externalId"])
            self._check_content(row, fields)
        else:
            request_id = fields.get("requestId") or request.path.rpartition("/")[2]
            row = self._row("request_id", request_id)
        self._check_intent(call, row)
        if call == "auth":
            self._check_read(row)
            self._check_held(row)
            self._check_adopted(row)
            self.answers[row["external_id"]] = "unknown"

    def _row(self, column: str, value: str) -> Any:
        found = self.rows(f"SELECT * FROM iyzico_payout WHERE {column} = :value", value=value)
        if len(found) != 1:
            raise Violation(f"INV-04 no intent: the ledger has {len(found)} batches whose {column} is {value!r}")
        return found[0]

    def _check_intent(self, call: str, row: Any) -> None:
        name, now = row["external_id"], self.stage.moment()
        if row["state"] != SENT[call]:
            raise Violation(f"INV-04 no intent: {call} of {name} leaves while it is {row['state']}")
        if now > moment_of(row["deadline_at"]):
            raise Violation(f"INV-04 too late: {call} of {name} leaves at {now}, its deadline was {row['deadline_at']}")

    def _check_content(self, row: Any, fields: dict[str, Any]) -> None:
        name = row["external_id"]
        content = {item["itemExternalId"]: Decimal(item["amount"]["value"]) for item in fields["items"]}
        earlier, undo = self.uncorrected.get(name, ({}, lambda: None))
        if content != self.contents.get(name) and content == earlier:
            undo()
        if content != self.contents.get(name):
            raise Violation(f"INV-05 another content: {name} is handed over as {sorted(content)}")
        twins = [other for other, items in self.contents.items() if items == content and other != name]
        for other in self.rows("SELECT external_id, state FROM iyzico_payout"):
            if other["external_id"] in twins and other["state"] in MAY_STILL_PAY:
                raise Violation(f"INV-05 twin: {name} leaves while {other['external_id']} is {other['state']}")
        if not self.stage.playing.notes.pop(("nothing", name), False):
            raise Violation(f"INV-07 no read: {name} is handed over, and the read before did not find nothing")

    def _check_read(self, row: Any) -> None:
        since = self.rows(
            "SELECT max(happened_at) AS at FROM iyzico_payout_event WHERE external_id = :name AND kind = 'state' "
            "AND after = 'initiated'",
            name=row["external_id"],
        )[0]["at"]
        reads = [read for read in self.stage.playing.notes.get(("reads", row["request_id"]), []) if read[0] >= moment_of(since)]
        init_at = [moment for moment, _ in takewhile(lambda read: read[1], reversed(reads))]  # one look may read twice
        if not init_at or init_at[0] - init_at[-1] < self.grace:
            raise Violation(f"INV-06 no read: {row['external_id']} is authorized, and no two reads before it said INIT: {reads}")

    def _check_held(self, row: Any) -> None:
        name = row["external_id"]
        needs = sum((item.needs for item in self._batch(row).valid), Decimal(0))
        held = self._held(name)
        if held < needs:
            raise Violation(f"INV-01 too little held: {name} needs {needs}, and {held} is held")

    def _check_adopted(self, row: Any) -> None:
        name = row["external_id"]
        theirs = {item.external_id: item.recipient_info for item in self._batch(row).shown}
        if theirs != self.recipients[name]:
            raise Violation(f"INV-07 adopted: {name} would pay others than it was given")

    def after(self, call: str, request: Request, outcome: Answer | Exception) -> None:
        """Remember what came back."""
        if isinstance(outcome, Exception) or call not in ("auth", "retrieve"):
            return
        asked = json.loads(request.body)
        try:
            fields = json.loads(outcome.body)
        except ValueError:
            return
        if call == "auth":
            name = self._row("request_id", asked["requestId"])["external_id"]
            self.answers[name] = _answer(outcome.status, fields)
        else:
            self._note_read(asked, outcome.status, fields)

    def _note_read(self, asked: dict[str, Any], http_status: int, fields: dict[str, Any]) -> None:
        notes, found = self.stage.playing.notes, fields.get("massPayout")
        if asked.get("externalMassPayoutId"):
            code = str(fields.get("errorCode"))
            notes["nothing", asked["externalMassPayoutId"]] = http_status < 500 and not found and code not in ("1", "2", "50000")
        elif found and asked["itemType"] == "VALID":
            statuses = {item["itemStatus"] for item in fields["massPayoutItems"]["items"]}
            read = (self.stage.moment(), found["massPayoutStatus"] == "INIT" and statuses <= {"INIT"})
            notes.setdefault(("reads", asked["requestId"]), []).append(read)
            self._reads[asked["requestId"]].append(read)

    # turns

    def look(self) -> None:
        """Check everything that may have changed since the last turn."""
        if (writes := self._writes()) == self._written:
            return
        self._written = writes
        effects = self.stage.world.journal.effects()
        marks = self.rows("SELECT external_id, version, state FROM iyzico_payout")
        mark = (len(effects), [tuple(row.values()) for row in marks])
        if mark == self._mark:
            return
        self._mark = mark
        self.turns += 1
        for row in marks:
            if row["version"] != self.seen[row["external_id"]].version:
                self._follow(row["external_id"], row["state"])
        for effect in effects[self._effects :]:
            self._judge_effect(effect)
        self._effects = len(effects)
        for row in marks:
            self._check_hold_of(row)

    def _writes(self) -> object:
        """Return something that changes whenever the ledger or the simulator's books do."""
        if self.engine.dialect.name != "sqlite":
            return object()
        with self.engine.connect() as connection:
            return connection.connection.driver_connection.total_changes, len(self.stage.world.journal)

    def _follow(self, name: str, state: str) -> None:
        """INV-06, INV-08: the events since lead to what the row says, step by step of the table."""
        seen = self.seen[name]
        events = self.rows(
            "SELECT * FROM iyzico_payout_event WHERE external_id = :name AND version > :version ORDER BY version, item_external_id",
            name=name,
            version=seen.version,
        )
        for event in events:
            if event["item_external_id"] is not None:
                seen.items[event["item_external_id"]] = event["after"]
                continue
            if event["version"] != seen.version + 1:
                raise Violation(f"INV-08 events: {name} went from version {seen.version} to {event['version']}")
            seen.version = event["version"]
            if event["kind"] == "registered":
                seen.state = "new"
            elif event["kind"] == "state":
                self._check_step(name, seen, event)
                seen.state = event["after"]
            seen.permits += event["kind"] == "permit"
        self.stage.reached["state", state] += 1
        if seen.state != state:
            raise Violation(f"INV-08 events: those of {name} end at {seen.state}, and the row is {state}")

    def _check_step(self, name: str, seen: Seen, event: Any) -> None:
        step = (event["before"], event["after"])
        if seen.state != step[0] or step not in TRANSITIONS:
            raise Violation(f"INV-08 transition: {name} went from {seen.state} by {step}")
        self.stage.reached["transition", *step] += 1
        if step == ("auth_unknown", "initiated") and not event["person"] and seen.permits <= seen.used_permits:
            raise Violation(f"INV-06 unknown is not failed: {name} went from auth_unknown to initiated without a permit")
        if step[1] == "auth_sent":
            seen.used_permits = seen.permits
            self.answers[name] = "unsent"
        if step == ("auth_sent", "initiated") and not event["person"]:
            self._check_no(name)

    def _check_no(self, name: str) -> None:
        said = self.answers.get(name)
        if said == "unsent":
            return
        row = self._row("external_id", name)
        since = self.rows(
            "SELECT max(happened_at) AS at FROM iyzico_payout_event WHERE external_id = :name AND after = 'auth_sent'", name=name
        )[0]["at"]
        reads = [at for at, is_init in self._reads[row["request_id"]] if is_init and at >= moment_of(since)]
        if said != "refused" or len(reads) < 2 or reads[-1] - reads[0] < self.grace:
            raise Violation(
                f"INV-06 unknown is not failed: {name} is initiated again, the answer was {said}, INIT was read {reads}"
            )

    def _judge_effect(self, effect: Any) -> None:
        self.stage.reached["effect", effect.what, effect.by] += 1
        if effect.what == "withdraw":
            self.disturbed += Decimal(effect.amount)
        elif effect.what == "init" and effect.external_id not in self.contents:
            raise Violation(f"INV-03 name: iyzico has a batch {effect.external_id!r}, which nobody ordered")
        elif effect.what == "auth" and effect.by != "api":
            self.disturbed += Decimal(effect.needed)
        elif effect.what == "auth":
            self._judge_authorization(effect)

    def _judge_authorization(self, effect: Any) -> None:
        name, seen = effect.external_id, self.seen[effect.external_id]
        seen.authorizations += 1
        if seen.authorizations > 1 + seen.permits:
            raise Violation(f"INV-02 paid twice: {name} was authorized {seen.authorizations} times, permits: {seen.permits}")
        needed, promised, balance = Decimal(effect.needed), Decimal(effect.promised), Decimal(effect.balance)
        if seen.authorizations > 1 or seen.state == "cancelled":  # what a person permitted, or iyzico did after a cancel
            self.disturbed += needed
        unsent = self._held_for_unsent(name)
        if needed + promised + unsent > balance + self.disturbed:
            raise Violation(
                f"INV-01 over-committed: {name} takes {needed}, {promised} is promised, {unsent} is held for batches that are "
                f"not sent, and the balance is {balance} (behind our back: {self.disturbed})"
            )

    def _held_for_unsent(self, but: str) -> Decimal:
        held = self.rows(
            "SELECT hold.external_id AS name, hold.counted, hold.expires_at, payout.state FROM iyzico_balance_hold AS hold "
            "LEFT JOIN iyzico_balance_hold_end AS hold_end ON hold_end.hold_id = hold.hold_id "
            "LEFT JOIN iyzico_payout AS payout ON payout.external_id = hold.external_id WHERE hold_end.hold_id IS NULL"
        )
        now = self.stage.moment()
        return sum(
            (
                Decimal(str(row["counted"]))
                for row in held
                if row["name"] != but
                and row["state"] not in MAY_BE_PAYING
                and not self.seen[row["name"]].authorizations  # those are promised, though a cancel may be under way
                and (row["expires_at"] is None or moment_of(row["expires_at"]) > now)
            ),
            Decimal(0),
        )

    def _held(self, name: str) -> Decimal:
        rows = self.rows(
            "SELECT hold.counted FROM iyzico_balance_hold AS hold LEFT JOIN iyzico_balance_hold_end AS hold_end "
            "ON hold_end.hold_id = hold.hold_id WHERE hold.external_id = :name AND hold_end.hold_id IS NULL "
            "AND (hold.expires_at IS NULL OR hold.expires_at > :now)",
            name=name,
            now=str(self.stage.moment().replace(tzinfo=None)) if self.engine.dialect.name == "sqlite" else self.stage.moment(),
        )
        return sum((Decimal(str(row["counted"])) for row in rows), Decimal(0))

    def _check_hold_of(self, row: Any) -> None:
        """What a batch may still take is held, as long as the ledger knows that it may be paying."""
        if row["state"] not in MAY_BE_PAYING:
            return
        name = row["external_id"]
        batch = self._batch(self._row("external_id", name))
        if batch.authorized_ms is None or batch.authorizations > 1:
            return
        out = sum((item.needs for item in batch.items if item.status not in SETTLED), Decimal(0))
        if (held := self._held(name)) < out:
            raise Violation(f"INV-01 hold: {name} is {row['state']}, {out} of it is not settled, and {held} is held")

    def _batch(self, row: Any) -> Any:
        return self.stage.world.desk.find(row["request_id"])

    # the end

    def check_end(self) -> Counter[str]:
        """Compare the ledger with iyzico, item by item, and return how many batches are in which state."""
        states: Counter[str] = Counter()
        for row in self.rows("SELECT * FROM iyzico_payout"):
            states[row["state"]] += 1
            self._check_items(row)
        self._check_expired()
        return states

    def _check_expired(self) -> None:
        """INV-01: no hold had an end in time while its batch might be paying."""
        ends = self.rows(
            "SELECT hold.external_id AS name, hold.expires_at AS at FROM iyzico_balance_hold_end AS hold_end "
            "JOIN iyzico_balance_hold AS hold ON hold.hold_id = hold_end.hold_id WHERE hold_end.kind = 'expired'"
        )
        query = "SELECT happened_at AS at, after FROM iyzico_payout_event WHERE external_id = :name AND kind = 'state' ORDER BY version"
        for end in ends:
            before = [
                event["after"] for event in self.rows(query, name=end["name"]) if moment_of(event["at"]) < moment_of(end["at"])
            ]
            if before and before[-1] in MAY_BE_PAYING:
                raise Violation(f"INV-01 ended by time although sent: the hold of {end['name']}, which was {before[-1]}")

    def _check_items(self, row: Any) -> None:
        """INV-09: the items add up to the batch, and the events to the items."""
        name = row["external_id"]
        items = self.rows("SELECT * FROM iyzico_payout_item WHERE external_id = :name", name=name)
        kept = {item["item_external_id"]: Decimal(str(item["amount"])) for item in items}
        # Where init refuses a correction, the batch stays as it was.
        is_as_before = row["state"] == "refused" and kept == self.uncorrected.get(name, ({},))[0]
        if kept != self.contents[name] and not is_as_before:
            raise Violation(f"INV-09 conservation: the items of {name} are not those that were given")
        valid = sum((Decimal(str(item["amount"])) for item in items if item["status"] != "INVALID"), Decimal(0))
        if valid != Decimal(str(row["total"])):
            raise Violation(f"INV-09 conservation: the valid items of {name} make {valid}, and its total is {row['total']}")
        seen = self.seen[name].items
        if off := {item["item_external_id"] for item in items if seen.get(item["item_external_id"], "") != item["status"]}:
            raise Violation(f"INV-08 events: the events of {sorted(off)} of {name} do not lead to their rows")

    def differing(self, name: str) -> dict[str, tuple[str, str]]:
        """INV-12: return the items whose status the ledger and iyzico tell differently."""
        row = self._row("external_id", name)
        if row["request_id"] is None:
            return {}
        ours = self.rows("SELECT item_external_id AS id, status FROM iyzico_payout_item WHERE external_id = :name", name=name)
        theirs = {item.external_id: item.status for item in self._batch(row).shown}
        return {item["id"]: (item["status"], theirs.get(item["id"], "")) for item in ours if item["status"] != theirs[item["id"]]}


def _answer(http_status: int, fields: dict[str, Any]) -> str:
    """Say what an answer to an authorization means: done, refused, or nobody knows."""
    code = str(fields.get("errorCode"))
    if http_status == 200 and fields.get("status") == "success":
        return "done"
    if http_status == _TOO_MANY or (http_status < 500 and (code in NO or http_status in (401, 403))):
        return "refused"
    return "unknown"


def moment_of(value: Any) -> datetime:
    """Return a moment as a database gives it back."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
