"""Replicache's server contract, version 1, on the one engine (SYNC section 9).

A client group is a device of its user, registered at its first push or pull; its mutations are
commands of that device, numbered here in the order they arrive in. Everything else is push.py
and pull.py: the same rules, ledger, cases and view record. What the contract has no word for
comes as rows: a refused mutation as its case.
"""
