"""Visits: trips to customers, who makes them, and what happened on them (VI-01 to VI-06).

Owns the visit, its work, its technicians and the facts seen on site. Verbs: visit.assign,
visit.set_contact, visit.split, visit.join, visit.cancel in the office; visit.accept,
visit.confirm_kit, visit.depart, visit.arrive, visit.confirm_identity, visit.start, visit.complete,
visit.fail, visit.leave_notice, note.add and notice.read on the phone. commands/judging.py carries
out the table of the sync contract (reassigned, cancelled or moved meanwhile) for every module that
works on visits.
Neighbours below: orders (the work), customers (who, where), network (the plant), organisation
(who may and can); above: appointments, evidence, notifications listen to its events.
"""
