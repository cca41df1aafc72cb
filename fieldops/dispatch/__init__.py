"""Dispatch: who does which visit when, proposed by machine, decided by a person.

Owns day plans and their lines, locks on visits, disturbances (what calls for a replan), warnings
of visits that will be late with their ways out (AP-07), and the ranking of who can do one visit.
Verbs: plan.ask, plan.replan, plan.publish, plan.discard, visit.lock, visit.unlock, lateness.take,
lateness.let_be, disturbance.let_be; the machine's own: lateness.record, lateness.settle,
disturbance.record_delay, disturbance.settle. `engine` is the search for day plans (VI-01, ORG-03,
ORG-07, WO-06) and the plain decoder that checks every plan anew; it knows nothing of the database.
Emits PlanPublished. Stands on appointments, visits, orders, organisation, faults; publishes through
their verbs and listens to absences, area faults and urgent orders.
"""
