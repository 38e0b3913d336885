"""A page inside Airflow, for people who answer for the money: it reads the reporting views, and writes nothing."""
