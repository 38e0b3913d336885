"""Different batches of one account from eight processes: what is held never exceeds the balance."""

from payouts import FATES
from rush import rush


def test_eight_processes_never_hold_more_than_the_balance(database, proof):
    engine, connect = database
    rounds = proof.rounds(short=80, long=200 if engine.dialect.name == "mysql" else 5_000)
    verdict = rush(engine, connect, seed=proof.seed, rounds=rounds)
    assert verdict.found == []
    assert [fate for fate in FATES if not verdict.done[fate]] == [], "not everything that can happen did"
    assert [each for each in verdict.done if each.startswith("refused")] == []
    assert verdict.done["short"] > 0
    assert verdict.done["moved"] > 0
    proof.tell(
        f"{engine.dialect.name}: {rounds} rounds of 8 processes in {verdict.seconds:.0f} s: {verdict.asked} balances asked for, "
        f"{verdict.placed} holds placed, {verdict.ended} ended, none too many; {dict(sorted(verdict.done.items()))}"
    )
