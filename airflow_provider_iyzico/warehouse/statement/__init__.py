"""A month of the payout balance as a bank statement, in formats that accounting software reads."""
