"""Notifications: messages to customers, planned with their cause and sent once.

Owns messages and their delivery log. It has no verbs of its own for people: messages are
planned, moved and cancelled by what happens to appointments and visits, in the same
transaction, and the worker sends what is due. Stands on appointments, visits and customers.
"""
