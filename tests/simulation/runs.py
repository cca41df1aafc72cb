"""Running seeds and scripts, and saying what went wrong so that it can be repeated."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import trade
from tests.simulation.field import FieldSimulation
from tests.simulation.ground import Grounds, seeded
from tests.simulation.invariants import Violation
from tests.simulation.simulation import Simulation
from tests.simulation.steps import Step, is_field, script

SEEDS = Path(__file__).parent / "seeds"


@dataclass(frozen=True)
class Failure:
    """A broken invariant, with all that is needed to see it again."""

    name: str
    again: str  # the command that shows it again
    steps: list[Step]
    trace: list[str]
    said: str
    cause: BaseException

    def written(self) -> str:
        """Return the failure as a file: what failed as comments, then the steps."""
        said = [f"# {line}" for line in (*self.said.splitlines(), f"seed {self.name}")]
        return "\n".join([*said, *(step.written() for step in self.steps)]) + "\n"

    def __str__(self) -> str:
        lines = [
            f"{self.said}",
            f"seed: {self.name}",
            *self.trace,
            f"again: {self.again}",
        ]
        return "\n".join(lines)


Played = tuple[list[str], Failure | None]  # the trace, and the failure if there was one


async def play(grounds: Grounds, seed: int, steps: list[Step], again: str) -> Played:
    """Play steps on swept ground, and wait for quiet after the last."""
    simulation = (
        FieldSimulation(grounds.own, grounds.field) if is_field(seed) else Simulation(grounds.trade)
    )
    registered = nullcontext() if is_field(seed) else trade.registered()

    def failed(said: str, cause: BaseException) -> Played:
        done = steps[: len(simulation.trace)]
        return simulation.trace, Failure(str(seed), again, done, simulation.trace, said, cause)

    try:
        with registered, seeded(seed):
            async with simulation:
                for step in [*steps, Step("quiet")]:
                    await simulation.do(step)
    except Violation as violation:
        return failed(str(violation), violation)
    except Exception as exc:  # noqa: BLE001 - a fault of engine or simulation is a finding too
        return failed(f"{type(exc).__name__}: {exc}", exc)
    return simulation.trace, None


async def play_seed(grounds: Grounds, seed: int) -> Played:
    """Play what a seed draws."""
    return await play(grounds, seed, script(seed), f"make soak SEEDS=1 FROM={seed}")


async def play_file(grounds: Grounds, path: Path) -> Played:
    """Play the steps that a file keeps."""
    seed, again = (
        int(path.stem.split("-")[0]),
        f"make soak REPLAY=tests/simulation/seeds/{path.name}",
    )
    return await play(grounds, seed, kept(path), again)


def kept(path: Path) -> list[Step]:
    """Return the steps that a file keeps; lines that begin with # say what failed."""
    lines = path.read_text().splitlines()
    return [Step.read(line) for line in lines if line and not line.startswith("#")]
