"""The three-colour list, and the tasks that repair what went wrong with a customer (CU-08).

The colours are worked out from what happened and kept nowhere. Owns the relationship-repair tasks.
Verbs: repair_task.open, repair_task.take, repair_task.close. Below stand complaints, faults and
appointments, whose records are the signs.
"""
