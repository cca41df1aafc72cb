"""The search for free windows: who can be at a premises, when, and what that costs (AP-01). Pure.

`calendars` says what a technician's days hold, `gaps` turns them into rows, `table` keeps the rows
of a centre as one array, `search` finds the windows in it, `exact` judges one window slowly and
plainly, `risk` says how likely a promise breaks. Times inside the array are seconds since 1970 as
float64, travel is seconds of driving; everything else speaks of aware datetimes.
"""
