"""Simulations with the application's own commands: a technician's day, and an erased customer.

No model repeats the whole trade here. What holds is checked without one: answers against the
ledger, rows sent against who had the visit at that moment (read past the application), a
phone that pulled step by step against a new one that pulls whole, and after an erase (CU-07)
that the person's traces are nowhere (I12).
"""

import json
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy.exc import OperationalError

from fieldops.kernel import clock, commands, points
from fieldops.kernel.errors import Coded
from tests.simulation import around, checks, invariants, photos
from tests.simulation.around import Around
from tests.simulation.ground import Field, Ground
from tests.simulation.invariants import holds
from tests.simulation.network import CURRENT, Exchange
from tests.simulation.notices import Notices, unread
from tests.simulation.oracle import Device
from tests.simulation.phones import SimPhone
from tests.simulation.simulation import CLOCK, Simulation
from tests.simulation.steps import Step
from tests.support.run import run
from tests.support.world import id_of
from tests.sync.scenarios import SCENARIOS
from tests.sync.test_erasures import TRACES, spoken, traces

PEOPLE = ("alice", "kim")
OWN = {"case", "notice"}  # about the technician, whoever has the visit
PARENTS = {"visit_id": "visit", "order_id": "order", "checklist_id": "checklist"}
REASON = "as the simulation says"
_VISITS = """
select coalesce(json_agg(distinct visit_id), '[]') from visits_assignment
where technician_id = %s and ended_at is null
"""
_KNOWN = """
select coalesce(json_agg(result->>'id'), '[]') from kernel_ledger where device_id is not null
"""
_DEVICE = "select json_build_object('state', state, 'last_seq', last_seq) from sync_device"


class FieldSimulation(Simulation):
    """A day of Alice, with Kim beside her, by the application's own commands."""

    rows_per_page = 25

    def __init__(self, ground: Ground, field: Field) -> None:
        super().__init__(ground)
        self.day, self.morning, self.neighbour = field.day, field.morning, field.neighbour
        self.customer = field.customer
        self.first: dict[str, str] = {}  # by the ledger's id: the result as first answered
        self.planned: dict[str, list[Any]] = {}
        self.notices, self.around = Notices(), Around()
        self.erased = self.revoked = False

    async def begin(self) -> None:
        await self.ground.forget_mark()
        self.ground.set_store({})
        await self.ground.restore(self.morning)
        self.jobs = [str(self.day.visit_id)]
        for person in PEOPLE:
            await self.ground.role(person, held=True)
            await self.register(self._phone(person))
        await self.notices.begin(self.ground)
        await self.around.begin(self.ground)

    async def settle(self) -> None:
        """I1, I3, I4, I5, I7, I9: after every step, by the ledger and the phones alone."""
        found = await checks.peek(self)
        before = {device["id"]: device for device in self.peeked.get("devices", ())}
        for device in found["devices"]:
            who = self.name(device["id"])
            invariants.never_back(before.get(device["id"]), device, who)
            due = self.oracle.devices[device["id"]]
            invariants.order_of(due, found["ledger"], device["last_seq"], who)
        lost = self.acknowledged - {row["id"] for row in found["ledger"]}
        holds("I1", not lost, f"{len(lost)} acknowledged commands are not in the ledger")
        checks.outboxes_keep(self)
        self.photos.settled(self, found)
        self._every_end_is_kept(found)
        self.peeked = found
        await self.notices.settle(self.ground)
        await self.around.settle(self.ground, self.now)
        for phone in self.phones:
            self._phone_is_whole(phone)

    def _every_end_is_kept(self, found: dict[str, Any]) -> None:
        kept, cases = set(found["kept"]), {row["id"] for row in found["cases"]}
        for row in found["ledger"]:
            took_effect = row["status"] in {"applied", "merged"}
            told = took_effect or row["status"] in {"held", "rejected"}
            holds("I4", told, f"a command ended {row['status']}, which is no end")
            at_desk = took_effect or (row["key"] in kept and row["case"] in cases)
            holds("I4", at_desk, f"a {row['status']} command is kept at no desk")
            late = checks.captured_after_receipt(row)
            holds("I3", not late, f"{self.name(row['id'])} was captured after it was received")
        entries = sum(row["entries"] for row in found["cases"])
        holds("I4", entries == len(kept), f"cases count {entries} commands, {len(kept)} are kept")

    def _phone_is_whole(self, phone: SimPhone) -> None:
        rows, cursor = phone.held(), phone.get("cursor")
        for (type_, id_), row in rows.items():
            for name, parent in PARENTS.items():
                if type_ not in {*OWN, parent} and row.get(name):
                    known = (parent, row[name]) in rows
                    holds("I9", known, f"{type_} {self.name(id_)} is there without its {parent}")
        if cursor is not None and self._state(phone) == "active":
            have = {row: body["version"] for row, body in rows.items()}
            due = {row: body["version"] for row, body in self.held[cursor].items()}
            holds("I5", have == due, f"{phone.name} does not hold its cursor's rows")

    def _state(self, phone: SimPhone) -> str:
        found = [d["state"] for d in self.peeked["devices"] if d["id"] == phone.device]
        return found[0] if found else "unknown"

    # --- what the server is at ------------------------------------------------------------

    async def opened(self, exchange: Exchange) -> None:
        """A request reaches the server."""
        device = self.oracle.devices.get(str(exchange.body.get("device_id")))
        exchange.device = device.id if device else None

    async def reached(self, point: str) -> None:
        """The engine is at a named point: see what its snapshot sees."""
        exchange = CURRENT.get()
        if exchange is None:
            return
        if point == points.PULL_READ:
            person = self.oracle.devices[exchange.device].person
            exchange.expected = {("visit", id_): {} for id_ in await self._look(_VISITS, person)}
            exchange.unread = await unread(self.ground, person)
            exchange.statements = 1
            stands = await self._look(f"{_DEVICE} where id = %s", exchange.device)
            exchange.state, exchange.last_seq = stands["state"], stands["last_seq"]
        elif point == points.PUSH_LOCKED:
            exchange.known = set(await self._look(_KNOWN))
        elif point == points.PUSH_COMMITTED:
            await self._committed(exchange)
        plan = exchange.plan
        if point == plan.point and plan.then is not None:
            then, plan.then = plan.then, None
            await then(exchange)

    async def _look(self, statement: str, *values: Any) -> Any:
        return await self.ground.look(statement, *values)

    async def _committed(self, exchange: Exchange) -> None:
        """I2, I4: what the ledger keeps of a command never changes, and is final."""
        exchange.committed = True
        device = self.oracle.devices[exchange.device]
        seqs = {command["id"]: command["seq"] for command in exchange.body["commands"]}
        for row in (await checks.peek(self))["ledger"]:
            if row["id"] in seqs and row["device"] != device.id:
                device.carried.add(seqs[row["id"]])
            same = self.first.setdefault(row["key"], row["text"]) == row["text"]
            holds("I2", same, "a first result was changed in the ledger")

    async def answered(self, exchange: Exchange) -> None:
        """The server has answered, whatever reaches the phone."""
        invariants.answerable(exchange)
        answer = exchange.answer
        if answer is not None and exchange.path == "/v1/sync/push":
            self._pushed(exchange, answer)
            self.acknowledged |= {result["id"] for result in answer["results"]}
        elif answer is not None and exchange.path == "/v1/sync/pull":
            self._pulled(exchange, answer)

    def _pushed(self, exchange: Exchange, answer: dict[str, Any]) -> None:
        kept = exchange.committed or not answer["results"]
        holds("I1", kept, "a push was answered before its commit")
        sent = [command["id"] for command in exchange.body["commands"]]
        taken = [result["id"] for result in answer["results"]]
        holds("I3", taken == sent[: len(taken)], "the results are not in the order of the queue")
        around.claims_answered(exchange.body, answer)
        whole = taken == sent or answer["stop"]
        holds("I11", whole, "commands have neither a result nor a stop")
        texts = invariants.texts_of(exchange.text)
        for result, text in zip(answer["results"], texts, strict=True):
            first = text.partition('"first":')[2][:-1] or text
            holds("I2", first in self.first.values(), "an answer is not what the ledger keeps")
            repeat = result["status"] == "duplicate"
            known = result["id"] in exchange.known
            holds("I2", repeat == known, f"a command known before is answered {result['status']}")

    def _pulled(self, exchange: Exchange, answer: dict[str, Any]) -> None:
        invariants.unchanged_is_cheap(exchange)
        if exchange.state != "active":
            holds("I13", not answer.get("puts"), f"a {exchange.state} device was sent rows")
            return
        for type_, bodies in answer.get("puts", {}).items():
            for body in bodies:
                visit = body["id"] if type_ == "visit" else body.get("visit_id")
                own = type_ in OWN or not visit or ("visit", visit) in (exchange.expected or {})
                holds("I6", own, f"a {type_} was sent, and its visit is not this technician's")
        if answer.get("device"):
            agrees = answer["device"]["last_seq"] == exchange.last_seq
            holds("I8", agrees, "last_seq is not the snapshot's")
            told = [c["seq"] for body in answer["puts"].get("case", ()) for c in body["commands"]]
            above = [seq for seq in told if seq > exchange.last_seq]
            holds("I8", not above, f"the pull at {exchange.last_seq} knows of {above}")
        held = checks.held_after(self, exchange)
        if answer.get("view"):
            agrees = answer["view"] == invariants.view_sum(held)
            holds("I5", agrees, "the whole view is not what the pages brought")
        if answer.get("unchanged") or answer.get("view"):
            there = {id_ for type_, id_ in held if type_ == "notice"}
            said = f"of {len(exchange.unread)} unread notices the phone holds {len(there)}"
            holds("I5", there == exchange.unread, said)

    # --- steps ----------------------------------------------------------------------------

    async def do_capture(self, step: Step) -> str:
        """Capture the next commands of a scenario; every text names the customer.

        One step in three captures all that is left of it: somebody who worked without a network.
        """
        phone = self._who(step)
        waiting = self.planned.setdefault(phone.name, [])
        if not waiting:
            names = sorted(SCENARIOS)
            waiting += SCENARIOS[names[step.which % len(names)]](self.day)
        many = len(waiting) if step.which % 3 == 0 else 1
        return ", ".join([self._captured(phone, step, waiting.pop(0)) for _ in range(many)])

    def _captured(self, phone: SimPhone, step: Step, command: tuple[str, Any]) -> str:
        name, args = command
        args = spoken(commands.REGISTRY[name, 1], json.loads(json.dumps(args)))
        photo = ""
        if step.which % 5 == 2 and name != "file.link":  # which says what one is evidence of
            photo = photos.take(phone, step.which // 5)
        phone.capture(name, **args)
        number = phone.get("next_seq") - 1
        self.names[phone.queue()[-1]["id"]] = f"{phone.name}/{number}"
        return f"{phone.name}/{number} {name}{photo}"

    async def do_around(self, step: Step) -> str:
        """Do something around the visit: stock, claims, line tests, what is said of the work."""
        ids = await around.one_of_each(self.ground, step.which // 20)
        found = around.acts(self.day, self.neighbour, step.which // 20, ids)
        who, name, args = found[step.which % len(found)]
        return await self._office(who, name, args)

    async def _office(self, who: str, name: str, args: dict[str, Any]) -> str:
        try:
            await run(self.ground.database, getattr(self.ground.world, who), name, **args)
        except Coded as refusal:
            return f"{name} -> {refusal.code}"
        except OperationalError:
            return f"{name} -> the database was away"
        return name

    async def do_office(self, step: Step) -> str:
        """Give the visit to one, the other or both, move or cancel it, or erase its customer."""
        visit = {"visit_id": str(self.day.visit_id)}
        people = ((0,), (1,), (0,), (0, 1))[step.which % 4]
        named = [PEOPLE[n] for n in people]
        if step.what == "cancel" and step.which % 3 == 0:
            name, args = "visit.cancel", {**visit, "reason": "planning"}
        elif step.what == "drop" and step.which % 2 == 0:
            return await self._erase()
        else:
            technicians = [str(id_of(person)) for person in named]
            name, args = "visit.assign", {**visit, "technician_ids": technicians, "reason": REASON}
            if step.what == "move":
                start = self.now + timedelta(hours=1 + step.which % 5)
                end = start + timedelta(hours=2)
                args |= {"window_start": start.isoformat(), "window_end": end.isoformat()}
        return f"{named} {await self._office('dora', name, args)}"

    async def _erase(self) -> str:
        args = {"customer_id": self.customer, "ground": "customer_request"}
        said = await self._office("ada", "customer.erase", args)
        self.erased |= said == "customer.erase"
        return said

    async def do_desk(self, step: Step) -> str:
        """Decide one of the open cases."""
        found = await self._look(
            "select coalesce(json_agg(id order by id), '[]') from sync_case where state = 'open'"
        )
        if not found:
            return await self.do_office(step)
        verb = "accept" if step.what == "part" else step.what
        path = f"/v1/desk/cases/{found[step.which % len(found)]}/{verb}"
        response = await self.office.post(path, json={"reason": REASON})
        holds("I4", response.status_code != httpx.codes.INTERNAL_SERVER_ERROR, response.text)
        code = "" if response.status_code == httpx.codes.OK else response.json()["code"]
        return f"{verb} -> {response.status_code} {code}"

    async def do_device(self, step: Step) -> str:
        """Lock or unlock a phone; one in a day may be revoked."""
        phone, verb = self._who(step), step.what
        if verb == "revoke" and (step.which % 3 or self.revoked):
            verb = "lock"
        path = f"/v1/devices/{phone.device}/{verb}"
        response = await self.office.post(path, json={"reason": REASON})
        self.revoked |= verb == "revoke" and response.status_code == httpx.codes.OK
        return f"{verb} {phone.name} -> {response.status_code}"

    async def do_clock(self, step: Step) -> str:
        self.now += CLOCK["minutes"] * (1 + step.which % 3)
        clock._source.fixed = self.now
        return f"moves to {self.now:%d %H:%M}"

    async def do_role(self, step: Step) -> str:
        """Take the technician's role from a person, or give it back."""
        person = PEOPLE[step.who % len(PEOPLE)]
        self.roles[person] = not self.roles[person]
        await self.ground.role(person, held=self.roles[person])
        return f"{person} {'is' if self.roles[person] else 'is not'} a technician"

    async def registered(self, device: Device, replaces: str | None) -> None:
        """I1: of a queue that went with an installation a case tells, as far as it was known."""
        before, found = self.peeked.get("devices", ()), await checks.peek(self)
        self.oracle.devices[device.id] = device
        for former in before:
            if former["id"] != replaces or former["state"] != "active" or former["replaced"]:
                continue
            said = (device.id, "queue_lost", former["queued"])
            told = said in [(row["device"], row["code"], row["told"]) for row in found["cases"]]
            holds("I1", told or not former["queued"], f"nobody is told of the queue of {said}")

    async def do_quiet(self, _step: Step) -> str:
        """I5, I11, I12: all arrives, queues empty, a new phone sees the same, traces are gone."""
        await checks.all_arrives(self)
        for person, held in self.roles.items():
            if not held and person in PEOPLE:
                self.roles[person] = True
                await self.ground.role(person, held=True)
        for phone in self.phones:
            path = f"/v1/devices/{phone.device}/unlock"
            for _ in range(2):  # the database may have been restarted; once is enough
                await self.office.post(path, json={"reason": REASON})
        rounds = await checks.until_still(self)
        self.peeked = await checks.peek(self)
        for phone in self.phones:
            self._at_rest(phone)
        self.photos.at_rest(self, self.peeked)
        for person in PEOPLE:
            await self._agrees_with_a_new_phone(person)
        if self.erased:
            left = await traces(self.ground.database)
            holds("I12", not left, f"after the erase there is {left[:3]}")
            # What was captured later, or answered after the erase came, stays in the outbox for
            # its 14 days: the rows of the phone are what is looked at here.
            for phone in self.phones:
                known = [t for t in TRACES if t in json.dumps(list(phone.held().values())).lower()]
                holds("I12", not known, f"after the erase {phone.name} still knows the person")
        return f"after {rounds} rounds, {len(self.peeked['ledger'])} commands"

    def _at_rest(self, phone: SimPhone) -> None:
        ids = {row["id"] for row in self.peeked["ledger"]}
        for id_, status in phone.db.execute("select id, status from outbox"):
            holds("I11", status, f"{self.name(id_)} never had a final answer")
            holds("I1", id_ in ids, f"{self.name(id_)} is on {phone.name} and not in the ledger")
        rows = phone.held()
        if self._state(phone) == "revoked":
            holds("I13", not rows, f"{phone.name} was revoked and holds {len(rows)} rows")
            return
        agrees = phone.agrees_with(invariants.view_sum(self.held[phone.get("cursor")]))
        holds("I5", agrees, f"the view hash of {phone.name} differs at rest")

    async def _agrees_with_a_new_phone(self, person: str) -> None:
        twin = self._phone(person)
        twin.limit["rows"] = 500
        await self.register(twin)
        while (await twin.pull_once()).get("more"):
            pass
        whole = {row: body for row, body in twin.held().items() if row[0] != "case"}
        self.phones.pop()
        for phone in self.phones:
            if phone.person == person and self._state(phone) == "active":
                rows = {row: body for row, body in phone.held().items() if row[0] != "case"}
                unlike = {row[0] for row in rows.keys() ^ whole.keys()}
                unlike |= {r[0] for r in rows.keys() & whole.keys() if rows[r] != whole[r]}
                holds("I5", not unlike, f"{phone.name} differs from a new phone in {unlike}")
        await twin.client.aclose()
        twin.db.close()
