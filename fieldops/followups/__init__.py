"""Follow-ups: every customer is asked once how it went, and who is dissatisfied is cared for (FO).

Owns follow-ups, the matters they ask about, and care tasks. A follow-up is planned when the last
work of an order is done or a complaint is answered, and by the clock where that was missed. Verbs:
follow_up.plan, follow_up.plan_complaint, follow_up.take, follow_up.note_try, follow_up.answer,
follow_up.answer_automatic, follow_up.hand_over, follow_up.follow_clock, care_task.take,
care_task.close. Events: FollowUpPlanned, FollowUpAnswered, CareTaskTaken. Below it stand orders,
visits, appointments (what was promised), measurements and health (what was measured), complaints.
"""
