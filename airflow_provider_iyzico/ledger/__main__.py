"""``python -m airflow_provider_iyzico.ledger``; the command is in ``command``."""

import sys

from airflow_provider_iyzico.ledger.command import main

if __name__ == "__main__":
    sys.exit(main())
