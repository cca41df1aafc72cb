"""Reports: the board of the day and the indicators, read from the modules below.

Owns no tables, no verbs and no events. The board shows a centre's day (AP-07: late risks); the
kept-appointment indicator (KP-01, AP-06, ORG-06) shows its records. rules.py decides, queries.py
only gathers. Neighbours below: visits, appointments, orders, organisation, and sync (devices,
what they hold, the late-work desk).
"""
