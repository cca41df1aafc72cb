"""Several at once, and any sequence: a visit keeps one contact, its work a next step."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from fieldops.kernel import clock, commands, ledger
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, Hold
from fieldops.kernel.events import _reactions
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import FOR_A_VISIT, state_of_order
from fieldops.visits import rules
from fieldops.visits.events import VisitCompleting
from fieldops.visits.models import Assignment, Visit, VisitWork
from tests.conftest import MONDAY_MORNING
from tests.support import databases
from tests.support.factories.orders import BROADBAND, FIXED_LINE, MadeOrder, make_order
from tests.support.factories.visits import PHONE, assigned_visit, captured
from tests.support.run import run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio


async def contacts(database: Database, visit_id: UUID) -> list[UUID]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Assignment.technician_id).where(
                Assignment.region_id == 1,
                Assignment.visit_id == visit_id,
                Assignment.ended_at.is_(None),
                Assignment.is_contact,
            )
        )
        return list(found)


async def test_vi_01_two_dispatchers_assigning_at_once_leave_one_contact(
    committed: tuple[Database, Settings],
) -> None:
    database = committed[0]
    world = await build_world(database)
    made = await assigned_visit(database, world)

    async def assign(name: str) -> dict[str, Any]:
        return await run(
            database,
            world.dora,
            "visit.assign",
            visit_id=str(made.visit_id),
            technician_ids=[str(id_of(name))],
        )

    for _ in range(3):
        await asyncio.gather(assign("kim"), assign("alice"), assign("kim"))
        assert len(await contacts(database, made.visit_id)) == 1


async def test_an_order_cancelled_while_its_visit_is_accepted_ends_in_one_of_both_orders(
    committed: tuple[Database, Settings],
) -> None:
    """The order's row is locked first by everybody, so that none waits for the other."""
    database = committed[0]
    world = await build_world(database)
    for _ in range(4):
        made = await assigned_visit(database, world)
        results = await asyncio.gather(
            run(database, world.alice, "visit.accept", visit_id=str(made.visit_id)),
            run(database, world.ann, "order.cancel", order_id=str(made.id), reason="withdrawn"),
            return_exceptions=True,
        )
        assert all(isinstance(r, dict | Coded) for r in results), results
        async with database.transaction() as session:
            visit = await session.get(Visit, (1, made.visit_id))
            assert visit is not None
            assert visit.state == "cancelled"


WHO = st.sampled_from(["alice", "kim"])
STEPS = st.one_of(
    st.tuples(
        st.just("assign"),
        st.sampled_from([("alice",), ("kim",), ("alice", "kim"), ("kim", "alice")]),
    ),
    st.tuples(st.just("visit.cancel"), st.sampled_from(["new_appointment", "suspend"])),
    st.tuples(st.just("visit.split"), st.just("")),
    st.tuples(
        st.sampled_from(["order.suspend", "order.cancel", "order.return", "order.resume"]),
        st.sampled_from([0, 1, None]),
    ),
    st.tuples(
        st.sampled_from(
            ["visit.accept", "visit.depart", "visit.arrive", "visit.start", "visit.complete"]
        ),
        WHO,
    ),
    st.tuples(st.just("work"), WHO),
    st.tuples(st.just("work"), WHO),
    st.tuples(
        st.just("visit.fail"),
        st.tuples(WHO, st.sampled_from(["suspend", "transfer", "new_appointment"])),
    ),
)


class Play:
    """One order with two work orders, and whatever is done with it."""

    def __init__(self, database: Database, world: World, made: MadeOrder) -> None:
        self.database, self.world, self.made = database, world, made
        self.now = clock.now()

    async def visit(self, *, ended: bool) -> UUID:
        """The newest visit, also an ended one for what a phone says late."""
        async with self.database.transaction() as session:
            statement = (
                select(Visit.id)
                .where(Visit.region_id == 1, Visit.order_id == self.made.id)
                .order_by(Visit.id if ended else Visit.id.desc())
            )
            found = await session.scalar(statement.limit(1))
            assert found is not None
            return found

    async def do(self, name: str, what: Any, *, late: bool) -> None:
        visit = {"visit_id": str(await self.visit(ended=late))}
        order = {"order_id": str(self.made.id)}
        if name == "assign":
            start = self.now + timedelta(hours=1)
            args = {
                **visit,
                "technician_ids": [str(id_of(n)) for n in what],
                "override": "for the play",
            }
            async with self.database.transaction() as session:
                row = await session.get(Visit, (1, UUID(visit["visit_id"])))
            if row is not None and row.window_start is None:
                args["window_start"] = start.isoformat()
                args["window_end"] = (start + timedelta(hours=2)).isoformat()
            await self.office("visit.assign", args)
        elif name == "visit.cancel":
            step = {"next_step": what, "resume_on": "2026-12-10"}
            await self.office(name, {**visit, **step, "reason": "planning"})
        elif name == "visit.split":
            ids = [str(self.made.work[0])]
            await self.office(name, {**visit, "work_order_ids": ids, "reason": "for the play"})
        elif name.startswith("order."):
            if what is not None:
                order["work_order_ids"] = [str(self.made.work[what])]
            await self.office(name, {**order, **_EXTRA[name]})
        elif name == "work":
            await self.phone(what, "visit.arrive", visit)
            await self.phone(what, "visit.start", visit)
        elif name == "visit.fail":
            who, step = what
            await self.phone(who, name, {**visit, **_FAIL, "next_step": step})
        else:
            extra = {"signature_refused_reason": "none"} if name == "visit.complete" else {}
            if name == "visit.complete":
                await self.phone(what, "visit.confirm_identity", {**visit, **_IDENTITY})
            await self.phone(what, name, {**visit, **extra})

    async def office(self, name: str, args: dict[str, Any]) -> None:
        async with self.database.transaction() as session:
            envelope = Envelope(new_id(), name, args)
            await ledger.once(session, self.world.dora, envelope, self.now)

    async def phone(self, who: str, name: str, args: dict[str, Any]) -> None:
        """What the phone says; a held decision is accepted at the desk at once."""
        at = captured(self.now - timedelta(minutes=15))
        envelope = Envelope(new_id(), name, args, device_id=PHONE, captured=at)
        actor = self.world.actors[who]
        try:
            async with self.database.transaction() as session:
                await commands.run(session, actor, envelope, self.now)
        except Hold:
            async with self.database.transaction() as session:
                await commands.run(session, actor, envelope, self.now, accepted=True)

    async def check(self) -> None:
        async with self.database.transaction() as session:
            visits = (
                await session.scalars(
                    select(Visit).where(Visit.region_id == 1, Visit.order_id == self.made.id)
                )
            ).all()
            work = (
                await session.scalars(
                    select(WorkOrder).where(
                        WorkOrder.region_id == 1, WorkOrder.order_id == self.made.id
                    )
                )
            ).all()
            ids = [visit.id for visit in visits]
            present = (
                await session.scalars(
                    select(Assignment).where(
                        Assignment.region_id == 1,
                        Assignment.visit_id.in_(ids),
                        Assignment.ended_at.is_(None),
                    )
                )
            ).all()
            entries = (
                await session.scalars(
                    select(VisitWork).where(
                        VisitWork.region_id == 1,
                        VisitWork.visit_id.in_(ids),
                        VisitWork.ended_at.is_(None),
                    )
                )
            ).all()
            order = await session.get(ServiceOrder, (1, self.made.id))
        assert order is not None
        assert order.state == state_of_order(row.state for row in work)
        for visit in visits:
            _check_visit(visit, [row for row in present if row.visit_id == visit.id])
        open_visits = {v.id: v for v in visits if v.ended_at is None}
        where = Counter(entry.work_order_id for entry in entries)
        assert {e.visit_id for e in entries} == set(open_visits), "an open visit has open work"
        for row in work:
            assert where[row.id] == (row.state in FOR_A_VISIT), (row.state, where)
        for entry in entries:
            state = rules.WORK_STATE[rules.State(open_visits[entry.visit_id].state)]
            assert next(w.state for w in work if w.id == entry.work_order_id) == state


def _check_visit(visit: Visit, present: list[Assignment]) -> None:
    assert sum(row.is_contact for row in present) == bool(present)
    if visit.state in {"failed", "cancelled"}:
        assert visit.next_step is not None
        assert visit.end_reason is not None
    if visit.ended_at is None:
        has_window = visit.window_start is not None
        expected = rules.state_of_visit((row.state for row in present), has_window=has_window)
        assert visit.state == expected


_IDENTITY = {
    "certificate_shown": True,
    "customer_confirmed": True,
    "work_explained": True,
    "covers_used": True,
}
_FAIL = {
    "reason": "plant_fault",
    "told_customer": "We come again.",
    "resume_on": "2026-12-10",
    "department": "cable",
}
_EXTRA: dict[str, dict[str, Any]] = {
    "order.suspend": {"reason": "customer_asked_later", "resume_on": "2026-12-10"},
    "order.cancel": {"reason": "withdrawn"},
    "order.return": {"reason": "wrong_data"},
    "order.resume": {},
}


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a failing sequence is short enough to be read as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(st.tuples(STEPS, st.sampled_from([False, False, True])), min_size=3, max_size=10)
)
async def test_vi_05_no_sequence_leaves_a_visit_without_next_step_or_with_two_contacts(
    worker_database: tuple[Database, Settings],
    monkeypatch: pytest.MonkeyPatch,
    steps: list[tuple[tuple[str, Any], bool]],
) -> None:
    monkeypatch.setitem(_reactions, VisitCompleting, [])  # evidence has its own tests
    async with databases.savepoint_database(worker_database[0]) as database:
        with clock.frozen(MONDAY_MORNING):
            world = await build_world(database)
            made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
            play = Play(database, world, made)
            await play.do("assign", ("alice", "kim"), late=False)
            for (name, what), late in steps:
                play.now += timedelta(minutes=10)
                refused = None
                try:
                    with clock.frozen(play.now):
                        await play.do(name, what, late=late)
                except Coded as exc:
                    refused = exc
                assert getattr(refused, "code", None) != "constraint", refused
                await play.check()
