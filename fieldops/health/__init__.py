"""Customer health records: what a broadband line was like when it was activated, and since.

Owns one record per broadband service at premises and its readings (HR-01 to HR-03). Verb:
health.record_reading on the phone. Emits LineFlagged. Neighbours below: visits (completion is
refused while broadband work has no reading), network (sold rates, access path), measurements
(the tests of the same visit), checklists.
"""
