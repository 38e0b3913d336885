"""The database layer: engines, transactions, patience, and rows that are exact. It knows no table of ours."""
