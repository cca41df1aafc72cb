"""The three-colour list and repair of relationships (CU-08); who may leave (CU-09).

The colours are worked out from what happened and kept nowhere. Owns the relationship-repair tasks,
the register of customers who may leave, and revisits. Verbs: repair_task.open, repair_task.take,
repair_task.close, churn_case.open, churn_case.take, churn_case.withdraw, retention_visit.ask,
revisit.ask_visit, revisit.answer, revisit.record. Below stand follow-ups, complaints, faults and
appointments, whose records are the signs, and orders, whose care work the field carries out.
"""
