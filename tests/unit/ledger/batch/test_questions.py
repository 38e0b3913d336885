"""What must be read at iyzico is found, and nothing else."""

from dataclasses import replace
from datetime import timedelta

from batches import PERSON, WAYS, Walk, batch_of_two, set_aside

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.questions import holds_of, named, to_read, unread_holders
from airflow_provider_iyzico.ledger.steps import step


def walks(ledger, account):
    """A batch in every state."""
    return {
        state: Walk(ledger, account, batch_of_two(state.value, f"{number}.00")).to(*WAYS[state])
        for number, state in enumerate(WAYS, 1)
    }


def long_ago(ledger, account, column):
    payout = ledger.tables.payout
    of_account = payout.c.account == account.account
    first = named(ledger, account=account.account)[0]
    ledger.act(
        lambda connection: connection.execute(
            payout.update().where(of_account).values({column: first.seen_at - timedelta(days=3)})
        )
    )


def names(batches):
    return {batch.external_id for batch in batches}


def test_what_iyzico_may_still_change_is_read_and_what_ended_lately(ledger, account):
    walks(ledger, account)
    lately = {"new", "refused", "ended", "cancelled"}
    assert names(to_read(ledger, account, days=1)) == {state.value for state in State}
    long_ago(ledger, account, "ended_at")
    long_ago(ledger, account, "changed_at")
    assert names(to_read(ledger, account, days=1)) == {state.value for state in State} - lately
    assert names(to_read(ledger, account, days=1_000_000)) == {state.value for state in State}
    assert not to_read(ledger, replace(account, account="nobody"), days=1)


def test_what_a_person_ended_while_items_were_out_stays_on_the_list_for_good(ledger, account):
    walk = Walk(ledger, account, batch_of_two("stopped")).to(*WAYS[State.AUTHORIZED]).read("INSUFFICIENT_BALANCE", "QUEUED")
    walk.batch = step(ledger, walk.batch, State.ENDED, PERSON, reason="stopped")
    long_ago(ledger, account, "ended_at")
    assert names(to_read(ledger, account, days=1)) == {"stopped"}
    long_ago(ledger, account, "read_at")
    assert names(unread_holders(ledger, account, seconds=60)) == {"stopped"}


def test_batches_behind_the_holds_that_nobody_read_for_a_while_are_found_the_longest_unread_first(ledger, account):
    everything = walks(ledger, account)
    set_aside(ledger, everything[State.INITIATED].batch)
    assert unread_holders(ledger, account, seconds=3600) == []
    long_ago(ledger, account, "read_at")
    found = unread_holders(ledger, account, seconds=3600)
    assert names(found) == {"initiated", "auth_sent", "auth_unknown", "authorized"}
    everything[State.AUTHORIZED].batch = named(ledger, "authorized", account=account.account)[0]
    everything[State.AUTHORIZED].read("IN_PROGRESS", "PROCESSING")
    assert names(unread_holders(ledger, account, seconds=3600)) == {"initiated", "auth_sent", "auth_unknown"}


def test_batches_are_found_by_name_environment_and_account_and_lately(ledger, account):
    walks(ledger, account)
    assert names(named(ledger, account=account.account)) == {state.value for state in State}
    assert named(ledger, "new", account=account.account, environment="production") == []
    long_ago(ledger, account, "changed_at")
    assert names(named(ledger, account=account.account, days=1)) == {state.value for state in State} - {"ended", "cancelled"}


def test_the_holds_of_a_batch_are_told_in_order_with_their_ends(ledger, account):
    walk = Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.ENDED], State.AUTHORIZED)
    assert [(row["number"], row["kind"]) for row in holds_of(ledger, walk.batch.key)] == [(1, "accounted"), (2, None)]
