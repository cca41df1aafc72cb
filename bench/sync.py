"""Sync under fixed conditions: server and PostgreSQL on one core, the load on another.

Each technician's phone holds about 300 rows of about 1 KB; at 10x ten times as many technicians
and rows stand in the database, and the phones hold what they held.
"""

import asyncio
import json
import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from bench import changing, requests, serving, steps
from bench.client import Answer, Call, Connection, Measured, connections, one, run
from bench.counting import Counter
from bench.requests import Phone
from bench.scenario import Result, Runs

SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE = 120.0  # seconds a phone tries before its user would call it failed
UNCHANGED_AT_WORK = 60  # looks without news in a day: some by pokes that concern others, some timed
# The tables whose rows phones hold and this world has.
DOCUMENTS = (
    "appointments_appointment",
    "customers_contact",
    "customers_customer",
    "customers_premises",
    "health_reading",
    "health_record",
    "measurements_line_test",
    "measurements_speed_test",
    "network_feature",
    "network_path_element",
    "network_service",
    "orders_order",
    "orders_work_order",
    "visits_assignment",
    "visits_visit",
    "visits_visit_fact",
    "visits_visit_work",
)


@dataclass(frozen=True)
class Storm:
    """What a thousand phones met that came back at once."""

    devices: int
    seconds: float
    served: int
    failures: list[str]
    requests: Measured
    returns: Measured
    put_off: int


@dataclass(frozen=True)
class Day:
    """Bytes of one technician's day on the wire, bodies and heads apart."""

    requests: int
    body_up: int
    body_down: int
    head_up: int
    head_down: int


@dataclass
class SyncScenario(Runs):
    """The requests of phones at one size."""

    documents: int = 0
    mean_document: int = 0
    day: Day | None = None
    storm: Storm | None = None
    storm_devices: int = 0
    pinned: bool = field(default=False, init=False)

    async def measure(self) -> list[Result]:
        """Run all measurements against a server of its own; return them in order."""
        cores = os.sched_getaffinity(0)
        self.pinned = {SERVER_CORE, LOAD_CORE} <= cores
        _allow_connections(self.storm_devices)
        with serving.serving(self.url, SERVER_CORE if self.pinned else None) as self.served:
            if self.pinned:
                self.served.pin_database(SERVER_CORE)
                os.sched_setaffinity(0, {LOAD_CORE})
            try:
                async with Counter.on(self.url, self.settings) as counter:
                    await self._all(counter)
            finally:
                os.sched_setaffinity(0, cores)
        return self.results

    async def _all(self, counter: Counter) -> None:
        self._count_documents()
        phones = [self._phone(n) for n in range(self.bounds.phones)]
        async with connections(self.served.port, self.bounds.connections) as opened:
            await run(opened, phones, steps.register, most_seconds=120)
            await self._first(opened, counter, phones)
            await self._unchanged(opened, counter, phones)
            await self._changed(opened, counter, phones)
            await self._pushes(opened, counter, phones)
        if self.storm_devices:
            self.day = await self._a_day(self._phone(self.bounds.phones + self.storm_devices))
            self.storm = await self._come_back()

    def _phone(self, number: int) -> Phone:
        return Phone.of(self.settings, self.size, number, os.getpid())

    def _count_documents(self) -> None:
        with psycopg.connect(serving.conninfo(self.url)) as connection:
            for table in DOCUMENTS:
                row = connection.execute(f"select count(*) from {table}").fetchone()
                self.documents += int(row[0]) if row else 0

    async def _first(
        self, opened: Sequence[Connection], counter: Counter, phones: list[Phone]
    ) -> None:
        await run(opened, phones[:4], steps.pull_all, most_seconds=60)
        measured = await self._run(opened, phones[5:], steps.pull_all, 600)
        queries = await steps.count_pull(counter, phones[4])
        rows = sum(p.rows for p in phones) / len(phones)
        page, _ = await counter.send(self._anew(phones[4]))
        bodies = [row for rows in page["puts"].values() for row in rows]
        self.mean_document = sum(
            len(json.dumps(row, separators=(",", ":"))) for row in bodies
        ) // len(bodies)
        await steps.count_pull(counter, phones[4])
        self.say(
            f"  {self.size.label:>3} {self.documents:,} rows of types that phones hold; "
            f"a row of a phone has {self.mean_document} bytes"
        )
        self._keep(Result(f"First pull of {rows:.0f}", measured, queries))
        await run(opened, phones, steps.pull_all, most_seconds=600)  # the last page is confirmed

    @staticmethod
    def _anew(phone: Phone) -> Call:
        phone.cursor = None
        return phone.pull()

    async def _unchanged(
        self, opened: Sequence[Connection], counter: Counter, phones: list[Phone]
    ) -> None:
        calls = [phone.pull() for phone in phones]
        repeated = calls * max(1, 10 * self.bounds.requests // len(calls))
        measured = await self._run(opened, repeated, one, self.bounds.seconds)
        self._keep(Result("Unchanged pull", measured, await counter.count(calls[0])))

    async def _changed(
        self, opened: Sequence[Connection], counter: Counter, phones: list[Phone]
    ) -> None:
        changed = Measured()
        queries = 0
        while len(changed.seconds) < self.bounds.requests and changed.elapsed < self.bounds.seconds:
            self._change({"work orders": 8, "first notes": 2})
            changed.join(await self._run(opened, phones[1:], steps.pull_all, 600))
            queries = await steps.count_pull(counter, phones[0])
        self._keep(Result("Pull of 10 changed of 300", changed, queries))

    async def _pushes(
        self, opened: Sequence[Connection], counter: Counter, phones: list[Phone]
    ) -> None:
        queries = await steps.count_push(counter, phones[0])
        pushed = Measured()
        for _ in range(phones[1].most_pushes):
            pushed.join(await self._run(opened, phones[1:], steps.push, self.bounds.seconds))
            if pushed.elapsed > self.bounds.seconds:
                break
        self._keep(Result(f"Push of {requests.COMMANDS} mixed commands", pushed, queries))

    def _change(self, what: Mapping[str, int]) -> None:
        """Let somebody change rows of so many visits of every technician."""
        changing.change(serving.conninfo(self.url), what, self.size.technicians)

    # The storm

    async def _come_back(self) -> Storm:
        phones = [self._phone(self.bounds.phones + n) for n in range(self.storm_devices)]
        async with connections(self.served.port, self.bounds.connections) as opened:
            await run(opened, phones, steps.register, most_seconds=600)
            for _ in range(2):  # the second time confirms
                await run(opened, phones, steps.pull_all, most_seconds=1200)
        self._change(dict.fromkeys(changing.CHANGED, 10))
        all_requests, returns, failures = Measured(), Measured(), []
        put_off = 0
        began = time.perf_counter()
        async with connections(self.served.port, len(phones)) as opened:

            async def come(connection: Connection, phone: Phone) -> None:
                nonlocal put_off
                try:
                    times = await _return(connection, phone, all_requests)
                    put_off += times  # not in one line: others add to it meanwhile
                except (OSError, asyncio.IncompleteReadError, _GaveUpError) as exc:
                    failures.append(f"{phone.number}: {exc!r}")
                returns.seconds.append(time.perf_counter() - began)

            await asyncio.gather(*(come(c, p) for c, p in zip(opened, phones, strict=True)))
        seconds = time.perf_counter() - began
        storm = Storm(
            len(phones),
            seconds,
            len(phones) - len(failures),
            failures + all_requests.failures,
            all_requests,
            returns,
            put_off,
        )
        self.say(
            f"  {self.size.label:>3} storm: {storm.served} of {storm.devices} in {seconds:.0f} s, "
            f"p99 of a return {returns.percentile_ms(99) / 1000:.1f} s, put off {put_off}, "
            f"failed {len(storm.failures)} {storm.failures[:2]}"
        )
        return storm

    # A technician's day

    async def _a_day(self, phone: Phone) -> Day:
        """Play a day and count its bytes: a new phone's first pull, three visits, looks."""
        sums = [0, 0, 0, 0, 0]

        async def send(call: Call) -> Answer:
            answer = await connection.send(call)
            if answer.status != 200:
                raise SystemExit(f"{call.path}: {answer.status} {answer.content[:300]!r}")
            head = call.encoded.index(b"\r\n\r\n") + 4
            parts = (
                1,
                len(call.encoded) - head,
                len(answer.content),
                head,
                answer.head_bytes,
            )
            sums[:] = [total + part for total, part in zip(sums, parts, strict=True)]
            return answer

        async def pull() -> None:
            while phone.pulled((await send(phone.pull())).json()):
                pass

        async with connections(self.served.port, 1) as (connection,):
            phone.registered(await connection.send(phone.registration()))
            await pull()
            looks = 0
            for commands in phone.day():
                pushed = await send(phone.push_of(commands))
                steps.check_push(pushed.json(), failed := Measured())
                self._check("A day", failed)
                await pull()
                for _ in range(4):
                    await pull()
                    looks += 1
            self._change({"work orders": 10})
            await pull()
            for _ in range(UNCHANGED_AT_WORK - looks):
                await pull()
        self.say(f"  {self.size.label:>3} {Day(*sums)}")
        return Day(*sums)


class _GaveUpError(Exception):
    """A phone was put off for longer than its patience."""


async def _return(connection: Connection, phone: Phone, measured: Measured) -> int:
    """Push what the night left and pull what it brought; returns how often it was put off."""
    until = time.perf_counter() + PATIENCE
    put_off = 0

    async def send(call: Call) -> Answer:
        nonlocal put_off
        while True:
            if time.perf_counter() > until:
                raise _GaveUpError
            answer = await connection.send(call)
            if answer.status not in {429, 503}:
                measured.take(answer)
                return answer
            put_off += 1
            await asyncio.sleep(answer.retry_after or 1)
            await connection.reopen()

    answer = await send(phone.push())
    if answer.status == 200:
        steps.check_push(answer.json(), measured)
    while (answer := await send(phone.pull())).status == 200 and phone.pulled(answer.json()):
        pass
    return put_off


def _allow_connections(count: int) -> None:
    """Let this process and the server it starts open so many connections and then some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 512:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 512), hard))
