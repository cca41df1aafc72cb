"""Faults that customers report, and area faults that many reports have in common (FA-02).

Owns fault reports with the boxes and cables they lie on, area faults from proposal to repair, and
the work that is held while one lasts. Verbs: fault.report, fault.settle, area_fault.declare,
area_fault.confirm, area_fault.dismiss, area_fault.change, area_fault.release, area_fault.end.
Events: WorkHeld, WorkBack. Below stand orders and visits (held work is suspended work), network
(what serves whom), appointments (calls) and emergencies, whose triggers are measured here.
"""
