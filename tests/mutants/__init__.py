"""Engine mutants: dangerous small changes, each of which some test must catch.

`python -m tests.mutants` (`make mutants`) applies each to a copy of the tree, runs the tests
meant to kill it and writes the table in docs/sync-proof.md; with names it runs only those.
"""
