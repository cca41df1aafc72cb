"""Reads of dispatch: locks, plans, the day of a centre as it is, who is affected by what."""
