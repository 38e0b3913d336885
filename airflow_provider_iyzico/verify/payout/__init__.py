"""Settles, with one small batch, what UNVERIFIED.md assumes about payouts: ``verify --payout payments.csv``.

It asks before each step that hands over or moves money, and cancels what it handed over and did not authorize.
"""
