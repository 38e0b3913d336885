"""The warehouse: snapshots, their roll-up, gate records and views. Needs SQLAlchemy, never Airflow.

A snapshot takes this way, and no room decides again what an earlier one decided::

    snapshot.snapshot_row     an observation and a task become a row
    append.append             the one transaction of a snapshot; database.retry says what happens after an error
      rollup.account.enter    the account is locked, so that appends take turns; it tells the time zone of its days
      database.rows.add       first write wins
      rollup.update.roll_up   row and day are read back; the day is computed, written, and read back again
    views                     what finance asks

A gate's record takes ``gate.record``, ``database.retry`` and one transaction. ``layouts`` says which tables and views belong to
which table, ``rollup.rebuild`` computes the roll-up again from the snapshots, and ``database`` knows none of these.
"""
