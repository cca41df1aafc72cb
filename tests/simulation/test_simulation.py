"""Seeded simulations of phones, a desk and a database that fail in every named way (SYNC 10)."""

from pathlib import Path

import pytest

from tests.simulation.ground import Grounds
from tests.simulation.runs import SEEDS, play_file, play_seed
from tests.simulation.steps import Step, script

pytestmark = pytest.mark.anyio

KEPT = sorted(SEEDS.glob("*.txt"))


@pytest.mark.parametrize("tens", range(30))
async def test_the_invariants_hold_whatever_the_seed_draws(grounds: Grounds, tens: int) -> None:
    """I1 to I13."""
    for seed in range(tens * 10, tens * 10 + 10):
        _, failure = await play_seed(grounds, seed)
        if failure is not None:
            pytest.fail(str(failure), pytrace=False)


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
async def test_what_failed_once_holds_for_ever(grounds: Grounds, path: Path) -> None:
    """Each file keeps the steps that once broke an invariant; its head says which."""
    _, failure = await play_file(grounds, path)
    if failure is not None:
        pytest.fail(str(failure), pytrace=False)


@pytest.mark.parametrize("seed", [3, 11, 27])
async def test_the_same_seed_gives_the_same_trace(grounds: Grounds, seed: int) -> None:
    first, _ = await play_seed(grounds, seed)
    again, _ = await play_seed(grounds, seed)
    assert first == again


def test_a_step_is_written_as_a_line_and_read_back() -> None:
    for seed in range(50):
        assert [Step.read(step.written()) for step in script(seed)] == script(seed)
