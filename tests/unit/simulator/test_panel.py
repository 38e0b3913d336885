"""What a person does at iyzico's panel, behind the back of the client."""

from decimal import Decimal

import pytest
from own_client import control, item

from airflow_provider_iyzico.simulator import ControlError


def test_a_person_may_authorize_a_batch_by_either_name(bank, client):
    one, other = client.start(external_id="a"), client.start(external_id="b")
    bank.panel.authorize("a")
    bank.panel.authorize(other)
    bank.advance(60)
    assert {client.statuses(each)[0] for each in (one, other)} == {"COMPLETED"}
    assert [effect.by for effect in bank.journal if effect.what == "auth"] == ["panel", "panel"]
    assert client.auth(one)[1]["errorCode"] == "90003"


def test_a_person_may_cancel_a_batch(bank, client):
    request_id = client.start()
    bank.panel.cancel("salaries-1")
    assert client.statuses(request_id)[0] == "CANCELED"
    assert bank.journal[-1].by == "panel"
    bank.set(cancel_body="object", cancel_twice="ignore")
    bank.panel.cancel(request_id)


def test_a_person_may_take_money_out_and_pay_it_in(bank, client):
    bank.panel.withdraw("999.99")
    assert client.balance() == Decimal("0.01")
    bank.panel.top_up("0.01")
    assert bank.balance == "0.02"
    assert [(effect.what, effect.amount) for effect in bank.journal[1:]] == [("withdraw", "999.99"), ("top_up", "0.01")]


def test_setting_the_balance_is_a_top_up_or_a_withdrawal(bank):
    bank.balance = "1500.5"
    bank.balance = "20.50"
    bank.balance = "20.50"
    assert bank.balance == "20.50"
    assert [(effect.what, effect.amount) for effect in bank.journal[1:]] == [("top_up", "500.50"), ("withdraw", "1480.00")]


def test_no_kurus_is_lost_in_whatever_decimal_context_a_test_runs(odd, client, bank):
    """A DAG file that a test imports may set one, and a test moves the money in its own thread."""
    with odd():
        bank.set(balance="8641975.32", commission="1.25%")
        client.start(item(value="123456.78"))
        bank.panel.authorize("salaries-1")
        bank.advance(60)
        bank.panel.withdraw("12345.67")
        assert bank.balance == "8504629.66"
        bank.balance = "8504629.11"
    moved = [(effect.what, effect.amount, effect.commission) for effect in bank.journal if effect.what in ("taken", "withdraw")]
    assert moved == [("taken", "123456.78", "1543.21"), ("withdraw", "12345.67", None), ("withdraw", "0.55", None)]


def test_the_control_door_has_the_panel(bank, client):
    client.start(item(value="10"))
    state = control(bank, "/simulator/panel", "POST", top_up="5.25")[1]
    assert state["balance"] == "1005.25"
    control(bank, "/simulator/panel", "POST", withdraw="5")
    control(bank, "/simulator/panel", "POST", authorize="salaries-1")
    assert control(bank, method="POST", advance_seconds=60)[1]["balance"] == "990.25"
    assert control(bank, "/simulator/panel", "POST", cancel="salaries-1")[0] == 400


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ({"authorize": "nothing"}, "no batch 'nothing'"),
        ({"cancel": "nothing"}, "no batch 'nothing'"),
        ({"withdraw": "1000.01"}, "the balance is 1000.00"),
        ({"withdraw": "-1"}, "digits"),
        ({"top_up": "NaN"}, "digits"),
        ({"dance": "1"}, "top_up"),
        ({}, "top_up"),
        ({"top_up": "1", "withdraw": "1"}, "one of"),
    ],
    ids=str,
)
def test_what_the_panel_cannot_do_changes_nothing_and_says_why(bank, act, says):
    before = bank.journal
    with pytest.raises(ControlError, match=says):
        bank.panel.do(act)
    assert bank.journal == before


def test_the_panel_is_bound_by_what_iyzico_refuses(bank, client):
    client.start()
    bank.panel.authorize("salaries-1")
    with pytest.raises(ControlError, match="wrong_state"):
        bank.panel.authorize("salaries-1")
    with pytest.raises(ControlError, match="wrong_state"):
        bank.panel.cancel("salaries-1")
