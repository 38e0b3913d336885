"""The reports of payouts computed a second time, in plain Python, from the ledger's rows. It shares no code with the package."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

MEANINGS = {
    "": "waiting",
    "INIT": "waiting",
    "QUEUED": "waiting",
    "PROCESSING": "waiting",
    "SUCCESS": "paid",
    "INVALID": "invalid",
    "DEPOSIT_SUCCESS": "returned",
    "MASS_PAYOUT_CANCELED": "cancelled",
    "FAILED": "out",
    "DEPOSIT_FAIL": "out",
}
STOPPED = ("FAIL", "INSUFFICIENT_BALANCE", "IYZICO_INSUFFICIENT_BALANCE")
DOCUMENTED = (*STOPPED, "INIT", "IN_PROGRESS", "PUBLISHED_TO_QUEUE", "COMPLETED", "CANCELED")
OUTSTANDING = ("waiting", "out", "unknown")
BATCH = ("environment", "account", "external_id")


def meaning(status):
    return MEANINGS.get(status, "unknown")


def seconds(start, end):
    return None if start is None else Decimal((end - start) // timedelta(microseconds=1)) / 1_000_000


class PayoutReports:
    """All views of one ledger.

    :param rows: the rows of its tables as dicts, by the table's name in the package
    :param now: when the views are read
    """

    def __init__(self, rows, now):
        self.now = now
        self.batches = {self.key(row): row for row in rows["payout"]}
        self.items, self.events = defaultdict(list), defaultdict(list)
        for row in rows["item"]:
            self.items[self.key(row)].append(row)
        for row in sorted(rows["event"], key=lambda row: row["version"]):
            self.events[self.key(row)].append(row)
        ended = {row["hold_id"] for row in rows["hold_end"]}
        self.open_holds = [
            row for row in rows["hold"] if row["hold_id"] not in ended and not (row["expires_at"] and row["expires_at"] <= now)
        ]

    @staticmethod
    def key(row):
        return tuple(row[name] for name in BATCH)

    def steps(self, key):
        return [event for event in self.events[key] if event["kind"] == "state"]

    def went(self, key):
        """The event by which a batch went to be paid, and whether it is known that it did."""
        sent = authorized = None
        for event in self.steps(key):
            if event["after"] == "auth_sent":
                sent = event
            elif event["after"] == "initiated":
                sent = None
            elif event["after"] == "authorized" and authorized is None:
                authorized = event
        return sent or authorized, authorized is not None

    def authorization(self):
        found = {}
        for key in self.batches:
            event, is_known = self.went(key)
            if event is not None:
                found[key] = {
                    **{name: event[name] for name in ("dag_id", "task_id", "run_id", "person", "triggered_by", "version")},
                    "sent_at": event["happened_at"] if event["after"] == "auth_sent" else None,
                    "authorized_at": event["happened_at"] if is_known else None,
                }
        return found

    def item_report(self):
        found = {}
        for key, items in self.items.items():
            event, is_known = self.went(key)
            authorized_at = event["happened_at"] if is_known else None
            for item in items:
                names = (
                    "recipient_type",
                    "recipient_end",
                    "amount",
                    "commission",
                    "status",
                    "reference_code",
                    "error",
                    "status_at",
                )
                is_paid = item["status"] == "SUCCESS"
                found[(*key, item["item_external_id"])] = {
                    **{name: item[name] for name in names},
                    "currency": self.batches[key]["currency"],
                    "state": self.batches[key]["state"],
                    "meaning": meaning(item["status"]),
                    "authorized_at": authorized_at,
                    "seconds_to_paid": seconds(authorized_at, item["status_at"]) if is_paid else None,
                }
        return found

    def approved(self, key):
        """Who approved a batch: as the ledger itself judged when it was sent, or as it is now."""
        going, _ = self.went(key)
        if going is not None and going["after"] == "auth_sent":
            said = (going["reason"] or "").split("; ")[0]
            return said.removeprefix("approved by ").split(", ") if said.startswith("approved by ") else []
        judged_at = self.now if going is None else going["happened_at"]
        events = [event for event in self.events[key] if going is None or event["version"] <= going["version"]]
        taken_up = max((event["version"] for event in events if event["kind"] == "taken up"), default=0)
        words = [event for event in events if event["kind"] in ("approved", "rejected") and event["version"] > taken_up]
        begins = ("registered", "corrected", "commission bound", "taken up")
        deciding = [event for event in events if event is going or event["kind"] in begins]
        triggered = {(event["triggered_by"] or "").lower() for event in deciding} - {""}
        last = {(word["person_id"] or word["person"]).lower(): word for word in words}
        return [
            word["person"]
            for word in sorted(last.values(), key=lambda word: word["version"])
            if word["kind"] == "approved"
            and word["counts_until"] > judged_at
            and word["approval_digest"] == words[-1]["approval_digest"]
            and not {word["person"].lower(), (word["person_id"] or "").lower()} & triggered
        ]

    def approved_at(self, key, persons):
        going, _ = self.went(key)
        said = [
            event["happened_at"]
            for event in self.events[key]
            if event["kind"] == "approved"
            and event["person"] in persons
            and (going is None or event["version"] < going["version"])
        ]
        return max(said, default=None)

    def summary(self):
        found, troubled = {}, {key[:3] for key, *_ in self.exception()}
        for key, batch in self.batches.items():
            sums = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
            for item in self.items[key]:
                means = meaning(item["status"])
                names = {"requested", means, "valid" if means != "invalid" else means}
                names |= {"outstanding"} if means in OUTSTANDING else set()
                for name in names:
                    sums[name][0] += 1
                    sums[name][1] += item["amount"]
                    sums[name][2] += item["commission"] or 0
            going, is_known = self.went(key)
            persons = self.approved(key)
            found[key] = {
                **{
                    name: batch[name] for name in ("currency", "request_id", "purpose", "state", "dag_id", "run_id", "created_at")
                },
                **{
                    f"{name}_{unit}": sums[name][place]
                    for name in ("requested", "invalid", "valid", "cancelled", "paid", "returned", "outstanding", *OUTSTANDING)
                    for place, unit in enumerate(("items", "total"))
                },
                **{f"{name}_commission": sums[name][2] for name in ("paid", "returned", "outstanding")},
                "unpaid_items": sums["valid"][0] - sums["paid"][0],
                "needs_person": int(key in troubled),
                "approved_by": persons,
                "approved_at": self.approved_at(key, persons),
                "authorized_dag_id": going and going["dag_id"],
                "authorized_task_id": going and going["task_id"],
                "authorized_run_id": going and going["run_id"],
                "authorized_person": going and going["person"],
                "authorized_at": going["happened_at"] if is_known else None,
                "ended_at": batch["ended_at"],
            }
        return found

    def exception(self):
        """Each with its key, kind, detail, since when, and amount."""
        found = []
        for key, batch in self.batches.items():
            of_batch = (*key, batch["currency"], None)
            outstanding = sum((item["amount"] for item in self.items[key] if meaning(item["status"]) in OUTSTANDING), Decimal(0))
            for item in self.items[key]:
                kinds = {"FAILED": "item_failed", "DEPOSIT_FAIL": "deposit_failed"}
                unknown = "item_status_unknown" if meaning(item["status"]) == "unknown" else None
                kind = kinds.get(item["status"], unknown)
                if kind is not None:
                    of_item = (*key, batch["currency"], item["item_external_id"])
                    found.append((of_item, kind, item["status"], item["status_at"], item["amount"]))
            for kind, detail, since in self.troubles(key, batch):
                found.append((of_batch, kind, detail, since, outstanding))
        for hold in self.open_holds:
            state = None if hold["is_plain"] else self.batches[self.key(hold)]["state"]
            may_be_paying = state in ("auth_sent", "auth_unknown", "authorized", "ended")
            if self.now - hold["placed_at"] > timedelta(days=1) and not may_be_paying:
                kind = "plain_hold_old" if hold["is_plain"] else "batch_hold_old"
                found.append(((*self.key(hold), hold["currency"], None), kind, state, hold["placed_at"], hold["counted"]))
        return found

    def troubles(self, key, batch):
        state, status = batch["state"], batch["iyzico_status"]
        if state in ("init_unknown", "auth_unknown", "cancel_unknown"):
            into = [event["happened_at"] for event in self.steps(key) if event["after"] == state]
            yield "batch_unknown", state, into[-1]
        if state in ("init_sent", "auth_sent", "cancel_sent") and batch["deadline_at"] < self.now:
            yield "batch_overdue", state, batch["deadline_at"]
        if state == "initiated" and batch["auth_unanswered_at"]:
            yield "batch_unanswered", state, batch["auth_unanswered_at"]
        under_way = [item["status"] for item in self.items[key] if meaning(item["status"]) in ("waiting", "unknown")]
        if state == "authorized" and status in STOPPED and under_way and set(under_way) <= {"INIT", "QUEUED"}:
            yield "batch_stopped", status, self.since(key, batch)
        if status is not None and status not in DOCUMENTED and state not in ("ended", "cancelled"):
            yield "batch_status_unknown", status, self.since(key, batch)

    def since(self, key, batch):
        """When a read found the status that the batch has, or when the batch was changed last, if that came with another step."""
        came = [
            event["happened_at"]
            for event in self.events[key]
            if event["kind"] == "read" and event["after"] == batch["iyzico_status"] != event["before"]
        ]
        return came[-1] if came else batch["changed_at"]

    def daily(self):
        days = defaultdict(lambda: defaultdict(Decimal))
        for key, events in self.events.items():
            items = {item["item_external_id"]: item for item in self.items[key]}
            for event in events:
                if event["kind"] != "item" or event["before"] == event["after"]:
                    continue
                day = event["happened_at"].astimezone(ZoneInfo("Europe/Istanbul")).date()
                item, where = items[event["item_external_id"]], (*key[:2], self.batches[key]["currency"], day)
                names = {"paid": "bounced", "returned": "withdrawn"}
                left, became = meaning(event["before"]), meaning(event["after"])
                for name in (became if became in names and became != left else None, names.get(left) if left != became else None):
                    if name is not None:
                        days[where][f"{name}_items"] += 1
                        days[where][f"{name}_total"] += item["amount"]
                        days[where][f"{name}_commission"] += item["commission"] or 0
        return days
