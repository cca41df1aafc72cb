"""Units, people, roles, qualifications and working calendars (ORG-01 to 03, 07).

Owns the tree of units, local accounts and their sessions, technicians with qualifications,
shifts, days with other times, holidays and leave. Verbs: organisation.*; it has no neighbours
below it but the kernel.
"""
