"""Quality: what machines notice in the evidence of visits, answered and decided by people (QA-05).

Owns the prints of photos, the looks at visits and the flags they raised. Verbs: evidence.check,
evidence_flag.answer, evidence_flag.decide. Below stand files (the photos), visits (positions,
times, clocks; the notices to technicians) and measurements (the tests). Nothing happens by a flag
alone: a supervisor decides whether it holds, after the technician could say what was the case.
"""
