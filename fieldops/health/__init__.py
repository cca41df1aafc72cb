"""Customer health records: what a broadband line was like when it was activated, and since.

Owns one record per broadband service at premises and its readings (HR-01 to HR-03), and the
lines that get worse (HR-04). Verbs: health.record_reading on the phone, health.look_for_decline
in the office and each night. Neighbours below: visits (completion is refused while broadband work
has no reading), network (the line with its sold rates; the findings for the cable department).
"""
