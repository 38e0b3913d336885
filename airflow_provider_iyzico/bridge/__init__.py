"""Where this package meets Airflow: what differs between its versions, how a task fails, and the warehouse's Connection."""
