"""One simulation: phones, a desk and a database, led step by step, checked after every one."""

import asyncio
import contextlib
import contextvars
import copy
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Self

import httpx
from sqlalchemy.exc import OperationalError

from fieldops.kernel import clock, ids, points
from fieldops.kernel.direct import guarded
from fieldops.kernel.errors import Coded
from fieldops.sync import queries
from tests.simulation import checks, invariants, photos
from tests.simulation.ground import START, TECHNICIANS, Ground
from tests.simulation.invariants import holds
from tests.simulation.network import (
    CURRENT,
    GATE,
    Crash,
    Exchange,
    Late,
    Line,
    Plan,
)
from tests.simulation.oracle import Device, Job, Oracle, View
from tests.simulation.phones import TROUBLE, SimPhone
from tests.simulation.steps import VERBS, Step
from tests.support.clients import bearer
from tests.support.device import Refused
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, id_of

MOST_PHONES = 5
FIRST_JOBS = 5
CLOCK = {"minutes": timedelta(minutes=7), "hours": timedelta(hours=5), "days": timedelta(days=3)}


class Simulation:
    """What there is, what was committed, and what was said about it."""

    rows_per_page = 2  # few, so that a view takes several pages

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.oracle = Oracle()
        self.phones: list[SimPhone] = []
        self.roles = dict.fromkeys(TECHNICIANS, True)
        self.names: dict[str, str] = {}
        self.jobs: list[str] = []
        self.air: list[Late] = []
        self.held: dict[str, View] = {}  # by cursor: what a device standing there holds
        self.acknowledged: set[str] = set()
        self.kept: dict[str, dict[str, str | None]] = {}  # by phone: its commands, how they ended
        self.trace: list[str] = []
        self.peeked: dict[str, Any] = {}
        self.backup: tuple[Any, ...] | None = None
        self.texts = 0
        self.photos = photos.Photos()
        self.failed = False
        self.highest_epoch = 1
        self.refusing = False  # restored, and the epoch is not bumped yet
        self.now = START
        self._pending: list[asyncio.Task[str]] = []
        self._aside: list[str] = []
        self._stack = AsyncExitStack()

    # --- beginning and end ----------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._stack.enter_context(clock.frozen(START))
        self._stack.enter_context(points.armed(self._at_point))
        token = bearer(self.ground.settings, self.ground.world.dora)
        self.office = await self._stack.enter_async_context(
            httpx.AsyncClient(
                transport=self.ground.office, base_url="http://fieldops", headers=token
            )
        )
        await self.begin()
        return self

    async def begin(self) -> None:
        """Sweep the ground; make the first jobs and phones."""
        await self.ground.sweep()
        for n in range(FIRST_JOBS):
            await self.do_office(Step("office", who=n, what="make"))
        for n in range(2):
            await self.register(self._phone(TECHNICIANS[n]))

    async def __aexit__(self, *exc: object) -> None:
        for task in self._pending:
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)
        for phone in self.phones:
            await phone.client.aclose()
            phone.db.close()
        await self._stack.aclose()

    def name(self, id_: Any) -> str:
        """Return the name that the trace knows an id by."""
        return self.names.get(str(id_), "something")

    def _phone(self, person: str) -> SimPhone:
        line = Line(
            self.ground.server, self.opened, self.answered, self._expired, self.photos.heard,
            air=self.air,
        )  # fmt: skip
        name = f"phone{1 + len(self.phones)}"
        rows = self.rows_per_page + len(self.phones) % 4
        phone = SimPhone(name, person, line, rows_per_page=rows)
        actor = getattr(self.ground.world, person)
        phone.use_token(bearer(self.ground.settings, actor)["Authorization"][7:])
        self.phones.append(phone)
        return phone

    def _expired(self) -> str:
        with clock.frozen(START - timedelta(days=400)):
            return bearer(self.ground.settings, self.ground.world.alice)["Authorization"][7:]

    async def register(self, phone: SimPhone, replaces: str | None = None) -> None:
        """Register an installation, or again one that the server forgot by a restore."""
        try:
            await phone.register(phone.called, replaces=replaces)
        except Refused as refused:
            if refused.status != httpx.codes.SERVICE_UNAVAILABLE:
                raise
            # The database was restarted; once is enough.
            await phone.register(phone.called, replaces=replaces)
        self.names.setdefault(phone.device, f"device of {phone.name}")
        if phone.device not in self.oracle.devices:
            device = Device(phone.device, str(id_of(phone.person)), self.now, phone.called)
            await self.in_order()
            await self.registered(device, replaces)

    async def registered(self, device: Device, replaces: str | None) -> None:
        """The server has taken a new registration."""
        self.oracle.register(device, replaces)
        checks.take_over(self, await checks.peek(self))

    async def register_anew(self, phone: SimPhone) -> None:
        """Do what a phone is told to when two work under its registration: nothing is lost."""
        former = phone.start_anew()
        # Nobody waits for what was asked under the former registration; requests still arrive.
        self.air[:] = [late for late in self.air if late.request or late.line is not phone.line]
        await self.register(phone, former)
        phone.put(must_register=False)

    # --- one step -------------------------------------------------------------------------

    async def do(self, step: Step) -> None:
        """Take a step, wait for what it set off, and check all that can be checked cheaply."""
        self._pending, self._aside = [], []
        said = f"{len(self.trace) + 1:3} {self.now:%d %H:%M} {step.kind}"
        try:
            outcome = await self.take(step)
            for task in self._pending:
                self._aside.append(await task)
            await self.settle()
        except BaseException as exc:
            self.trace.append(f"{said} {step.written()} -> {type(exc).__name__}")
            self.failed = True
            raise
        self.trace.append(" | ".join([f"{said} {outcome}", *self._aside]))

    async def settle(self) -> None:
        """Check what can be checked when nothing is under way."""
        await checks.settled(self)

    async def take(self, step: Step) -> str:
        """Take a step and say what came of it."""
        outcome: str = await getattr(self, f"do_{step.kind}")(step)
        return outcome

    def _who(self, step: Step) -> SimPhone:
        return self.phones[step.who % len(self.phones)]

    def _plan(self, step: Step) -> Plan:
        if not step.point:
            return Plan(fault=step.fault)
        then = Step(**step.then)

        async def act(_exchange: Exchange) -> None:
            if then.kind == "crash":
                raise Crash
            if then.kind == "restart":
                await self.ground.cut_connections()
            else:
                await self._meanwhile(then)

        return Plan(step.fault, step.point, act)

    async def _meanwhile(self, step: Step) -> None:
        """Let something else happen while a request stands at a point.

        When that waits for what the request has locked, the request goes on and it comes after.
        """
        context, gate = contextvars.copy_context(), asyncio.Event()
        gate.set()
        exchange = CURRENT.get()
        context.run(CURRENT.set, None)
        context.run(GATE.set, gate)
        context.run(guarded.set, False)

        async def told() -> str:
            return f"meanwhile {step.kind} {await self.take(step)}"

        task = asyncio.create_task(told(), context=context)
        self._pending.append(task)
        if exchange is not None and await self._has_to_wait(task):
            gate.clear()
            exchange.behind.append((task, gate))

    async def _has_to_wait(self, task: asyncio.Task[str]) -> bool:
        """Wait until a step is done, or waits for what a request has locked."""
        while not task.done():
            await asyncio.wait({task}, timeout=0.004)
            if not task.done() and await self.ground.somebody_waits():
                return True
        return False

    async def in_order(self) -> None:
        """Return when all that committed before this step was judged.

        Who holds locks that the request before it needs to begin anew comes first.
        """
        gate = GATE.get()
        while gate is not None and not gate.is_set() and not await self.ground.somebody_waits():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gate.wait(), 0.004)

    async def _begun_anew(self, exchange: Exchange) -> None:
        """A push was rolled back and begins again: what waited for it comes first now."""
        exchange.let_pass()
        for task, gate in exchange.behind:
            if await self._has_to_wait(task):
                gate.clear()

    # --- what the server is at ------------------------------------------------------------

    async def opened(self, exchange: Exchange) -> None:
        """A request reaches the server."""
        device = self.oracle.devices.get(str(exchange.body.get("device_id")))
        if device is not None:
            exchange.device = device.id
            exchange.technician = self._role_of(device)
            exchange.here = (set(self.photos.here), set())

    def _role_of(self, device: Device) -> bool:
        return next(held for p, held in self.roles.items() if str(id_of(p)) == device.person)

    async def _at_point(self, point: str) -> None:
        try:
            await self.reached(point)
        except Exception as exc:
            if (exchange := CURRENT.get()) is not None:
                exchange.broken = exc  # whatever the server makes of it, it is a finding
            raise

    async def reached(self, point: str) -> None:
        """The engine is at a named point of a request."""
        exchange = CURRENT.get()
        if exchange is None:
            return
        holds("I7", not self.refusing, f"{point} is reached on a timeline that nobody knows")
        device = self.oracle.devices[exchange.device]
        if point == points.PULL_READ:
            await self.in_order()
            # Who asks was read just now, for the second time when the log did not tell enough.
            technician = exchange.technician = self._role_of(device)
            exchange.expected = self.oracle.view(device, self.now, technician=technician)
            exchange.last_seq, exchange.state = device.last_seq, device.state
            exchange.statements = 1  # another try counts anew
        elif point == points.PULL_COMMITTED and device.state == "active":
            self.oracle.looked(device, self.now, technician=exchange.technician)
        elif point == points.PUSH_COMMITTED:
            await self.in_order()
            await checks.committed(self, exchange)
            exchange.let_pass()
        elif point == points.PUSH_LOCKED:
            exchange.tries += 1
            if exchange.tries > 1:
                await self._begun_anew(exchange)
        plan = exchange.plan
        if point == plan.point and plan.then is not None and not self._unordered(exchange, point):
            then, plan.then = plan.then, None
            await then(exchange)

    @staticmethod
    def _unordered(exchange: Exchange, point: str) -> bool:
        """Return whether the order of commits does not say here what was judged first.

        Step by step a refused command's locks end with its savepoint: what others then do to its
        record commits before the push, and yet came after the judgement. Both orders are right,
        but the oracle knows one.
        """
        return exchange.tries > 1 and point in {points.PUSH_COMMAND, points.PUSH_WRITTEN}

    async def answered(self, exchange: Exchange) -> None:
        """The server has answered, whatever reaches the phone."""
        invariants.answerable(exchange)
        if exchange.answer is None:
            return
        known = not (self.refusing and exchange.path.startswith("/v1/sync/"))
        holds("I7", known, f"{exchange.path} answers on a timeline that nobody knows")
        if exchange.path == "/v1/sync/push":
            exchange.here = (exchange.here[0], self.photos.here | self.photos.under_way)
            invariants.push_answered(exchange)
            self.acknowledged |= {result["id"] for result in exchange.answer["results"]}
        elif exchange.path == "/v1/sync/pull":
            checks.pulled(self, exchange)

    # --- what phones do -------------------------------------------------------------------

    async def do_capture(self, step: Step) -> str:
        phone = self._who(step)
        own = sorted((r["id"] for r in phone.rows("job")), key=self.name)
        choice = self.jobs if step.what == "foreign" or not own else own
        job = choice[step.which % len(choice)]
        self.texts += 1
        follows = step.which % 7 == 0
        photo = photos.take(phone, step.which // 13) if step.which % 13 == 2 else ""
        words = phone.capture_step(step.what, job, f"t{self.texts}", follows=follows)
        number = phone.get("next_seq") - 1
        self.names[phone.queue()[-1]["id"]] = f"{phone.name}/{number}"
        return f"{phone.name}/{number} {words} {self.name(job)}{photo}"

    async def do_push(self, step: Step) -> str:
        phone = self._who(step)
        captured = ""
        while phone.queued() < 1 + step.which % 3:
            verb = VERBS[(step.which + phone.queued()) % len(VERBS)]
            which = step.which // 7 + phone.queued()
            captured += await self.do_capture(Step("capture", step.who, verb, which)) + ", "
        batch = phone._next_batch()[: 1 + step.which % 6]
        phone.line.plan = self._plan(step)
        said = f"{captured}{phone.name} push {[c['seq'] for c in batch]}{_went_wrong(step)}"
        try:
            answer = await phone.push_once(batch)
        except TROUBLE as trouble:
            return f"{said} -> {await self._in_trouble(phone, trouble)}"
        if answer["stop"]:
            phone._goes_on(answer)
        return f"{said} -> {self._results(answer)}"

    def _results(self, answer: dict[str, Any]) -> str:
        said = []
        for result in answer["results"]:
            final = result.get("first") or result
            repeat = "again " if "first" in result else ""
            said.append(
                f"{result['seq']} {repeat}{final['status']} {final.get('code', '')}".strip()
            )
        if answer["stop"]:
            said.append(f"stop {answer['stop']['kind']} at {answer['stop']['at_seq']}")
        return ", ".join(said)

    async def _in_trouble(self, phone: SimPhone, trouble: Exception) -> str:
        if isinstance(trouble, Refused):
            unknown = trouble.status == httpx.codes.NOT_FOUND
            if unknown and phone.device not in self.oracle.devices and self.roles[phone.person]:
                await self.register(phone)
                return "unknown after the restore, registered again"
            return f"{trouble.status}"
        return type(trouble).__name__

    async def do_pull(self, step: Step) -> str:
        phone = self._who(step)
        phone.line.plan = self._plan(step)
        said = f"{phone.name} pull{_went_wrong(step)}"
        try:
            answer = await phone.pull_once()
        except TROUBLE as trouble:
            return f"{said} -> {await self._in_trouble(phone, trouble)}"
        return f"{said} -> {_page(answer)}"

    async def do_upload(self, step: Step) -> str:
        """Send the photos that wait, or one that is taken now and promised later."""
        phone, captured = self._who(step), ""
        if not phone.unsent():
            photo = step.which // 13 * 13 + 2
            captured = await self.do_capture(Step("capture", step.who, "remark", photo)) + ", "
        said = f"{captured}{phone.name} upload{_went_wrong(step)}"
        self.photos.under_way |= phone.photos()
        try:
            return f"{said} -> {await photos.send(phone, step.fault, step.which % 3)}"
        except TROUBLE as trouble:
            return f"{said} -> {await self._in_trouble(phone, trouble)}"
        finally:
            self.photos.under_way.clear()

    async def do_sync(self, step: Step) -> str:
        """Hand in and pull until nothing is left, without faults."""
        phone = self._who(step)
        told = phone.get("must_register") and self.roles[phone.person]
        try:
            if told:
                await self.register_anew(phone)
            results = await phone.push()
            for _ in range(100):
                answer = await phone.pull_once()
                if not answer.get("more"):
                    break
            await phone.upload()
        except TROUBLE as trouble:
            return f"{phone.name} -> {await self._in_trouble(phone, trouble)}"
        anew = " registered anew" if told else ""
        return f"{phone.name}{anew} -> {len(results)} results, {len(phone.everything())} rows"

    async def do_deliver(self, step: Step) -> str:
        """Let a late request reach the server, or a late answer the phone."""
        if not self.air:
            return "nothing is on its way"
        late = self.air.pop(step.which % len(self.air))
        if late.request is not None:
            status, _, _ = await late.line.carry(late.request, Plan())
            return f"a late {late.request.url.path[9:]} arrives -> {status}"
        phone = next(p for p in self.phones if p.line is late.line)
        if late.path != "/v1/sync/pull":
            return f"a late answer to {phone.name} is not looked at"
        taken = phone.apply(late.answer or {}, late.asked_with)
        return f"a late page reaches {phone.name} -> {'taken' if taken else 'too late'}"

    async def do_misuse(self, step: Step) -> str:
        """Send a command with a used number, with a used id too, or with a number too high."""
        phone = self._who(step)
        self.texts += 1
        new = ids.new_id() if step.which % 3 else None
        ahead = 1 if step.which % 3 == 2 else 0
        command = phone.misuse(f"t{self.texts}", new_id=new, ahead=ahead)
        if command is None:
            return f"{phone.name} has no number to use again"
        try:
            body = {
                "protocol": 1,
                "device_id": phone.device,
                "epoch": phone.get("epoch"),
                "app": phone.app,
                "clock": phone.clock.read(),
                "commands": [command],
            }
            answer = await phone.send("/v1/sync/push", body)
        except TROUBLE as trouble:
            return f"{phone.name} misuse -> {await self._in_trouble(phone, trouble)}"
        return f"{phone.name} misuse -> {self._results(answer)}"

    async def do_skew(self, step: Step) -> str:
        phone = self._who(step)
        if step.what != "reboot":
            phone.clock.skew = timedelta(minutes=(step.which * 37) % 4000 - 2000)
        if step.what != "skew":
            phone.clock.reboot()
        return f"{phone.name} {step.what} {phone.clock.skew}"

    async def do_upgrade(self, step: Step) -> str:
        phone = self._who(step)
        schema = phone.app["schema"] + 1
        phone.app = {"version": f"{schema}.0", "schema": schema}
        return f"{phone.name} to {phone.app['version']}, {phone.queued()} queued"

    async def do_reinstall(self, step: Step) -> str:
        """Install the app anew: a new id, an empty store; what was not handed in is gone."""
        phone = self._who(step)
        if not self.roles[phone.person]:
            return f"{phone.name}'s user may not register"
        said = ""
        if step.which % 2:  # the server knows of something that is lost
            for n in range(2):
                said += await self.do_capture(Step("capture", step.who, "remark", step.which + n))
                said += ", "
            said += await self.do_push(Step("push", step.who, which=step.which // 6 * 6)) + ", "
        former = phone.device
        if step.which % 3 == 0:
            phone.called = f"{phone.name} {step.which}"  # then only the app can know the former
        self.photos.set_up_anew(phone)
        for table in ("meta", "outbox", "row"):
            phone.db.execute(f"delete from {table}")
        actor = getattr(self.ground.world, phone.person)
        phone.use_token(bearer(self.ground.settings, actor)["Authorization"][7:])
        self.air[:] = [late for late in self.air if late.request or late.line is not phone.line]
        self.kept.pop(phone.name, None)
        await self.register(phone, former if step.which % 4 else None)
        return f"{said}{phone.name} is set up anew"

    async def do_clone(self, step: Step) -> str:
        """Put an image of a phone on another one, or add a third person's phone."""
        if len(self.phones) >= MOST_PHONES:
            return "there are enough phones"
        if step.which % 2:
            phone = self._phone(TECHNICIANS[step.which % len(TECHNICIANS)])
            if not self.roles[phone.person]:
                self.phones.pop()
                return "the user may not register"
            await self.register(phone)
            return f"{phone.name} is new"
        source = self._who(step)
        phone = self._phone(source.person)
        source.copy_to(phone)
        said = f"{phone.name} is an image of {source.name}"
        for n in range(step.which // 2 % 5):  # both are used before they are heard of again
            for who in (self.phones.index(source), len(self.phones) - 1):
                verb = VERBS[(step.which + n + who) % len(VERBS)]
                said += ", " + await self.do_capture(Step("capture", who, verb, step.which + n))
        return said

    # --- what the offices do --------------------------------------------------------------

    async def do_office(self, step: Step) -> str:
        """Let the dispatcher make or change a job."""
        if step.what == "make" or not self.jobs:
            return await self._make(step)
        id_ = self.jobs[step.which % len(self.jobs)]
        self.texts += 1
        technician = TECHNICIANS[step.who % len(TECHNICIANS)]
        centre = SOUTH if step.which % 5 == 0 else NORTH
        planned = self.now - timedelta(hours=1 + step.which % 50)
        until = self.now + timedelta(hours=step.which % 60)
        args, values = {
            "assign": (
                {"technician_id": str(id_of(technician)), "centre_id": str(centre)},
                {"technician": str(id_of(technician)), "centre": str(centre)},
            ),
            "cancel": ({}, {"state": "cancelled"}),
            "reopen": ({}, {"state": "open"}),
            "move": ({"planned": planned.isoformat()}, {"planned": planned}),
            "edit": ({"text": f"t{self.texts}"}, {"text": f"t{self.texts}"}),
            "extend": ({"until": until.isoformat()}, {"until": until}),
            "drop": ({}, {}),
        }[step.what]
        said = f"{step.what} {self.name(id_)}"
        try:
            dora = self.ground.world.dora
            await run(self.ground.database, dora, f"job.{step.what}", job_id=id_, **args)
        except Coded as refusal:
            return f"{said} -> {refusal.code}"
        except OperationalError:
            return f"{said} -> the database was away"
        await self.in_order()
        if step.what == "drop":
            self.oracle.jobs.pop(id_)
        else:
            self.oracle.jobs[id_].write(None, **values)
        return f"{said} {technician if step.what == 'assign' else ''}".strip()

    async def _make(self, step: Step) -> str:
        id_ = str(ids.new_id())
        technician = TECHNICIANS[step.who % 2]
        planned, until = self.now - timedelta(days=5), self.now + timedelta(days=9)
        try:
            await run(
                self.ground.database, self.ground.world.dora, "job.make", job_id=id_,
                technician_id=str(id_of(technician)), centre_id=str(NORTH),
                planned=planned.isoformat(), until=until.isoformat(),
            )  # fmt: skip
        except OperationalError:
            return "make a job -> the database was away"
        self.jobs.append(id_)
        self.names[id_] = f"job{len(self.jobs)}"
        job = Job(id_, str(id_of(technician)), str(NORTH), planned, until)
        self.oracle.jobs[id_] = job
        return f"make {self.name(id_)} for {technician}"

    async def do_desk(self, step: Step) -> str:
        """Let the dispatcher decide one of the open cases."""
        cases = [case for case in self.oracle.cases if case.state == "open"]
        if not cases:
            return await self.do_office(Step("office", step.who, "assign", step.which))
        case = cases[step.which % len(cases)]
        chosen = {entry.key for entry in case.entries}
        body: dict[str, Any] = {"reason": "as the simulation says"}
        verb = "accept" if step.what == "part" else step.what
        if step.what == "part" and case.entries:
            part = [entry.key for entry in case.entries[: 1 + len(case.entries) // 2]]
            chosen, body["command_ids"] = set(part), part
        path = f"/v1/desk/cases/{case.id}/{verb}"
        response = await self.office.post(path, json=body)
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return f"case{case.number} {step.what} -> the database was away"
        refusal = await checks.decided(self, case, verb, chosen, response)
        return f"case{case.number} {step.what} -> {refusal or case.state}"

    async def do_device(self, step: Step) -> str:
        phone = self._who(step)
        device = self.oracle.devices.get(phone.device)
        gone = any(d.state == "revoked" for d in self.oracle.devices.values())
        if device is None or (step.what == "revoke" and gone and step.which % 4):
            return f"{phone.name} is left alone"
        response = await self.office.post(
            f"/v1/devices/{device.id}/{step.what}", json={"reason": "as the simulation says"}
        )
        await self.in_order()
        device = self.oracle.devices[phone.device]
        if response.status_code == httpx.codes.OK:
            states = {"lock": "locked", "unlock": "active", "revoke": "revoked"}
            device.steered(states[step.what])
        elif response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            holds("I13", device.state == "revoked", f"{step.what}: {response.text}")
        return f"{step.what} {phone.name} -> {response.status_code}"

    async def do_role(self, step: Step) -> str:
        """Take the technician's role from a person, or give it back."""
        person = TECHNICIANS[step.who % len(TECHNICIANS)]
        self.roles[person] = not self.roles[person]
        await self.ground.role(person, held=self.roles[person])
        return f"{person} {'is' if self.roles[person] else 'is not'} a technician"

    # --- time and the database ------------------------------------------------------------

    async def do_clock(self, step: Step) -> str:
        self.now += CLOCK[step.what] * (1 + step.which % 5) / 2
        clock._source.fixed = self.now
        return f"moves to {self.now:%d %H:%M}"

    async def do_backup(self, _step: Step) -> str:
        kept = await self.ground.backup()
        held = self.ground.store(), set(self.photos.here)
        self.backup = (kept, copy.deepcopy(self.oracle), held)
        await self.ground.guard.check()  # half a minute later
        return "is made"

    async def do_restore(self, step: Step) -> str:
        """Go back to the backup: the server must notice, and refuse until the epoch is bumped."""
        if self.backup is None:
            return "there is no backup"
        kept, oracle, (store, here) = self.backup
        await self.ground.restore(kept)
        self.photos.here = set(here)
        if step.which % 2:  # what arrived since is lost, not its row alone
            self.ground.set_store(store)
        self.oracle = copy.deepcopy(oracle)
        self.acknowledged &= {e.id for entries in self.oracle.ledger.values() for e in entries}
        self.peeked = {}
        await self.ground.restarted()
        holds("I7", self.ground.guard.refused, "the server does not notice that it was restored")
        self.refusing = True
        if step.which % 3 == 0:
            return "to the backup, the epoch is left as it was"
        return f"to the backup, {await self.do_bump(step)}"

    async def do_bump(self, _step: Step) -> str:
        """Bump the epoch after a restore, until the server takes up sync again."""
        if not self.refusing:
            return "there is no need for a new epoch"
        while self.ground.guard.refused is not None:  # a backup restored twice needs two
            async with self.ground.database.transaction() as session:
                self.oracle.epoch = await queries.bump_epoch(session, 1, "restored")
            await self.ground.guard.check()
        epoch, before = self.oracle.epoch, self.highest_epoch
        holds("I7", epoch > before, f"epoch {epoch} is given out a second time, after {before}")
        self.highest_epoch, self.refusing = epoch, False
        return f"epoch {epoch}"

    async def do_quiet(self, _step: Step) -> str:
        return await checks.quiet(self)


def _went_wrong(step: Step) -> str:
    if step.fault:
        return f" ({step.fault})"
    if step.point:
        return f" ({step.then['kind']} at {step.point})"
    return ""


def _page(answer: dict[str, Any]) -> str:
    if answer.get("wipe"):
        return "wipe"
    if answer.get("unchanged"):
        return "unchanged"
    puts = sum(len(rows) for rows in answer.get("puts", {}).values())
    said = f"+{puts} -{len(answer.get('dels', ()))}"
    said += " reset" if answer["reset"] else ""
    return said + (" more" if answer["more"] else f" view {answer['view']['rows']}")
