"""What every module stands on: database, commands, events, views, actors, errors, clock.

The kernel knows no module. It owns the ledger, the audit, the change counters and the
region's own numbers for the rules.
"""
