"""How long each kind of work waits for the warehouse."""

from __future__ import annotations

from airflow_provider_iyzico.warehouse.database.patience import DEFAULT, Patience

SNAPSHOT = DEFAULT
#: A record may take a few seconds, but a payout must not wait for a lock.
RECORD = Patience(connect_seconds=5, lock_seconds=5, statement_seconds=10, whole_seconds=20)
#: A rebuild is started by hand, and may have many years to read.
REBUILD = Patience(connect_seconds=30, lock_seconds=60, statement_seconds=3600, whole_seconds=7200)
#: A statement is asked for by hand, and its views may have years to compute.
STATEMENT = Patience(connect_seconds=10, lock_seconds=15, statement_seconds=900, whole_seconds=1800)
PAGE = Patience(connect_seconds=5, lock_seconds=5, statement_seconds=15, whole_seconds=20)
#: A query of payments is anybody's, and may have much to compute.
PAYMENTS = Patience(connect_seconds=10, lock_seconds=900, statement_seconds=900, whole_seconds=900)
