"""The assumptions of UNVERIFIED.md that reading a balance can settle, each with a pure function from what was seen to a finding.

A finding shows no key, no amount, and no text of the server's but names of fields, types and codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from airflow_provider_iyzico.api.money import money_from_text
from airflow_provider_iyzico.errors import IyzicoMoneyError
from airflow_provider_iyzico.verify.finding import Finding, Verdict, form_of
from airflow_provider_iyzico.verify.observation import Observation, Probe

#: As many rows as UNVERIFIED.md has.
LAST_NUMBER = 38
#: Clocks that agree within this have the same unit and epoch.
SAME_CLOCK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that came back.

    :param environment: ``sandbox`` or ``production``, as the keys have it
    """

    environment: str
    answers: Mapping[Probe, Observation]


Judge = Callable[[Seen], Finding]


def of_a_balance(judge: Callable[[Observation, str], Finding]) -> Judge:
    """Turn a function of an accepted answer and the environment into a judge."""

    def judged(seen: Seen) -> Finding:
        usual = seen.answers[Probe.USUAL]
        if not usual.is_accepted:
            return Finding(Verdict.NOT_SETTLED, f"{Probe.USUAL}: {usual.said}")
        return judge(usual, seen.environment)

    return judged


@of_a_balance
def _query(usual: Observation, environment: str) -> Finding:
    return Finding(Verdict.CONFIRMED, "signed without the query, sent with it: accepted")


@of_a_balance
def _empty_body(usual: Observation, environment: str) -> Finding:
    return Finding(Verdict.CONFIRMED, f"accepted in {environment}")


def _locale(seen: Seen) -> Finding:
    return _refusals(seen, (Probe.NO_LOCALE, Probe.UPPER_CASE_LOCALE), lambda one: one.is_refused)


def _invalid(seen: Seen) -> Finding:
    return _refusals(seen, (Probe.NO_LOCALE, Probe.NO_CONTENT_TYPE), lambda one: one.is_refused and one.refusal == (400, "11"))


def _refusals(seen: Seen, probes: tuple[Probe, ...], is_as_assumed: Callable[[Observation], bool]) -> Finding:
    """Tell whether all were refused as assumed. An answer that is neither yes nor no does not tell."""
    answers = {probe: seen.answers[probe] for probe in probes if probe in seen.answers}
    telling = [one for one in answers.values() if one.is_accepted or one.is_refused]
    said = "; ".join(f"{probe}: {one.said}" for probe, one in answers.items()) or "these requests were not sent"
    if not all(map(is_as_assumed, telling)):
        return Finding(Verdict.DIFFERS, said)
    return Finding(Verdict.CONFIRMED if len(telling) == len(probes) else Verdict.NOT_SETTLED, said)


@of_a_balance
def _amount(usual: Observation, environment: str) -> Finding:
    raw = usual.fields.get("balance")
    try:
        money_from_text(raw if isinstance(raw, str) else "", "the balance")
    except IyzicoMoneyError:
        return Finding(Verdict.DIFFERS, form_of(raw))
    return Finding(Verdict.CONFIRMED, form_of(raw))


@of_a_balance
def _negative(usual: Observation, environment: str) -> Finding:
    if (form := form_of(usual.fields.get("balance"))).endswith("yes"):
        return Finding(Verdict.CONFIRMED, form)
    return Finding(Verdict.NOT_SETTLED, form)


@of_a_balance
def _currency(usual: Observation, environment: str) -> Finding:
    if named := [usual.name(name) for name in usual.fields if "currency" in name.lower()]:
        return Finding(Verdict.DIFFERS, f"field {', '.join(named)}")
    return Finding(Verdict.NOT_SETTLED, "no field names a currency")


@of_a_balance
def _clock(usual: Observation, environment: str) -> Finding:
    raw = usual.fields.get("systemTime")
    if not (isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) == 13):
        return Finding(Verdict.DIFFERS, "none" if raw is None else f"{len(str(raw))} characters")
    ahead = int(raw) / 1000 - usual.answer.answered_at.timestamp()
    said = f"13 digits, {abs(ahead):.1f} seconds {'ahead of' if ahead > 0 else 'behind'} this machine's clock"
    if abs(ahead) <= SAME_CLOCK_SECONDS:
        return Finding(Verdict.CONFIRMED, said)
    return Finding(Verdict.NOT_SETTLED, f"{said}: set that and ask again")


@of_a_balance
def _sandbox(usual: Observation, environment: str) -> Finding:
    if environment == "sandbox":
        return Finding(Verdict.CONFIRMED, "a balance in the sandbox")
    return Finding(Verdict.NOT_SETTLED, f"the keys are for {environment}")


def _reuse(seen: Seen) -> Finding:
    again = seen.answers.get(Probe.SAME_HEADER)
    if again is None:
        return Finding(Verdict.NOT_ASKED, "needs --reuse-header")
    verdict = Verdict.DIFFERS if again.is_refused else Verdict.NOT_SETTLED
    return Finding(Verdict.CONFIRMED if again.is_accepted else verdict, f"the same header again: {again.said}")


@of_a_balance
def _signature(usual: Observation, environment: str) -> Finding:
    kinds = (("field", usual.fields), ("header", usual.answer.headers))
    signed = [f"{kind} {usual.name(name)}" for kind, names in kinds for name in names if "signature" in name.lower()]
    if signed:
        return Finding(Verdict.DIFFERS, ", ".join(signed))
    return Finding(Verdict.CONFIRMED, f"no such header; fields {', '.join(map(usual.name, usual.fields))}")


def _encoding(seen: Seen) -> Finding:
    answers = [one for one in seen.answers.values() if one.is_iyzicos]
    if odd := sorted({oddity for one in answers for oddity in _oddities(one)}):
        return Finding(Verdict.DIFFERS, ", ".join(odd))
    if not answers:
        return Finding(Verdict.NOT_SETTLED, "no answer of iyzico's")
    types = sorted({one.answer.header("content-type").lower() or "not named" for one in answers})  # none of them is odd
    return Finding(Verdict.CONFIRMED, f"not compressed, type {', '.join(types)}")


def _oddities(one: Observation) -> Iterator[str]:
    """Name what differs from the assumed encoding of an answer."""
    if (coding := one.answer.header("content-encoding").lower()) not in ("", "identity"):
        yield f"compressed: {one.name(coding)}"
    elif one.answer.body.startswith(b"\xef\xbb\xbf"):
        yield "a byte order mark"
    elif "\ufffd" in one.answer.body.decode("utf-8", errors="replace"):
        yield "not UTF-8"
    kind, _, parameters = one.answer.header("content-type").lower().partition(";")
    if kind.strip() not in ("", "application/json"):
        yield f"type {one.name(kind.strip())}"
    name, _, charset = (part.strip(' "') for part in parameters.partition("="))
    if parameters and (name, charset) not in (("charset", "utf-8"), ("charset", "utf8")):
        yield f"{one.name(name)} {one.name(charset)}"


#: The texts are those of UNVERIFIED.md.
ASSUMPTIONS: Mapping[int, tuple[str, Judge]] = {
    1: ("the query (`?locale=tr`) is not part of the signature on `/v1/mass/payout/*`", _query),
    2: ("a GET without a body, signed over the bare path, is accepted in sandbox and production", _empty_body),
    3: ("`locale` is required in the query, in lower case", _locale),
    4: ("`balance` may be a JSON number or a string, with up to eight decimals, possibly `0E-8`", _amount),
    5: ("the balance is in lira unless you say otherwise", _currency),
    6: ("`systemTime` is in milliseconds since the epoch, 13 digits; anything else is ignored", _clock),
    12: ("a balance may be negative; it is kept as it is and opens no gate", _negative),
    13: ("mass payouts exist in the sandbox", _sandbox),
    14: ("a reused random key is not refused; we never reuse one", _reuse),
    15: ("a missing `Content-Type` or `locale` is refused with HTTP 400 and code 11 (only the simulator says so)", _invalid),
    16: ("responses carry no signature", _signature),
    17: (
        "answers are UTF-8 without a byte order mark, of type `application/json` if they name one, "
        "and compressed only if we ask for it",
        _encoding,
    ),
}
