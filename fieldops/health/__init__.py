"""Customer health records: what a broadband line was like when it was activated, and since.

Owns one record per broadband service at premises and its readings (HR-01 to HR-03). Verb:
health.record_reading on the phone. Neighbours below: visits (completion is refused while
broadband work has no reading), network (the line with its sold rates).
"""
