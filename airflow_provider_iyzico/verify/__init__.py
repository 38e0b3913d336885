"""Settles, with your own keys, what UNVERIFIED.md assumes: python -m airflow_provider_iyzico.verify

It only reads the balance, four or five times with a pause in between, and stops at the first sign that it is not welcome. With
``--payout`` it also hands small batches over and pays one of them, and asks the person before each of these steps.
"""
