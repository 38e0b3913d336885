"""The roll-forward computed a second time, in plain Python, from the rows of the warehouse and the ledger. It shares no code with
the package. All days are those of Istanbul."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from payout_reports_reference import PayoutReports, meaning
from reports_reference import local_day

GONE, OPEN = ("paid", "out"), ("waiting", "unknown")


class Day:
    """The money of one account on one day."""

    def __init__(self):
        self.left = [Decimal(0), Decimal(0)]
        self.returned = [Decimal(0), Decimal(0)]
        self.observations = 0
        self.inflow = Decimal(0)
        self.first = self.closing = None


def movements(reports):
    """Every movement of an item: its batch, event, direction, amount, commission, and since when it may have been."""
    for key, events in reports.events.items():
        last, since = defaultdict(lambda: "waiting"), {}
        sent_at = reports.batches[key]["created_at"]
        items = {item["item_external_id"]: item for item in reports.items[key]}
        for event in events:
            if event["kind"] == "state" and event["after"] == "auth_sent":
                sent_at = event["happened_at"]
            if event["kind"] != "item":
                continue
            item = items[event["item_external_id"]]
            was, became = last[event["item_external_id"]], meaning(event["after"])
            before = since.get(event["item_external_id"], sent_at)
            since[event["item_external_id"]] = event["happened_at"]
            if became == "unknown":
                continue
            last[event["item_external_id"]] = became
            has_returned = became == "returned" != was
            directions = []
            if was not in GONE and (became in GONE or (has_returned and was != "returned")):
                directions.append("left")
            if became not in GONE and (was in GONE or has_returned):
                directions.append("returned")
            for direction in directions:
                yield key, event, direction, item["amount"], item["commission"] or Decimal(0), before if was in GONE else sent_at


class Rollforward:
    """The days of every account.

    :param snapshots: dicts with environment, account, currency, balance, observed_at
    :param rows: the rows of the ledger's tables as dicts, by the table's name in the package
    """

    def __init__(self, snapshots, rows, now):
        self.reports = PayoutReports(rows, now)
        self.accounts = {(row["environment"], row["account"], row["currency"]) for row in snapshots}
        self.snapshots, self.holds = snapshots, rows["hold"]
        self.moments = {
            account: sorted(row["observed_at"] for row in snapshots if self.of(row) == account) for account in self.accounts
        }
        self.as_of = {}
        for row in snapshots:
            newest = self.as_of.setdefault(row["environment"], row["observed_at"])
            self.as_of[row["environment"]] = max(newest, row["observed_at"])

    @staticmethod
    def of(row):
        return row["environment"], row["account"], row["currency"]

    def days(self):
        """By account and day, what the view says."""
        found = {}
        for account in self.accounts:
            days = self._observed(account)
            self._move(account, days)
            first, last = min(days), local_day(self.as_of[account[0]])
            opening, day = None, first
            while day <= last:
                money = days[day]
                began = opening if opening is not None else money.first
                found[(*account, day)] = self._row(account, day, money, began)
                opening, day = money.closing if money.closing is not None else opening, day + timedelta(days=1)
        return found

    def _observed(self, account):
        """Walk along all that was seen of the balance."""
        days = defaultdict(Day)
        seen = [(row["observed_at"], 0, row["balance"]) for row in self.snapshots if self.of(row) == account]
        seen += [
            (row["placed_at"], 1, row["balance"]) for row in self.holds if self.of(row) == account and row["balance"] is not None
        ]
        before, gained = None, Decimal(0)
        for moment, is_hold, balance in sorted(seen):
            if before is None and is_hold:
                continue
            gained += max(balance - before, Decimal(0)) if before is not None else 0
            before = balance
            if not is_hold:
                day = days[local_day(moment)]
                day.first = balance if day.first is None else day.first
                day.closing = balance
                day.observations += 1
                day.inflow, gained = day.inflow + gained, Decimal(0)
        return days

    def snapshot_day(self, account, moment):
        """The day of the first snapshot that is not before a moment."""
        moments = self.moments[account]
        place = bisect_left(moments, moment)
        return local_day(moments[place]) if place < len(moments) else None

    def bookings(self, account):
        """Each movement of an account with the day on which it counts."""
        for key, event, direction, amount, commission, not_before in movements(self.reports):
            if (*key[:2], self.reports.batches[key]["currency"]) != account:
                continue
            last = self.snapshot_day(account, event["happened_at"])
            if last is None:
                continue
            sign, nearest = (-1, min) if direction == "left" else (1, max)
            moved = defaultdict(Decimal)
            for moment, change in self._changes(account, not_before, event["happened_at"]):
                moved[local_day(moment)] += max(sign * change, Decimal(0))
            fitting = [day for day, total in moved.items() if total >= amount]
            yield key, event, direction, amount, commission, nearest(fitting, default=last)

    def _changes(self, account, after, until):
        """Each change of the balance that was seen from the first snapshot after a moment to the first after another one."""
        seen = sorted((row["observed_at"], row["balance"]) for row in self.snapshots if self.of(row) == account)
        ends_at = next(moment for moment, _ in seen if moment >= until)
        for (_, before), (moment, balance) in pairwise(seen):
            if after <= moment <= ends_at:
                yield moment, balance - before

    def _move(self, account, days):
        for _, _, direction, amount, commission, day in list(self.bookings(account)):
            sums = getattr(days[day], direction)
            sums[0], sums[1] = sums[0] + amount, sums[1] + commission

    def _row(self, account, day, money, opening):
        left, returned = sum(money.left), sum(money.returned)
        row = {
            "opening": opening,
            "closing": money.closing,
            "left_total": money.left[0],
            "left_commission": money.left[1],
            "returned_total": money.returned[0],
            "returned_commission": money.returned[1],
            "came_in": None,
            "expected_closing": None,
            "unexplained": None,
            "under_way": self._under_way(account, day),
            "observations": money.observations,
        }
        if money.closing is not None:
            missing = money.closing - opening + left - returned
            row["came_in"] = max(min(missing, money.inflow), money.inflow - returned, Decimal(0))
            row["expected_closing"] = opening + row["came_in"] - left + returned
            row["unexplained"] = money.closing - row["expected_closing"]
        return row

    def _under_way(self, account, last):
        """What was authorized before the closing balance of a day, and of which nothing was known by the newest snapshot."""
        found, newest = Decimal(0), max(self.moments[account])
        for key, batch in self.reports.batches.items():
            going, _ = self.reports.went(key)
            if (*key[:2], batch["currency"]) != account or going is None or not self._is_by(account, going["happened_at"], last):
                continue
            for item in self.reports.items[key]:
                if meaning(item["status"]) in OPEN or item["status_at"] > newest:
                    found += item["amount"] + (item["commission"] or 0)
        return found

    def _is_by(self, account, moment, last):
        day = self.snapshot_day(account, moment)
        return day is not None and day <= last

    def months(self):
        """By account and month, what the view says."""
        months = defaultdict(list)
        for (*account, day), row in sorted(self.days().items()):
            months[(*account, day.strftime("%Y-%m"))].append(row)
        found = {}
        for key, rows in months.items():
            names = ("came_in", "left_total", "left_commission", "returned_total", "returned_commission")
            sums = {name: sum((row[name] for row in rows if row[name] is not None), Decimal(0)) for name in names}
            seen = [row for row in rows if row["closing"] is not None]
            opening, closing = rows[0]["opening"], seen[-1]["closing"] if seen else None
            expected = opening + sums["came_in"] - sums["left_total"] - sums["left_commission"]
            expected += sums["returned_total"] + sums["returned_commission"]
            found[key] = {
                **(
                    {name: value for name, value in sums.items() if seen or name != "came_in"}
                    | ({} if seen else {"came_in": None})
                ),
                "opening": opening,
                "closing": closing,
                "expected_closing": expected if seen else None,
                "unexplained": closing - expected if seen else None,
                "under_way": rows[-1]["under_way"],
                "days": len(rows),
                "days_observed": len(seen),
            }
        return found
