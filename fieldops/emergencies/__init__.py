"""Emergency plans: what changes at once when work piles up or a disaster strikes (EM-01).

Owns plans, their reserve technicians and their activations. Verbs: emergency.create_plan,
emergency.change_plan, emergency.propose, emergency.activate, emergency.prolong,
emergency.dismiss, emergency.end. Events: EmergencyBegan, EmergencyChanged, EmergencyEnded.
`queries.active` says what is in force for a centre; orders, visits and appointments above
read it for priorities, assignments and offers. Below it stands organisation (centres, people).
"""
