"""A batch comes into the ledger once, and under one name only."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from batches import IBAN, NAME, PERSON, WAYS, Walk, asked, batch_of_two, decomposed, found, payment, rows, set_aside, task

from airflow_provider_iyzico.api.payout import Initiated
from airflow_provider_iyzico.domain.payout import MAY_STILL_PAY, State
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerError, LedgerHoldError, WarehouseExactnessError
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.steps import initiated, send

SENT = batch_of_two("salaries-20261101")
TURKISH = replace(SENT, items=tuple(replace(item, item_external_id=f"işçi-{item.item_external_id}") for item in SENT.items))


def ids(ledger, batch):
    return {row["item_external_id"] for row in rows(ledger, "item", batch.key)}


def test_a_batch_that_comes_in_is_new_and_says_who_began_it(ledger, account):
    kept = register(ledger, account, SENT, task(), commission_bound=Decimal("0.50"))
    assert (kept.state, kept.version, kept.items, kept.total) == (State.NEW, 1, 2, Decimal("300.50"))
    assert (kept.purpose, kept.commission_bound, kept.required, kept.dag_id) == ("SALARY", Decimal("0.50"), None, "salaries")
    assert [row["kind"] for row in rows(ledger, "event", kept.key)] == ["registered"]
    assert {row["item_external_id"]: row["amount"] for row in rows(ledger, "item", kept.key)} == {
        "item-1": Decimal("100.50"),
        "item-2": Decimal("200.00"),
    }


@pytest.mark.parametrize("state", [State.NEW, State.INITIATED, State.AUTH_UNKNOWN, State.AUTHORIZED])
def test_the_same_batch_goes_on_from_the_state_that_the_ledger_holds(ledger, account, state):
    walk = Walk(ledger, account, SENT).to(*WAYS[state])
    again = register(ledger, account, replace(SENT, items=SENT.items[::-1]), task("manual__2", try_number=3))
    assert again == replace(walk.batch, seen_at=again.seen_at)


@pytest.mark.parametrize("state", [state for state in WAYS if state is not State.REFUSED])
def test_other_content_under_the_same_name_is_refused(ledger, account, state):
    walk = Walk(ledger, account, SENT).to(*WAYS[state])
    with pytest.raises(
        LedgerBatchError, match=f"with other payments or another purpose, and it is {state.value}.*use another external_id"
    ):
        register(ledger, account, batch_of_two("salaries-20261101", "100.51", "200.00"), task())
    assert find(ledger, account, "salaries-20261101").version == walk.batch.version


def test_what_iyzico_refused_may_be_corrected(ledger, account):
    walk = Walk(ledger, account, SENT, commission_bound=Decimal(1)).to(*WAYS[State.REFUSED])
    corrected = register(ledger, account, batch_of_two("salaries-20261101", "1.00", "2.00", "3.00"), task())
    assert (corrected.state, corrected.version) == (State.REFUSED, walk.batch.version + 1)
    assert (corrected.items, corrected.total, corrected.commission_bound) == (3, Decimal("6.00"), None)
    assert sorted(row["amount"] for row in rows(ledger, "item", corrected.key)) == [1, 2, 3]
    assert send(ledger, corrected, State.INIT_SENT, task(), timeout_seconds=30).state is State.INIT_SENT


@pytest.mark.parametrize("state", sorted(WAYS))
def test_a_new_name_does_not_heal_an_unknown_payment(ledger, account, state):
    Walk(ledger, account, SENT).to(*WAYS[state])
    renamed = replace(SENT, external_id="again", purpose=None)
    if state in MAY_STILL_PAY | {State.AUTHORIZED}:  # its items are on their way
        with pytest.raises(LedgerBatchError, match=f"batch 'salaries-20261101' of .* is {state.value}: under the name 'again'"):
            register(ledger, account, renamed, task())
    else:
        assert register(ledger, account, renamed, task("manual__2")).state is State.NEW


def test_two_names_that_came_in_together_are_not_both_sent(ledger, account):
    first, second = Walk(ledger, account, SENT), Walk(ledger, account, replace(SENT, external_id="again"))
    first.to(State.INIT_SENT)
    with pytest.raises(LedgerBatchError, match="they could be paid twice"):
        second.to(State.INIT_SENT)
    with pytest.raises(LedgerBatchError, match="they could be paid twice"):
        register(ledger, account, second.sent, task())


@pytest.mark.parametrize(("second", "state"), [("FAILED", State.AUTHORIZED), ("SUCCESS", State.ENDED)])
@pytest.mark.parametrize("waiting", [State.NEW, State.REFUSED])
def test_a_batch_whose_payments_another_name_made_meanwhile_is_not_sent_and_a_later_name_is(
    ledger, account, waiting, second, state
):
    first = Walk(ledger, account, SENT).to(*WAYS[waiting])
    twin = Walk(ledger, account, replace(SENT, external_id="again")).to(*WAYS[State.AUTHORIZED])
    twin.read("COMPLETED", {"item-1": "SUCCESS", "item-2": second})
    with pytest.raises(LedgerBatchError, match=f"'again' .* is {state.value}: under the name .*use another external_id"):
        first.to(State.INIT_SENT)
    with pytest.raises(LedgerBatchError, match="they could be paid twice"):
        register(ledger, account, SENT, task(try_number=2))
    Walk(ledger, account, replace(SENT, external_id="next-month"), task("manual__2")).to(State.INIT_SENT)


def test_a_batch_whose_payments_failed_under_another_name_may_be_sent(ledger, account):
    first = Walk(ledger, account, SENT)
    Walk(ledger, account, replace(SENT, external_id="again")).to(*WAYS[State.AUTHORIZED]).read("FAIL", "DEPOSIT_SUCCESS")
    first.to(State.INIT_SENT)


@pytest.mark.parametrize("way", ["INIT", "QUEUED", "PROCESSING", "UNHEARD_OF"])
def test_payments_that_are_on_their_way_under_one_name_are_not_made_under_another(ledger, account, way):
    first = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED]).read("IN_PROGRESS", {"item-1": "SUCCESS", "item-2": way})
    with pytest.raises(
        LedgerBatchError, match="is authorized: under the name 'again' .*until every item of that batch is paid or has come back"
    ):
        register(ledger, account, replace(SENT, external_id="again"), task())
    first.read("IN_PROGRESS", {"item-1": "SUCCESS", "item-2": "FAILED"})
    assert register(ledger, account, replace(SENT, external_id="again"), task("manual__2")).state is State.NEW


def some(name, *which):
    """A batch of some of the same payments."""
    return replace(SENT, external_id=name, items=tuple(SENT.items[number - 1] for number in which))


@pytest.mark.parametrize("state", sorted(WAYS))
def test_some_of_the_payments_of_a_batch_are_refused_like_all_of_them(ledger, account, state):
    Walk(ledger, account, SENT).to(*WAYS[state])
    if state in MAY_STILL_PAY | {State.AUTHORIZED}:
        with pytest.raises(LedgerBatchError, match=f"has some of the same items.*is {state.value}: under the name 'again'"):
            register(ledger, account, some("again", 2), task("manual__2"))
        assert find(ledger, account, "again") is None, "nothing of it is kept"
    else:
        assert register(ledger, account, some("again", 2), task("manual__2")).state is State.NEW


def test_of_the_payments_of_a_batch_only_those_are_refused_that_may_still_be_made(ledger, account):
    first = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED])
    first.read("IN_PROGRESS", {"item-1": "DEPOSIT_SUCCESS", "item-2": "QUEUED"})
    assert register(ledger, account, some("came-back", 1), task("manual__2")).state is State.NEW
    with pytest.raises(LedgerBatchError, match="until every item of that batch is paid or has come back"):
        register(ledger, account, some("under-way", 2), task("manual__2"))
    other_amount = batch_of_two("other-amount", "100.50", "200.01")
    assert register(ledger, account, other_amount, task("manual__2")).state is State.NEW


@pytest.mark.parametrize(("status", "is_sent"), [("SUCCESS", False), ("UNHEARD_OF", False), ("DEPOSIT_SUCCESS", True)])
def test_a_batch_of_which_another_name_made_some_payments_meanwhile_is_not_sent(ledger, account, status, is_sent):
    waiting = Walk(ledger, account, some("some", 1))
    Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED]).read("COMPLETED", {"item-1": status, "item-2": "SUCCESS"})
    if is_sent:
        waiting.to(State.INIT_SENT)
    else:
        with pytest.raises(LedgerBatchError, match="could be paid twice"):
            waiting.to(State.INIT_SENT)


def test_a_task_does_not_pay_some_of_its_payments_again_in_the_same_run_under_another_name(ledger, account):
    Walk(ledger, account, SENT).to(*WAYS[State.ENDED])
    with pytest.raises(LedgerBatchError, match="paid as 'salaries-20261101'.*external_id changes from one try or clear"):
        register(ledger, account, some("12:05", 1), task(try_number=2))
    assert register(ledger, account, some("12:05", 1), task("manual__2")).state is State.NEW


def test_what_iyzico_refused_is_not_corrected_to_payments_that_another_name_made_meanwhile(ledger, account):
    Walk(ledger, account, batch_of_two(SENT.external_id, "1.00")).to(*WAYS[State.REFUSED])
    Walk(ledger, account, replace(SENT, external_id="again")).to(*WAYS[State.AUTHORIZED])
    with pytest.raises(LedgerBatchError, match="they could be paid twice"):
        register(ledger, account, SENT, task())


@pytest.mark.parametrize("state", sorted(MAY_STILL_PAY | {State.AUTHORIZED}))
def test_payments_that_an_earlier_version_kept_in_another_unicode_form_are_the_same(ledger, account, state):
    Walk(ledger, account, decomposed(TURKISH)).to(*WAYS[state])
    with pytest.raises(LedgerBatchError, match=f"'salaries-20261101' .* is {state.value}: under the name 'again'"):
        register(ledger, account, replace(TURKISH, external_id="again"), task())


def test_payments_that_an_earlier_version_kept_in_another_unicode_form_and_that_are_made_late_are_the_same(ledger, account):
    cancelled = (*WAYS[State.AUTH_UNKNOWN], State.CANCEL_SENT, State.CANCELLED)
    first = Walk(ledger, account, decomposed(TURKISH)).to(*cancelled)
    again = Walk(ledger, account, replace(TURKISH, external_id="again"))
    first.read("IN_PROGRESS", "PROCESSING").to(State.AUTHORIZED)
    with pytest.raises(LedgerBatchError, match="'salaries-20261101' .* is authorized: under the name 'again'"):
        again.to(State.INIT_SENT)


@pytest.mark.parametrize("state", sorted(set(WAYS) - {State.NEW, State.REFUSED, State.CANCELLED}))
def test_a_batch_that_an_earlier_version_handed_over_in_another_unicode_form_goes_on(ledger, account, state):
    walk = Walk(ledger, account, decomposed(TURKISH)).to(*WAYS[state])
    kept = register(ledger, account, TURKISH, task())
    assert (kept.state, kept.version, kept.content_digest) == (state, walk.batch.version, walk.batch.content_digest)
    assert ids(ledger, kept) == {item.item_external_id for item in walk.sent.items}


@pytest.mark.parametrize("state", [State.NEW, State.REFUSED])
def test_a_batch_that_an_earlier_version_kept_in_another_unicode_form_is_handed_over_in_ours(ledger, account, state):
    Walk(ledger, account, decomposed(TURKISH)).to(*WAYS[state])
    kept = register(ledger, account, TURKISH, task())
    assert (kept.state, ids(ledger, kept)) == (state, {item.item_external_id for item in TURKISH.items})
    assert send(ledger, kept, State.INIT_SENT, task(), timeout_seconds=30).state is State.INIT_SENT


def test_another_account_may_pay_the_same_people(ledger, account):
    Walk(ledger, account, SENT).to(*WAYS[State.AUTH_UNKNOWN])
    other = replace(account, account=f"{account.account[:40]} other")
    assert register(ledger, other, replace(SENT, external_id="again"), task()).state is State.NEW


def test_a_run_that_finds_its_batch_paid_by_another_run_fails_and_says_when(ledger, account):
    ended = Walk(ledger, account, SENT).to(*WAYS[State.ENDED]).batch
    assert register(ledger, account, SENT, task(try_number=2)).state is State.ENDED
    with pytest.raises(
        LedgerBatchError, match=rf"ended at {ended.ended_at:%Y-%m-%d %H:%M} UTC, in run 'manual__1'.*with the year"
    ):
        register(ledger, account, SENT, task("manual__2"))


def test_a_cancelled_name_is_not_used_again(ledger, account):
    Walk(ledger, account, SENT).to(*WAYS[State.CANCELLED])
    with pytest.raises(LedgerBatchError, match="was cancelled at .*use another external_id"):
        register(ledger, account, SENT, task())


def test_a_name_that_other_code_holds_money_under_is_refused(ledger, account):
    wanted = Wanted(SENT.external_id, batch_total=Decimal(5))
    assert place(ledger, account, wanted, asked(ledger, account), task()).outcome is Placing.PLACED
    with pytest.raises(LedgerHoldError, match="has a hold for a payout that other code makes"):
        register(ledger, account, SENT, task())


def test_what_an_item_costs_may_be_said_before_it_is_sent_to_be_paid(ledger, account):
    walk = Walk(ledger, account, SENT).to(State.INIT_SENT)
    walk.batch = initiated(ledger, walk.batch, Initiated("req-1", ()), task())
    walk.batch = record(ledger, walk.batch, found(walk.batch, SENT, commission_amount=None), task())
    walk.batch = record(ledger, walk.batch, found(walk.batch, SENT, commission_amount=Decimal(0)), task())
    assert walk.batch.required is None
    with pytest.raises(
        LedgerBatchError, match="iyzico does not say what batch .* costs; give its MassPayoutInitOperator a commission_bound"
    ):
        set_aside(ledger, walk.batch)
    with pytest.raises(
        LedgerBatchError,
        match="iyzico does not say what .* costs; give MassPayoutInitOperator a commission_bound, which may be '0'",
    ):
        send(ledger, walk.batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(ledger, account))
    bounded = register(ledger, account, SENT, task(), commission_bound=Decimal("2.25"))
    assert (bounded.commission, bounded.required) == (Decimal("4.50"), Decimal("305.00"))
    walk.batch = bounded
    walk.to(State.AUTH_SENT)
    assert register(ledger, account, SENT, task(), commission_bound=Decimal(9)).commission_bound == Decimal("2.25")


def test_a_batch_is_in_the_currency_of_its_account_and_begun_by_a_task(ledger, account):
    with pytest.raises(LedgerBatchError, match="is in EUR, but .* pays in TRY"):
        register(ledger, account, replace(SENT, currency="EUR"), task())
    with pytest.raises(LedgerError, match="only a task begins a batch"):
        register(ledger, account, SENT, PERSON)


@pytest.mark.parametrize("state", [State.NEW, State.REFUSED, State.INITIATED])
def test_a_name_stays_in_its_currency_also_when_what_iyzico_refused_is_corrected(ledger, account, state):
    walk = Walk(ledger, account, SENT).to(*WAYS[state])
    euros = replace(account, currency="EUR")
    with pytest.raises(LedgerBatchError, match="is not in EUR; use the Connection of the run that began it"):
        register(ledger, euros, replace(SENT, currency="EUR"), task())
    assert find(ledger, account, SENT.external_id).version == walk.batch.version


def test_an_amount_that_the_database_bends_is_refused(ledger, account):
    large = batch_of_two("large", "99999999999999.99", "0.02")
    if ledger.engine.dialect.name == "sqlite":
        with pytest.raises(WarehouseExactnessError, match="exact to 15 digits"):
            register(ledger, account, large, task())
        assert find(ledger, account, "large") is None
    else:
        assert register(ledger, account, large, task()).total == Decimal("100000000000000.01")


def test_a_sum_that_hides_a_bent_amount_does_not_deceive(ledger, account):
    """The sum has few digits, and its items have many."""
    large = batch_of_two("large", "99999999999999.98", "0.02")
    if ledger.engine.dialect.name == "sqlite":
        with pytest.raises(WarehouseExactnessError, match="the amount of item 'item-1'"):
            register(ledger, account, large, task())
    else:
        assert register(ledger, account, large, task()).total == Decimal(10) ** 14


def test_eight_tasks_that_begin_one_batch_at_once_begin_it_once(ledger, account):
    together, kept, failed = Barrier(8), [], []

    def begin(number):
        together.wait()
        try:
            kept.append(register(ledger, account, SENT, task(f"run {number}")))
        except LedgerError as error:
            failed.append(error)

    threads = [Thread(target=begin, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failed
    assert len({each.dag_id + each.run_id for each in kept}) == 1
    assert [row["kind"] for row in rows(ledger, "event", kept[0].key)] == ["registered"]


PERSONAL = [IBAN, NAME, "+905301234567", "48193726510", "Şirket", "maaş"]


def _parts(word):
    """The word, and every seven characters of it that follow one another."""
    return {word, *(word[at : at + 7] for at in range(len(word) - 6))}


def test_no_table_holds_an_iban_a_phone_an_identity_number_a_name_or_a_description(ledger, account):
    people = (
        payment(1, description="maaş"),
        payment(2, recipient_type="PHONE", recipient_info="+905301234567", recipient_name="Şirket"),
        payment(3, recipient_type="IDENTITY_NUMBER", recipient_info="48193726510", recipient_name=None),
    )
    Walk(ledger, account, batch_of_two("people", items=people)).to(*WAYS[State.ENDED])
    stored = []
    for table in ledger.tables:
        stored += ledger.act(lambda connection, table=table: [repr(tuple(row)) for row in connection.execute(table.select())])
    everything = "\n".join(stored)
    assert "people" in everything
    assert [part for word in PERSONAL for part in _parts(word) if part in everything] == []


def test_moments_are_the_databases_and_aware(ledger, account):
    kept = register(ledger, account, SENT, task())
    assert kept.created_at == kept.changed_at
    assert kept.created_at.tzinfo is UTC or kept.created_at.utcoffset().total_seconds() == 0
    assert abs((datetime.now(UTC) - kept.created_at).total_seconds()) < 3600
