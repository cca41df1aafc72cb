"""Training sessions, who was there, and exams with their scores (ORG-04).

Owns sessions, attendances and exams of own and contractor technicians. Verbs: training.plan,
training.cancel, training.record_attendance, training.record_exam, training.correct_exam,
training.qualify. Below it stands the organisation: a passed exam becomes a qualification there
(ORG-03) when somebody says so.
"""
