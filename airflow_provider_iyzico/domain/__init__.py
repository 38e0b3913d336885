"""Decisions, pure: what a batch needs, whether the gate opens, and what a trigger tells a task. No network, no Airflow."""
