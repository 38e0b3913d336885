"""How a batch is handed over, paid, cancelled and followed: the ledger says what may be done, iyzico says what was done.

Each of these goes on from what the ledger holds, so it may be killed at any line and run again. None of them knows Airflow.
"""
