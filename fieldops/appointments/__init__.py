"""Appointments: the time a customer was promised, and everything that keeps the promise.

Owns appointments, the reserved time of technicians, reconfirmations and the call tasks of
people. Verbs: appointment.book, hold_slot, reschedule, cancel, request_reschedule,
record_reconfirmation; call_task.open, call_task.complete. Events: AppointmentBooked,
AppointmentMoved, AppointmentCancelled, AppointmentAnswered. Stands on visits, orders,
customers and the organisation's calendars; notifications and reports listen from above.
"""
