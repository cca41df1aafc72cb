"""How fresh the record of the plant is, and what is to be looked at when (RE-06, VI-06, CH-04).

Owns patrol plans, the rounds that were opened for patrols and building inspections, and spot
checks of the record. Verbs: patrol.define, patrol.change, patrol.open, building_inspection.open,
spot_check.draw, spot_check.assign in the office, spot_check.record offline. Below it stand the
network record, orders and visits: a round is a work order, done when its visit is completed.
"""
