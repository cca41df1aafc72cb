"""Units, people, roles, qualifications and working calendars (ORG-01 to 03, 07).

Owns the tree of units, local accounts and their sessions, technicians with qualifications,
shifts, days with other times, holidays and leave, tools with their custody and calibrations
(ORG-05). Verbs: organisation.*, tool.*; it has no neighbours below it but the kernel.
"""
