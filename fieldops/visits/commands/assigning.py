"""Who makes a visit, and when: windows, technicians, latest departures (VI-01, VI-02)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.emergencies import queries as emergencies
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Moment, Text, command, shown
from fieldops.kernel.errors import Refusal
from fieldops.kernel.permissions import Permission
from fieldops.orders.models import WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits import queries, rules
from fieldops.visits.commands import departures, following, telling
from fieldops.visits.commands.judging import visit_for_decision
from fieldops.visits.errors import (
    IllegalVisitChange,
    InvalidWindow,
    NotOnVisit,
    NotQualified,
    NoWindow,
    OfAnotherCentre,
    OutsideCalendar,
    UnknownTechnicians,
    WindowFixed,
)
from fieldops.visits.events import VisitAssigned, VisitGrowing, VisitRetimed, WindowChanged
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.rules import NoticeKind, State, Step

LONGEST_WINDOW = timedelta(hours=24)


class AssignVisit(Args):
    model_config = shown(
        visit_id="01938f5e-0000-7000-8000-000000000001",
        technician_ids=[
            "01938f5e-0000-7000-8000-000000000002",
            "01938f5e-0000-7000-8000-000000000003",
        ],
        contact_id="01938f5e-0000-7000-8000-000000000002",
        reason="The first technician is ill",
    )
    visit_id: UUID = Field(description="The visit.")
    technician_ids: list[UUID] = Field(
        min_length=1, max_length=8, description="All its technicians; others lose it."
    )
    contact_id: UUID | None = Field(
        None,
        description="Which of them is the customer's contact; without it the one the customer of "
        "this order has already, else the first.",
    )
    reason: Text | None = Field(
        None, min_length=3, max_length=500, description="Why the technicians change."
    )
    override: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="The reason for work outside the working calendar (ORG-07).",
    )
    window_start: Moment | None = Field(
        None, description="For a call-out without an appointment: the window's start."
    )
    window_end: Moment | None = Field(None, description="The window's end.")

    @model_validator(mode="after")
    def _whole(self) -> "AssignVisit":
        if len(set(self.technician_ids)) != len(self.technician_ids):
            raise ValueError("a technician is named twice")
        if self.contact_id is not None and self.contact_id not in self.technician_ids:
            raise ValueError("the contact is one of the technicians")
        if (self.window_start is None) != (self.window_end is None):
            raise ValueError("a window has a start and an end")
        return self


@command("visit.assign", permission=Permission.VISIT_ASSIGN, subject="visit_id")
async def assign(ctx: Context, args: AssignVisit) -> list[Visit | Assignment]:
    """Give a visit to technicians, one of them the customer's contact (VI-01, ORG-03, ORG-07).

    Raises NotFound, IllegalVisitChange, NoWindow, WindowFixed, InvalidWindow,
    UnknownTechnicians, NotQualified, OutsideCalendar.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.assign")
    visit = judged.visit
    ctx.reason = args.reason or args.override
    contact_id = args.contact_id or await _contact_of_order(ctx, visit, args.technician_ids)
    if args.window_start is not None and args.window_end is not None:
        agreed = (visit.window_start, visit.window_end)
        if agreed not in {(None, None), (args.window_start, args.window_end)}:
            raise WindowFixed(next_steps=("appointment.reschedule",))
        await set_window(
            ctx,
            visit,
            args.window_start,
            args.window_end,
            args.technician_ids,
            contact_id,
            override=args.override,
        )
    else:
        await put_technicians(ctx, visit, args.technician_ids, contact_id, args.override)
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    return [visit, *present]


async def _contact_of_order(ctx: Context, visit: Visit, ids: Collection[UUID]) -> UUID:
    """Return who speaks for all trades: the contact of the order's other visit, else the first."""
    known = await queries.contacts_of_order(ctx.session, ctx.region_id, visit.order_id)
    found = next((row.technician_id for row in known if row.technician_id in ids), None)
    return found or next(iter(ids))


class SetContact(Args):
    visit_id: UUID = Field(description="The visit.")
    contact_id: UUID = Field(description="Which of its technicians is the customer's contact now.")
    reason: Text = Field(min_length=3, max_length=500, description="Why.")


@command("visit.set_contact", permission=Permission.VISIT_ASSIGN, subject="visit_id")
async def set_contact(ctx: Context, args: SetContact) -> list[Visit | Assignment]:
    """Make another of a visit's technicians the customer's one contact (VI-01).

    Raises NotFound, IllegalVisitChange, NotOnVisit.
    """
    visit = (await visit_for_decision(ctx, args.visit_id, "visit.assign")).visit
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    ids = tuple(row.technician_id for row in present)
    if args.contact_id not in ids:
        raise NotOnVisit(next_steps=("visit.assign",))
    ctx.reason = args.reason
    former = [row for row in present if row.is_contact and row.technician_id != args.contact_id]
    for row in former:
        row.is_contact = False
    # The index that lets only one technician be the contact looks at every single row.
    await ctx.session.flush()
    for row in present:
        row.is_contact = row.technician_id == args.contact_id
    if former:
        await telling.tell(ctx, visit, present, NoticeKind.WORK_CHANGED)
        await ctx.emit(VisitAssigned(visit.id, ids, (), args.contact_id))
    return [visit, *present]


async def set_window(
    ctx: Context,
    visit: Visit,
    start: datetime | None,
    end: datetime | None,
    technician_ids: Collection[UUID] | None = None,
    contact_id: UUID | None = None,
    *,
    expected_arrival: datetime | None = None,
    override: str | None = None,
) -> None:
    """Give a locked visit another window and, with it, other technicians if they are named.

    Without `technician_ids` the present ones stay and are checked against the new time; an empty
    collection takes all off. Without a window the visit waits for an appointment again.
    `expected_arrival` is when all technicians are due, the window's start without it. Emits
    WindowChanged, VisitRetimed and VisitAssigned where something changed. Raises
    IllegalVisitChange, InvalidWindow, UnknownTechnicians, NotQualified, OutsideCalendar.
    """
    if not rules.legal("visit.move", visit.state):
        raise IllegalVisitChange(
            next_steps=rules.next_steps(visit.state), state=visit.state, wanted="visit.move"
        )
    _check_window(ctx, start, end, expected_arrival)
    old, was_due = (visit.window_start, visit.window_end), visit.expected_arrival
    moved = None not in old and start is not None and old != (start, end)
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    await _turn_back(ctx, present, visit.window_start, start)
    visit.window_start, visit.window_end = start, end
    if start is None:  # before anything is flushed: a dispatched visit has a window
        visit.state = State.PLANNED.value
    due = None if start is None else expected_arrival or start
    if technician_ids is None:
        technician_ids = [row.technician_id for row in present]
        contact_id = next((row.technician_id for row in present if row.is_contact), None)
    if technician_ids and start is not None:
        contact_id = contact_id or next(iter(technician_ids))
        known_as = old if moved else None
        await put_technicians(
            ctx, visit, technician_ids, contact_id, override, known_as=known_as, due_at=due
        )
    else:
        visit.expected_arrival = due
        await _take_all_off(ctx, visit, present, old)
        if was_due is not None:
            await departures.set_next(ctx, was_due, {row.technician_id for row in present})
    if old != (start, end):
        await ctx.emit(WindowChanged(visit.id, *old, start, end))
    elif visit.expected_arrival != was_due:
        await ctx.emit(VisitRetimed(visit.id))


async def _turn_back(
    ctx: Context, present: Collection[Assignment], old: datetime | None, new: datetime | None
) -> None:
    """Let who is on the way turn back when the visit moves to another day."""
    on_the_way = [row for row in present if row.state == Step.EN_ROUTE]
    if not on_the_way or old is None or new is None:
        return
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    if local_day(old, zone) == local_day(new, zone):
        return
    for row in on_the_way:
        row.state = (Step.OFFERED if row.accepted_at is None else Step.ACCEPTED).value
        row.departed_at = None


def _check_window(
    ctx: Context, start: datetime | None, end: datetime | None, expected: datetime | None
) -> None:
    if start is None and end is None:
        return
    if start is None or end is None or not start < end:
        raise InvalidWindow(rule="it ends before it starts")
    if end - start > LONGEST_WINDOW:
        raise InvalidWindow(rule="it is longer than a day")
    if end <= ctx.now or start - ctx.now > rules.FURTHEST_AHEAD:
        raise InvalidWindow(rule="it lies in the past or more than a year ahead")
    if expected is not None and not start <= expected < end:
        raise InvalidWindow(rule="the expected arrival lies outside it")


async def _take_all_off(
    ctx: Context, visit: Visit, present: Collection[Assignment], known_as: telling.Window
) -> None:
    removed = await following.end_assignments(ctx, present, "unscheduled")
    await telling.tell(ctx, visit, present, NoticeKind.UNSCHEDULED, known_as=known_as)
    await following.follow(ctx, visit)
    if removed:
        await ctx.emit(VisitAssigned(visit.id, (), removed, None))


async def put_technicians(
    ctx: Context,
    visit: Visit,
    technician_ids: Collection[UUID],
    contact_id: UUID,
    override: str | None = None,
    *,
    known_as: telling.Window | None = None,
    due_at: datetime | None = None,
) -> None:
    """Make these the technicians of a locked visit: all due at the same time, one the contact.

    Who stays keeps the steps taken; `known_as` is the window it had when it was just moved.
    `due_at` is another moment of its window that they can be there. The departures to what they
    do next follow, where somebody comes, goes or is due at another time.
    Everybody is told what changed for them. Raises NoWindow, UnknownTechnicians, NotQualified,
    OutsideCalendar, OfAnotherCentre.
    """
    was_due = visit.expected_arrival
    due = visit.expected_arrival = due_at or was_due
    if due is None:
        raise NoWindow(next_steps=("appointment.book",))
    known = await organisation.technicians(ctx.session, ctx.region_id, technician_ids)
    if len(known) != len(set(technician_ids)) or not all(t.active for t in known.values()):
        raise UnknownTechnicians
    await _check_skills(ctx, visit, known)
    outside = await _check_calendar(ctx, visit, known, override, visit.duration_minutes)
    visit.override_reason = override if outside else None
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    had = {row.technician_id for row in present}
    await _check_centre(ctx, visit, known, present)
    leaving = [row for row in present if row.technician_id not in known]
    staying = {row.technician_id: row for row in present if row.technician_id in known}
    removed = await following.end_assignments(ctx, leaving, "reassigned", some_stay=bool(staying))
    if not staying:
        visit.kit_confirmed_at = None  # other hands, another bag (VI-02)
    changed = bool(leaving) or len(staying) < len(known)
    for row in staying.values():
        if row.is_contact and row.technician_id != contact_id:
            row.is_contact = False
            changed = True
    await ctx.session.flush()
    names = ", ".join(technician.name for technician in known.values())
    await telling.tell(
        ctx, visit, leaving, NoticeKind.REASSIGNED, known_as=known_as, technicians=names
    )
    if known_as is not None:
        await telling.tell(ctx, visit, list(staying.values()), NoticeKind.MOVED, known_as=known_as)
    coming = [_assigned(ctx, visit, row) for id_, row in known.items() if id_ not in staying]
    await telling.tell(ctx, visit, coming, NoticeKind.GAINED)
    staying |= {row.technician_id: row for row in coming}
    for technician_id, row in staying.items():
        row.is_contact = technician_id == contact_id
    await departures.set_departures(ctx, visit, known, staying)
    await following.follow(ctx, visit)
    await departures.set_next(ctx, due, known.keys() ^ had if due == was_due else known.keys())
    if was_due is not None and due != was_due:
        await departures.set_next(ctx, was_due, had)
    if changed:
        await ctx.emit(VisitAssigned(visit.id, tuple(known), removed, contact_id))


def _assigned(ctx: Context, visit: Visit, technician: Technician) -> Assignment:
    row = Assignment(
        region_id=ctx.region_id,
        visit_id=visit.id,
        technician_id=technician.id,
        centre_id=technician.centre_id,
        technician_name=technician.name,
        is_contact=False,
        state=Step.OFFERED.value,
        assigned_at=ctx.now,
    )
    ctx.add(row)
    return row


async def _check_centre(
    ctx: Context, visit: Visit, known: dict[UUID, Technician], present: Collection[Assignment]
) -> None:
    """Refuse who works for another centre, unless an emergency plan in force lends them (EM-01).

    Who has the visit already keeps it when the plan ends.
    """
    have = {row.technician_id for row in present}
    others = {
        id_: row.name
        for id_, row in known.items()
        if row.centre_id != visit.centre_id and id_ not in have
    }
    if not others:
        return
    plan = await emergencies.active(ctx.session, ctx.region_id, visit.centre_id, ctx.now)
    missing = [name for id_, name in others.items() if plan is None or id_ not in plan.reserve]
    if missing:
        raise OfAnotherCentre(technicians=", ".join(sorted(missing)))


async def _check_skills(ctx: Context, visit: Visit, known: dict[UUID, Technician]) -> None:
    """Refuse when a skill is missing on the visit's day, or somebody has none of them (ORG-03)."""
    assert visit.expected_arrival is not None  # noqa: S101 - the caller has checked
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    day = local_day(visit.expected_arrival, zone)
    work = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    needed = {row.skill for _, row in work}
    held = await organisation.skills_on(ctx.session, ctx.region_id, list(known), day)
    missing = needed.difference(*held.values()) if held else needed
    useless = [id_ for id_, skills in held.items() if needed and not skills & needed]
    if missing or useless:
        names = [known[id_].name for id_ in (useless or known)]
        raise NotQualified(
            technicians=", ".join(sorted(names)),
            skills=", ".join(sorted(missing or needed)),
            day=str(day),
        )


async def _check_calendar(
    ctx: Context,
    visit: Visit,
    known: dict[UUID, Technician],
    override: str | None,
    minutes: int,
) -> bool:
    """Return whether a visit lies outside a working calendar, overridden with a reason (ORG-07).

    Raises OutsideCalendar when it does and nobody says why.
    """
    assert visit.expected_arrival is not None  # noqa: S101 - the caller has checked
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    start = visit.expected_arrival
    end = start + timedelta(minutes=minutes)
    working = await organisation.working_intervals(
        ctx.session, ctx.region_id, list(known), local_day(start, zone), local_day(end, zone), zone
    )
    outside = [
        known[id_].name
        for id_, intervals in working.items()
        if not any(first <= start and end <= last for first, last in intervals)
    ]
    if outside and override is None:
        raise OutsideCalendar(technicians=", ".join(sorted(outside)))
    return bool(outside)


async def can_take(ctx: Context, visit: Visit, work: Collection[WorkOrder]) -> bool:
    """Return whether a visit can take more work (WO-02).

    It has not begun, and its technicians hold the skills and have the time, by their working
    calendars and by what else they promised.
    """
    if State(visit.state) in rules.UNDER_WAY:
        return False
    if visit.expected_arrival is None:
        return True
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    if not present:
        return True
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    held = await organisation.skills_on(
        ctx.session,
        ctx.region_id,
        [row.technician_id for row in present],
        local_day(visit.expected_arrival, zone),
    )
    if not {row.skill for row in work} <= set().union(*held.values()):
        return False
    known = await organisation.technicians(ctx.session, ctx.region_id, list(held))
    rows = [row for _, row in await queries.open_work(ctx.session, ctx.region_id, visit.id)]
    minutes = following.time_on_site([*rows, *work])
    try:
        await _check_calendar(ctx, visit, known, visit.override_reason, minutes)
        await ctx.emit(VisitGrowing(visit.id, minutes))
    except Refusal:
        return False
    return True
