"""Complaints of customers: taken, answered in time, replied to, and decided (CO-01 to CO-04).

Owns complaints with the visits they are about, and what was done about each. Verbs:
complaint.receive, complaint.take, complaint.contact, complaint.transfer, complaint.accept,
complaint.refuse, complaint.answer, complaint.reply, complaint.escalate, complaint.decide. Events:
ComplaintTaken, ComplaintOffered, ComplaintDecided, ComplaintClosed. Below stand orders (a complaint
raises its order), visits (technicians are told) and all that was recorded on them, which a
complaint opens in one answer.
"""
