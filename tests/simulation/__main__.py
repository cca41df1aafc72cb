"""`make soak`: as many seeds as asked, each failing one kept as a file that `make test` replays.

python -m tests.simulation 1000 --from 300
python -m tests.simulation --replay tests/simulation/seeds/17.txt
"""

import argparse
import asyncio
import logging
import sys
import time
import traceback
from pathlib import Path
from uuid import uuid4

import structlog

from tests.simulation.ground import Grounds, both
from tests.simulation.runs import SEEDS, Failure, play_file, play_seed
from tests.support import databases


def _keep(failure: Failure) -> Path:
    path = SEEDS / f"{failure.name}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(failure.written())
    return path


async def _seeds(grounds: Grounds, first: int, many: int, *, stop: bool) -> int:
    failed, began = 0, time.process_time()
    for n, seed in enumerate(range(first, first + many), 1):
        _, failure = await play_seed(grounds, seed)
        if failure is not None:
            failed += 1
            print(f"\n{failure}\nkept as {_keep(failure)}\n")
        if n % 10 == 0 or n == many or (failed and stop):
            cpu = (time.process_time() - began) / n
            print(f"{n} of {many} seeds, {failed} failed, {cpu:.2f} s CPU each", flush=True)
        if failed and stop:
            break
    return failed


async def _replay(grounds: Grounds, path: Path) -> int:
    trace, failure = await play_file(grounds, path)
    print(failure or "\n".join(trace))
    if failure is not None:
        traceback.print_exception(failure.cause)
    return int(failure is not None)


def main() -> int:
    """Run what the command line asks for; 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=300, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--replay", type=Path, help="play a kept file and print its trace")
    parser.add_argument("--first-failure", action="store_true", help="stop at the first")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # connections end on purpose
    template = databases.ensure_template(f"soak_{uuid4().hex[:8]}")
    try:
        return asyncio.run(_run(template, asked))
    finally:
        databases.drop(template)


async def _run(template: str, asked: argparse.Namespace) -> int:
    async with both(template) as grounds:
        if asked.replay:
            return await _replay(grounds, asked.replay)
        return min(await _seeds(grounds, asked.first, asked.seeds, stop=asked.first_failure), 1)


if __name__ == "__main__":
    sys.exit(main())
