"""The warehouse: tables, the one append, and their DDL. Needs SQLAlchemy, never Airflow."""
