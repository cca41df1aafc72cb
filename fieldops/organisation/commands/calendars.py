"""Working calendars: shifts, days with other times, holidays and leave (ORG-07)."""

from datetime import date, time, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Moment, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries, rules
from fieldops.organisation.errors import DayLongPast, HolidayUnknown, ShiftsOverlap
from fieldops.organisation.events import CalendarChanged, TechnicianAway
from fieldops.organisation.models import DutyDay, Holiday, Leave, Shift, Technician, Unit
from fieldops.organisation.queries import calendars

FURTHEST = timedelta(days=731)

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]


class WorkingTime(Args):
    starts: time = Field(description="Local time.")
    ends: time = Field(description="Local time; before `starts` it lies on the next day.")
    lunch_starts: time | None = None
    lunch_ends: time | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "WorkingTime":
        times = (self.starts, self.ends, self.lunch_starts, self.lunch_ends)
        if any(t is not None and t.tzinfo is not None for t in times):
            raise ValueError("shift times are local and carry no offset")
        if self.ends == self.starts:
            raise ValueError("a shift ends at another time than it starts")
        if (self.lunch_starts is None) != (self.lunch_ends is None):
            raise ValueError("lunch has both times or none")
        if self.lunch_starts is None or self.lunch_ends is None:
            return self
        if self.lunch_starts == self.lunch_ends or not rules.lunch_inside(
            self.starts, self.ends, self.lunch_starts, self.lunch_ends
        ):
            raise ValueError("lunch lies outside the shift")
        return self


class WeekShift(WorkingTime):
    weekday: int = Field(ge=1, le=7, description="ISO weekday: 1 is Monday.")


class SetShifts(Args):
    technician_id: UUID
    week: list[WeekShift] = Field(max_length=21)


@command("shift.set_week", permission=Permission.CALENDAR_EDIT, subject="technician_id")
async def set_shifts(ctx: Context, args: SetShifts) -> list[Shift]:
    """Replace a technician's weekly working times; night shifts end on the next day (ORG-07).

    Warns of the visits that are booked outside them now. Raises ShiftsOverlap.
    """
    technician = await _technician(ctx, args.technician_id)
    day = rules.overlap([(s.weekday, s.starts, s.ends) for s in args.week])
    if day is not None:
        raise ShiftsOverlap(weekday=day)
    for former in await calendars.shifts_of(ctx.session, ctx.region_id, technician.id):
        await ctx.session.delete(former)
    await ctx.session.flush()
    shifts = [
        Shift(
            region_id=ctx.region_id,
            technician_id=technician.id,
            centre_id=technician.centre_id,
            **shift.model_dump(),
        )
        for shift in args.week
    ]
    ctx.add(*shifts)
    await ctx.session.flush()
    await ctx.emit(CalendarChanged((technician.id,), None, await _today(ctx), None))
    return shifts


class SetDay(Args):
    technician_id: UUID
    day: date = Field(description="The local day.")
    times: list[WorkingTime] = Field(
        max_length=4, description="When it is worked; none: the weekly shifts hold again."
    )
    reason: Reason


@command("duty.set_day", permission=Permission.CALENDAR_EDIT, subject="technician_id")
async def set_day(ctx: Context, args: SetDay) -> list[DutyDay]:
    """Give a technician other working times on one day, a holiday too (ORG-07).

    They stand instead of the weekly shifts; a day off is a leave. Warns of the visits that are
    booked outside them now. Raises NotFound, DayLongPast, ShiftsOverlap.
    """
    technician = await _technician(ctx, args.technician_id)
    await _check_day(ctx, args.day)
    weekday = args.day.isoweekday()
    times = [(weekday, entry.starts, entry.ends) for entry in args.times]
    if rules.overlap(times, around=False) is not None:
        raise ShiftsOverlap(weekday=weekday)
    ctx.reason = args.reason
    for former in await calendars.set_days_of(
        ctx.session, ctx.region_id, technician.id, args.day, args.day
    ):
        await ctx.session.delete(former)
    await ctx.session.flush()
    days = [
        DutyDay(
            region_id=ctx.region_id,
            technician_id=technician.id,
            centre_id=technician.centre_id,
            day=args.day,
            reason=args.reason,
            **entry.model_dump(),
        )
        for entry in args.times
    ]
    ctx.add(*days)
    await ctx.session.flush()
    following = args.day + timedelta(days=1)  # a night shift reaches into it
    await ctx.emit(CalendarChanged((technician.id,), None, args.day, following))
    return days


class SetHoliday(Args):
    day: date = Field(description="The local day.")
    name: Text = Field(min_length=1, max_length=120, description="What it is called.")
    centre_id: UUID | None = Field(None, description="Only this centre; else the whole region.")


class RemoveHoliday(Args):
    day: date
    centre_id: UUID | None = None
    reason: Reason


@command("holiday.set", permission=Permission.RULE_EDIT)
async def set_holiday(ctx: Context, args: SetHoliday) -> Holiday:
    """Close a centre, or the whole region, for a day: its weekly shifts are not worked (ORG-07).

    Who works all the same gets times for that day. Warns of the visits booked on it. Raises
    NotFound for a centre outside the actor's scope, DayLongPast.
    """
    await _check_centre(ctx, args.centre_id)
    await _check_day(ctx, args.day)
    row = await calendars.holiday(ctx.session, ctx.region_id, args.day, args.centre_id)
    if row is None:
        row = Holiday(
            region_id=ctx.region_id,
            id=ctx.envelope.id,
            day=args.day,
            centre_id=args.centre_id,
            name=args.name,
        )
        ctx.add(row)
    row.name = args.name
    await ctx.session.flush()
    following = args.day + timedelta(days=1)
    await ctx.emit(CalendarChanged(None, args.centre_id, args.day, following))
    return row


@command("holiday.remove", permission=Permission.RULE_EDIT)
async def remove_holiday(ctx: Context, args: RemoveHoliday) -> None:
    """Take a holiday back: the weekly shifts are worked again (ORG-07).

    Raises NotFound for a centre outside the actor's scope, HolidayUnknown.
    """
    await _check_centre(ctx, args.centre_id)
    row = await calendars.holiday(ctx.session, ctx.region_id, args.day, args.centre_id)
    if row is None:
        raise HolidayUnknown(day=str(args.day))
    ctx.reason = args.reason
    await ctx.session.delete(row)


class AddLeave(Args):
    technician_id: UUID
    kind: Literal["leave", "rest_day", "training", "sick"]
    starts_at: Moment
    ends_at: Moment
    reason: Annotated[Text, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _times_in_order(self) -> "AddLeave":
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at lies before starts_at")
        return self


@command("leave.add", permission=Permission.CALENDAR_EDIT, subject="technician_id")
async def add_leave(ctx: Context, args: AddLeave) -> Leave:
    """Record a time a technician is away; nothing is booked inside it (ORG-07).

    Visits that are booked inside it already stay, and the answer warns of them; the dispatcher
    finds them among the visits outside the calendar.
    """
    technician = await _technician(ctx, args.technician_id)
    leave = Leave(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=technician.centre_id,
        **args.model_dump(),
    )
    ctx.add(leave)
    await ctx.emit(TechnicianAway(technician.id, args.starts_at, args.ends_at))
    return leave


class CancelLeave(Args):
    leave_id: UUID
    reason: Reason


@command("leave.cancel", permission=Permission.CALENDAR_EDIT, subject="leave_id")
async def cancel_leave(ctx: Context, args: CancelLeave) -> None:
    """Take a leave back; the time can be booked again (ORG-07)."""
    scope = ctx.actor.scope(ctx.spec.permission)
    leave = await calendars.leave(ctx.session, scope, args.leave_id)
    ctx.reason = args.reason
    await ctx.session.delete(leave)


async def _today(ctx: Context) -> date:
    return local_day(ctx.now, await queries.zone_of(ctx.session, ctx.region_id))


async def _check_day(ctx: Context, day: date) -> None:
    today = await _today(ctx)
    if not today - timedelta(days=1) <= day <= today + FURTHEST:
        raise DayLongPast(day=str(day))


async def _check_centre(ctx: Context, centre_id: UUID | None) -> None:
    scope = ctx.actor.scope(ctx.spec.permission)
    if centre_id is None:
        if not scope.whole_region:
            raise NotFound(thing="centre")
        return
    unit = await ctx.session.get(Unit, centre_id)
    known = unit is not None and unit.kind == "centre" and unit.region_number == ctx.region_id
    if not known or not (scope.whole_region or centre_id in scope.centre_ids):
        raise NotFound(thing="centre")


async def _technician(ctx: Context, technician_id: UUID) -> Technician:
    scope = ctx.actor.scope(ctx.spec.permission)
    return await queries.technician_in(ctx.session, scope, technician_id)
