"""The daily roll-up: what each day looked like, kept up to date by every append, so that reports do not grow with history.

A day is a fold over its observations in the order of time. An observation that is the newest is folded into the day as it is
kept; one that comes late has its day, and the day of the observation after it, folded again from the snapshots.
"""
