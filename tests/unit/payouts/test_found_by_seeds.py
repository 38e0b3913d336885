"""What the seeded runs of tests/proof found, each as a test of its own."""

from decimal import Decimal

import pytest
from batches import set_aside, task
from payers import ACCOUNT, IBANS, NEEDED, a_batch, payments

from airflow_provider_iyzico.errors import IyzicoRefusedError, LedgerBatchError
from airflow_provider_iyzico.ledger.register import register


def other_payments():
    return [{**row, "item_external_id": f"other-{row['item_external_id']}"} for row in payments()]


def test_a_batch_whose_gate_set_its_money_aside_does_not_wait_for_another_one_that_is_paying(payer):
    payer.bank.set(balance=str(2 * NEEDED), fates={"item-0": "never_returned"}, balance_drops="at_auth")
    payer.initiate(a_batch("salaries"))
    payer.initiate(a_batch("suppliers", other_payments()))
    for name in ("salaries", "suppliers"):
        set_aside(payer.ledger, payer.batch(name))
    payer.authorize("salaries")
    payer.wait(3600)
    assert payer.bank.balance == str(NEEDED)
    assert payer.authorize("suppliers").state == "authorized"
    assert payer.effects("auth") == 2


def test_invalid_items_are_left_out_of_the_total_from_the_moment_that_iyzico_names_them(payer):
    payer.bank.set(fates={"item-1": "invalid"})
    payer.bank.set(read_lag_seconds=600)
    with pytest.raises(LedgerBatchError, match="and no longer does"):
        payer.initiate()
    batch = payer.batch()
    assert (batch.state, batch.total, batch.invalid_items, batch.required) == ("initiated", Decimal("201.00"), 1, None)


def test_a_batch_without_a_valid_item_is_not_paid_and_says_what_to_do(payer):
    payer.bank.set(fates={"*": "invalid", **{f"item-{number}": "invalid" for number in range(3)}})
    payer.initiate()
    with pytest.raises(LedgerBatchError, match="would pay none of the 3 items of batch .*; cancel it"):
        payer.authorize()
    assert payer.calls("auth") == 0


def test_a_gate_says_that_nobody_told_what_a_batch_costs(payer):
    payer.bank.set(commission="0")
    payer.initiate()
    with pytest.raises(
        LedgerBatchError, match="iyzico does not say what batch .* costs; give its MassPayoutInitOperator a commission_bound"
    ):
        set_aside(payer.ledger, payer.batch())


def test_a_task_that_waited_never_hands_over_payments_that_somebody_corrected_meanwhile(payer, monkeypatch):
    """The first try of another copy is refused, and its payments are corrected, while this copy reads."""
    wrong, right = a_batch(), a_batch(rows=payments(recipient_info=IBANS[1]))
    read, once = payer.hook.retrieve_mass_payout, []

    def read_slowly(**what):
        if not once:
            once.append(what)
            payer.bank.fail("failure", on="init", times=1, code="11")
            with pytest.raises(IyzicoRefusedError):
                payer.initiate(wrong)
            register(payer.ledger, ACCOUNT, right, task())
        return read(**what)

    monkeypatch.setattr(payer.hook, "retrieve_mass_payout", read_slowly)
    with pytest.raises(LedgerBatchError, match="corrected the payments of"):
        payer.initiate(wrong)
    assert (payer.state(), payer.calls("init"), payer.effects("init")) == ("refused", 1, 0)
