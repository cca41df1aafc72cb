"""Faults that customers report, and area faults that many reports have in common (FA).

Owns fault reports with the boxes and cables they lie on and what they are matched with, area
faults from proposal to repair, the work that is held while one lasts, and the analysis reports of
serious ones. Verbs: fault.report, fault.settle, area_fault.declare, area_fault.confirm,
area_fault.dismiss, area_fault.change, area_fault.release, area_fault.end, fault_analysis.open,
fault_analysis.take, fault_analysis.hand_in, fault_analysis.accept, fault_analysis.give_back,
fault_analysis.follow_clock. Events: WorkHeld, WorkBack. Below stand orders and visits (held work
is suspended work), network (what serves whom), health (the line's record), appointments (calls)
and emergencies, whose triggers are measured here.
"""
