"""Notifications: messages to customers, planned with their cause and sent once.

Owns messages with their delivery log and receipts, what customers' replies mean, people's browsers,
and the warnings of whatever nears or passed a limit that a module below declares. Messages are
planned, moved and cancelled by what happens to appointments and visits, in the same transaction,
and the worker sends what is due; people have no verbs here but for their own browsers and warnings.
Stands on appointments, visits and customers.
"""
