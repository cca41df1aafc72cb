"""Dispatch: who does which visit when, proposed by machine, decided by a person.

Owns no table yet. `engine` is the search for day plans (VI-01, ORG-03, ORG-07, WO-06) and the
plain decoder that checks every plan anew; it knows nothing of the database. Stands on
appointments.
"""
