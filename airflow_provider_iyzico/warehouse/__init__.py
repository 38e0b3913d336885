"""The warehouse: snapshots, their roll-up, gate records and views. Needs SQLAlchemy, never Airflow.

A snapshot runs down, and what a room decides, the next one does not decide again::

    snapshot.snapshot_row     an observation and a task become a row
    append.append             the one transaction of a snapshot; on errors, see database.retry
      rollup.account.enter    the account takes its turn; the zone of its days is settled
      database.rows.add       first write wins
      rollup.update.roll_up   row and day are read back, the day is folded, written, and read back again
    views                     what finance asks

A gate's record takes ``gate.record``, ``database.retry`` and one transaction. ``layouts`` says which tables and views belong to
which table, ``rollup.rebuild`` computes the roll-up again from the snapshots, and ``database`` knows none of these.
"""
