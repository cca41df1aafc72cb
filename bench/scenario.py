"""The measurement of one size: in this order, for a push moves the board and a pull the view."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import changing, requests, serving, shape, steps
from bench.client import Call, Connection, Measured, Step, connections, one, run
from bench.counting import Counter
from bench.load import Say
from bench.requests import Phone
from bench.shape import Size
from fieldops.kernel.settings import Settings

CHANGES = 10


@dataclass(frozen=True)
class Bounds:
    """How much is measured: connections at once, requests and seconds of each kind."""

    connections: int = 8
    requests: int = 1_000
    seconds: float = 20.0
    phones: int = shape.TECHNICIANS


@dataclass
class Result:
    """One kind of request at one size, with the statements one such request sends."""

    name: str
    measured: Measured
    queries: int | None = None
    note: str = ""


@dataclass
class Runs:
    """What measurements of one size of database share: the server, the results."""

    url: str
    size: Size
    settings: Settings
    bounds: Bounds
    say: Say
    served: serving.Served = field(init=False)
    results: list[Result] = field(default_factory=list)

    async def _run(
        self, opened: Sequence[Connection], jobs: Sequence[Any], step: Step, seconds: float
    ) -> Measured:
        """Run jobs, and note the CPU time they cost."""
        server, backends = self.served.cpu_seconds()
        measured = await run(opened, jobs, step, most_seconds=seconds)
        after, backends_after = self.served.cpu_seconds()
        measured.server_cpu, measured.database_cpu = after - server, backends_after - backends
        return measured

    def _keep(self, result: Result) -> None:
        self._check(result.name, result.measured)
        m = result.measured
        server, database = m.cpu_ms()
        self.say(
            f"  {self.size.label:>3} {result.name}: {m.per_second:.0f}/s, "
            f"p50 {m.percentile_ms(50):.1f} ms, p99 {m.percentile_ms(99):.1f} ms, "
            f"CPU {server:.1f} + {database:.1f} ms, "
            f"{result.queries} queries, {m.mean_bytes:.0f} bytes, n={len(m.seconds)} {result.note}"
        )
        self.results.append(result)

    @staticmethod
    def _check(name: str, measured: Measured) -> None:
        if measured.failures:
            raise SystemExit(f"{name}: {measured.failures[0]}")


@dataclass
class Scenario(Runs):
    """Everything measured at one size of database."""

    async def measure(self) -> list[Result]:
        """Run all measurements against a server of their own; return them in order."""
        phones = [
            Phone.of(self.settings, self.size, n, os.getpid()) for n in range(self.bounds.phones)
        ]
        async with Counter.on(self.url, self.settings) as counter:
            with serving.serving(self.url) as self.served:
                async with connections(self.served.port, self.bounds.connections) as opened:
                    await self._reads(opened, counter)
                    await self._sync(opened, counter, phones)
        return self.results

    async def _reads(self, opened: Sequence[Connection], counter: Counter) -> None:
        boards = [requests.board(self.settings, n) for n in range(self.size.centres)]
        slots = [requests.slots(self.settings, n) for n in range(64)]
        await self._measure("Board of a centre's day", opened, counter, boards)
        await self._measure("Slot list of a visit", opened, counter, slots)
        past = [requests.kept_appointments(self.settings, 7)]
        await self._measure("KP-01 of the region, 7 days", opened, counter, past)

    async def _measure(
        self, name: str, opened: Sequence[Connection], counter: Counter, calls: Sequence[Call]
    ) -> None:
        warm = await run(opened[:1], calls[:4], one, most_seconds=5)
        self._check(name, warm)
        repeated = [calls[n % len(calls)] for n in range(self.bounds.requests)]
        measured = await self._run(opened, repeated, one, self.bounds.seconds)
        self._keep(Result(name, measured, await counter.count(calls[0])))

    # Sync

    async def _sync(
        self, opened: Sequence[Connection], counter: Counter, phones: list[Phone]
    ) -> None:
        await run(opened, phones, steps.register, most_seconds=120)
        seconds = max(self.bounds.seconds, 30)
        first = await self._run(opened, phones[1:], steps.pull_all, seconds)
        ready = [phone for phone in phones if phone.cursor is not None]
        queries = await steps.count_pull(counter, phones[0])
        rows = sum(p.rows for p in ready) / max(1, len(ready))
        self._keep(Result("First pull of a day", first, queries, f"{rows:.0f} rows"))
        ready.append(phones[0])
        await run(opened, ready, steps.pull_all, most_seconds=60)  # the last page is confirmed

        repeats = max(1, self.bounds.requests // len(ready))
        unchanged = await self._run(
            opened, [p.pull() for p in ready] * repeats, one, self.bounds.seconds
        )
        self._keep(Result("Unchanged pull", unchanged, await counter.count(ready[0].pull())))

        changed = Measured()
        for _ in range(max(1, repeats // 2)):
            self._change_ten_rows_each()
            part = await self._run(opened, ready[1:], steps.pull_all, seconds)
            changed.join(part)
            queries = await steps.count_pull(counter, ready[0])
            await run(opened, ready, steps.pull_all, most_seconds=60)
            if changed.elapsed > seconds:
                break
        self._keep(Result(f"Pull with {CHANGES} changes", changed, queries))

        queries = await steps.count_push(counter, ready[0])
        pushed = Measured()
        for _ in range(min(ready[1].most_pushes, 1 + self.bounds.requests // len(ready))):
            pushed.join(await self._run(opened, ready[1:], steps.push, seconds))
            if pushed.elapsed > seconds:
                break
        self._keep(Result(f"Push of {requests.COMMANDS} commands", pushed, queries))

    def _change_ten_rows_each(self) -> None:
        """Let somebody change one work order of each of the ten visits of every technician."""
        slots = self.size.visits // self.size.technicians
        changing.change(serving.conninfo(self.url), {"work orders": slots}, self.size.technicians)
