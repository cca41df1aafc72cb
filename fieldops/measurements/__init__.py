"""Measurements: line tests and speed tests with their units, taken on visits (VI-04).

Owns the tests, each with instrument, method and time. Verbs: measurement.record_line_test,
measurement.record_speed_test on the phone. Neighbours below: visits (completion is refused while
a test of the work's kind is missing), network (the service and the feature that was tested).
"""
