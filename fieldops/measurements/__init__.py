"""Measurements: line tests and speed tests with their units, taken on visits (VI-04).

Owns the tests, each with instrument, method and time, and the line tests planned before visits
where lines are poor (RE-04). Verbs: measurement.record_line_test, measurement.record_speed_test on
the phone; measurement.plan_line_checks, measurement.record_line_check for the desk and the cable
department. Neighbours below: visits (completion is refused while a test of the work's kind is
missing), orders (a repair goes to the cable department with its tests only), network (the service
and the feature that was tested; tests say there which free pair is best).
"""
