"""Checklists: what must be done and shown on site, item by item (CH-01, 02, 03, 05).

Owns templates with their published versions, the checklist of each work order of a visit, and
every answer that was ever given. Verbs: checklist.publish_template in the office,
checklist.answer on the phone. Neighbours below: visits (assignment binds a version, completion
is refused while items are open), orders (kind and service of the work), customers (segment),
files (photos by sha256).
"""
