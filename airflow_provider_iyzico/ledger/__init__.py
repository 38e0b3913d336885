"""What was sent, what iyzico answered, and whose money is set aside: batches, items, events and holds.

It lives in any database that locks rows and enforces keys. It knows neither Airflow nor the network; only its command does. A
batch runs down::

    register.register       payments become a batch, told apart by keyed digests
    placing.place           its money is set aside
    steps.send              an intent is committed, before anything is sent
    steps.initiated, step   what came of it
    reading.record          what iyzico says of its items: figures, hold and end follow
    questions               what is asked of all this

Every change of a batch is a turn (``batches``): in one transaction, under the lock of its account, if the batch is still as it
was seen, with an event.
"""
