"""Settles, with your own keys, what UNVERIFIED.md assumes about the balance: python -m airflow_provider_iyzico.verify

It only reads the balance, four or five times with a pause in between, and stops at the first sign that it is not welcome.
"""
