"""Quality: what machines ask about evidence, and what people inspect (QA-01 to QA-07).

Owns the prints of photos, looks and flags on evidence; inspections with their scored forms, samples
and feedback sheets; findings and accountability cases; the case library.
Verbs: evidence.check, evidence_flag.answer,
evidence_flag.decide; inspection.plan, .cancel, .draw, .add_visits, .fill, .note_finding, .report,
.answer, .judge; inspection_form.publish; inspection_finding.withdraw, .answer;
accountability_case.state, .state_for_unit, .decide, .close; lesson.draft, .change, .publish,
.retire. Below stand files (the photos), visits
(positions, times; the notices), checklists (types of items), measurements, complaints and retention
(whose visits are looked at first). Nothing happens by a flag alone: a supervisor decides, after the
technician could say what was the case.
"""
