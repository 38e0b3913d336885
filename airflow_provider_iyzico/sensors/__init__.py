"""The gate before a payout."""
