"""Run the mutants: all of them and write the table, or those whose name holds a given word."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime

from tests.mutants import table
from tests.mutants.catalogue import MUTANTS
from tests.mutants.runner import Outcome, benches, run_all, unharmed


def main() -> int:
    """Return 0 when every mutant was killed by a test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="run only mutants whose name holds one of these")
    parser.add_argument("--at-once", type=int, default=min(2, os.cpu_count() or 1))
    chosen = parser.parse_args()
    mutants = [m for m in MUTANTS if not chosen.words or any(w in m.name for w in chosen.words)]
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with benches(chosen.at_once) as made:
        wrong = unharmed(made, mutants)
        if wrong:
            sys.stderr.write(f"Without a mutant these tests must pass:\n{wrong}\n")
            return 2
        for outcome in run_all(mutants, made):
            outcomes.append(outcome)
            ended = outcome.killer or outcome.trouble
            place = f"{len(outcomes)}/{len(mutants)} {outcome.seconds:.0f} s"
            sys.stdout.write(f"{place} {outcome.mutant.name}: {ended}\n    {outcome.failure}\n")
            sys.stdout.flush()
    if not chosen.words:
        minutes = (time.monotonic() - began) / 60
        table.write(outcomes, datetime.now(UTC).date(), minutes, chosen.at_once)
    return 0 if all(outcome.killer for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
