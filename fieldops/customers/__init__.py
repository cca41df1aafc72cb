"""Customers, their premises and what they were promised (CU-01 to CU-04, CU-06).

Owns customers with segment and tier, premises with points, the service standard table, and in
pii.py alone the contact data with its reading register. Verbs: customer.register,
customer.change_tier, customer.change_contact, premises.register, premises.correct,
standard.set. Events: a changed tier or standard. Below it stands organisation (centres), above it
everybody who works for a customer. Higher modules say what is a technician's own through the
lists in policy.py.
"""
