"""Apache Airflow provider for iyzico's Mass Payout API.

This module imports nothing, so that Airflow may discover the provider for free.
"""

__version__ = "0.1.0"
