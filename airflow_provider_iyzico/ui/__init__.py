"""A page inside Airflow for finance. It reads the reporting views, and writes nothing."""
