"""Measures the hot requests over loopback HTTP at two sizes of database: `python -m bench`.

load.py fills a database by set-based SQL, serving.py runs one real server process, client.py is
the load generator, requests.py knows the requests, counting.py counts statements in-process,
report.py writes docs/performance.md.
"""
