"""Dispatch: who does which visit when, proposed by machine, decided by a person.

Owns day plans and their lines, locks on visits, and disturbances (what calls for a replan). Verbs:
plan.ask, plan.replan, plan.publish, plan.discard, visit.lock, visit.unlock. `engine` is the search
for day plans (VI-01, ORG-03, ORG-07, WO-06) and the plain decoder that checks every plan anew; it
knows nothing of the database. Emits PlanPublished. Stands on appointments, visits, orders,
organisation; publishes through their verbs and listens to absences.
"""
