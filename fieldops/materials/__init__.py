"""Materials and gifts: what a technician was issued, used, handed back and counted (CH-03, SY-02).

Owns the catalogue with its limits, the movements, and the stock each technician has. Verbs offline:
material.use, material.sign_gifts, material.hand_back, material.count; in the office:
material.define, material.change, material.set_limits, material.issue, material.correct,
material.decide. Below it stand visits: a completion waits for the signature for gifts.
"""
