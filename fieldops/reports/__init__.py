"""Reports: the board of the day and the indicators, read from the modules below.

Owns the targets and weights of indicators by month, with a verb and an event for each (KP-03),
and their sums by day. The board shows a centre's day (AP-07: late risks). registry.py says what
indicators count, facts.py and care.py give their records (KP-01, KP-02, AP-06, ORG-06), figures.py
cuts them, ranking.py says who stands where; rollups.py keeps sums by day, touched.py says which of
them a change touched. rules.py decides, queries.py gathers. Neighbours below: visits, appointments,
orders, notifications, organisation, and sync (devices, what they hold, the late-work desk).
"""
