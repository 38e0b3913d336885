"""The reports computed a second time, in plain Python with Decimal, from the snapshots alone. It shares no code with the package."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

ISTANBUL = ZoneInfo("Europe/Istanbul")
UTC = ZoneInfo("UTC")
DEFAULT_CADENCE = 15


def minutes(start, end):
    micros = (end - start) // timedelta(microseconds=1)
    return (Decimal(micros) / Decimal(60_000_000)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=ISTANBUL).astimezone(UTC)


def local_day(moment):
    return moment.astimezone(ISTANBUL).date()


def coverage(gates, now):
    """The gates' view, from dicts with the columns of the gates' table."""
    found = {}
    for gate in gates:
        required, first = gate["batch_total"] + gate["headroom"], gate["first_balance"]
        is_over = gate["waits_until"] is not None and now - gate["waits_until"] > timedelta(minutes=5)
        found[(gate["gate_id"],)] = (
            required,
            first,
            None if first is None else max(required - first, Decimal(0)),
            gate["waits_until"],
            gate["ended_at"] and minutes(gate["waiting_since"], gate["ended_at"]),
            "lost" if gate["outcome"] == "waiting" and is_over else gate["outcome"],
        )
    return found


class Reports:
    """All views of one set of snapshots.

    :param rows: dicts with environment, account, currency, balance, observed_at, run_id
    :param thresholds: dicts with environment, account, currency, valid_from, threshold, cadence_minutes
    """

    def __init__(self, rows, thresholds=()):
        self.thresholds = thresholds
        self.series = defaultdict(list)
        for row in rows:
            self.series[row["environment"], row["account"], row["currency"]].append(row)
        for series in self.series.values():
            series.sort(key=lambda row: row["observed_at"])
        self.as_of = {}
        for (environment, *_), series in self.series.items():
            newest = series[-1]["observed_at"]
            self.as_of[environment] = max(self.as_of.get(environment, newest), newest)

    def stated(self, key, before, name):
        """The last value stated for an account before a moment."""
        mine = [t for t in self.thresholds if (t["environment"], t["account"], t["currency"]) == key and t["valid_from"] < before]
        return max(mine, key=lambda t: t["valid_from"])[name] if mine else None

    def latest(self):
        return {key: series[-1]["balance"] for key, series in self.series.items()}

    def stale(self, now):
        found = {}
        for key, series in self.series.items():
            newest = series[-1]["observed_at"]
            stated = self.stated(key, newest + timedelta(microseconds=1), "cadence_minutes") or DEFAULT_CADENCE
            found[key] = int(newest > now or now - newest > timedelta(minutes=2.5 * stated))
        return found

    def interval(self):
        found = {}
        for key, series in self.series.items():
            for index, row in enumerate(series):
                before = series[index - 1] if index else None
                after = series[index + 1] if index + 1 < len(series) else None
                found[(*key, row["observed_at"])] = (
                    row["balance"],
                    after and after["observed_at"],
                    after and minutes(row["observed_at"], after["observed_at"]),
                    before and before["balance"],
                    before and row["balance"] - before["balance"],
                )
        return found

    def movement(self):
        return {
            where: ("inflow" if change > 0 else "outflow", change)
            for where, (_, _, _, _, change) in self.interval().items()
            if change
        }

    def daily(self):
        found = {}
        for key, series in self.series.items():
            as_of, day = self.as_of[key[0]], local_day(series[0]["observed_at"])
            while midnight(day) <= as_of:
                found[(*key, day)] = self.one_day(key, series, day, as_of)
                day += timedelta(days=1)
        return found

    def one_day(self, key, series, day, as_of):
        starts, ends = midnight(day), midnight(day + timedelta(days=1))
        seen = [row for row in series if starts <= row["observed_at"] < ends]
        before = [row for row in series if row["observed_at"] < starts]
        opening = before[-1]["balance"] if before else None
        opening_age = minutes(before[-1]["observed_at"], starts) if before else None
        edge = min(ends, as_of)
        cadence = self.stated(key, ends, "cadence_minutes") or DEFAULT_CADENCE
        threshold = self.stated(key, ends, "threshold")
        if not seen:
            return (opening, opening_age, None, None, None, None, None, None, None, None, 0, minutes(starts, edge), 0, threshold)
        balances = [row["balance"] for row in seen]
        low = min(seen, key=lambda row: (row["balance"], row["observed_at"]))
        high = min(seen, key=lambda row: (-row["balance"], row["observed_at"]))
        chain = ([opening] if before else []) + balances
        changes = [later - earlier for earlier, later in zip(chain, chain[1:], strict=False)]
        marks = [starts, *[row["observed_at"] for row in seen], edge]
        gap = max(minutes(earlier, later) for earlier, later in zip(marks, marks[1:], strict=False))
        return (
            opening,
            opening_age,
            balances[-1],
            low["balance"],
            low["observed_at"],
            high["balance"],
            high["observed_at"],
            balances[-1] - opening if before else None,
            sum((change for change in changes if change > 0), Decimal(0)),
            -sum((change for change in changes if change < 0), Decimal(0)),
            len(seen),
            gap,
            int(ends <= as_of and gap <= Decimal("2.5") * cadence),
            threshold,
        )

    def below(self):
        found = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for key, series in self.series.items():
            stated = sorted(
                (t for t in self.thresholds if (t["environment"], t["account"], t["currency"]) == key),
                key=lambda t: t["valid_from"],
            )
            for held, following in zip(series, series[1:], strict=False):
                day = local_day(held["observed_at"])
                while midnight(day) < following["observed_at"]:
                    for index, each in enumerate(stated):
                        until = stated[index + 1]["valid_from"] if index + 1 < len(stated) else datetime.max.replace(tzinfo=UTC)
                        start = max(held["observed_at"], midnight(day), each["valid_from"])
                        end = min(following["observed_at"], midnight(day + timedelta(days=1)), until)
                        if start < end and each["threshold"] is not None:
                            sums = found[(*key, day, each["threshold"])]
                            sums[0] += minutes(start, end) if held["balance"] < each["threshold"] else 0
                            sums[1] += minutes(start, end)
                    day += timedelta(days=1)
        return {where: tuple(sums) for where, sums in found.items()}

    def runway(self):
        found, days = {}, self.daily()
        for key, series in self.series.items():
            as_of = self.as_of[key[0]]
            for window in (7, 28):
                mine = {day: figures for (*whose, day), figures in days.items() if tuple(whose) == key}
                over = [mine[day] for day in sorted(mine, reverse=True) if midnight(day + timedelta(days=1)) <= as_of][:window]
                outflows = sorted(figures[9] for figures in over if figures[10])
                if over:
                    average = sum(outflows) / len(over) if outflows else None
                    p90 = outflows[-(-9 * len(outflows) // 10) - 1] if outflows else None
                    balance = series[-1]["balance"]
                    found[(*key, window)] = (
                        len(over),
                        len(outflows),
                        average.quantize(Decimal("1E-8"), ROUND_HALF_UP) if outflows else None,
                        p90,
                        balance,
                        (max(balance, 0) / average).quantize(Decimal("0.01"), ROUND_HALF_UP) if average else None,
                        (max(balance, 0) / p90).quantize(Decimal("0.01"), ROUND_HALF_UP) if p90 else None,
                    )
        return found

    def gaps(self):
        found = {}
        for (*key, day), figures in self.daily().items():
            as_of = self.as_of[key[0]]
            starts, ends = midnight(day), midnight(day + timedelta(days=1))
            cadence = self.stated(tuple(key), ends, "cadence_minutes") or DEFAULT_CADENCE
            expected, seen, gap = int(minutes(starts, min(ends, as_of)) / cadence), figures[10], figures[11]
            state = "error" if gap > Decimal("4.5") * cadence else "warning" if gap > Decimal("2.5") * cadence else "ok"
            found[(*key, day)] = (cadence, expected, seen, max(expected - seen, 0), gap, state)
        return found
