"""Technicians: their qualifications and working calendars (ORG-03, ORG-07)."""

from datetime import date, time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.commands import Args, Context, Moment, Text, command, refuse_on
from fieldops.kernel.errors import NotFound
from fieldops.kernel.geo import Point
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries, rules
from fieldops.organisation.errors import CertificateTaken, ShiftsOverlap
from fieldops.organisation.events import TechnicianAway
from fieldops.organisation.models import (
    Leave,
    Person,
    Qualification,
    Shift,
    Technician,
    Unit,
)

refuse_on("uq_organisation_technician_certificate_number", CertificateTaken)

Number = Annotated[Text, Field(min_length=1, max_length=60)]


class RegisterTechnician(Args):
    person_id: UUID
    centre_id: UUID
    firm_id: UUID | None = None
    certificate_number: Number
    phone: Annotated[Text, Field(max_length=40)] | None = None
    starts_from: Point | None = Field(None, description="Where the working day begins.")


@command("technician.register", permission=Permission.STAFF_EDIT, subject="person_id")
async def register_technician(ctx: Context, args: RegisterTechnician) -> Technician:
    """Give a person the working side of a technician at a centre (ORG-02, ORG-06).

    Raises NotFound for a person, centre or firm outside the actor's scope, CertificateTaken.
    """
    person = await ctx.session.get(Person, args.person_id)
    if person is None or person.home_region != ctx.region_id:
        raise NotFound(thing="person")
    centre = await _unit(ctx, args.centre_id, "centre")
    scope = ctx.actor.scope(Permission.STAFF_EDIT)
    if not scope.whole_region and centre.id not in scope.centre_ids:
        raise NotFound(thing="centre")
    if args.firm_id is not None:
        await _unit(ctx, args.firm_id, "firm")
    longitude, latitude = args.starts_from.coordinates if args.starts_from else (None, None)
    technician = Technician(
        region_id=ctx.region_id,
        id=person.id,
        centre_id=centre.id,
        firm_id=args.firm_id,
        name=person.name,
        certificate_number=args.certificate_number,
        phone=args.phone,
        start_longitude=longitude,
        start_latitude=latitude,
    )
    ctx.add(technician)
    return technician


async def _unit(ctx: Context, unit_id: UUID, kind: str) -> Unit:
    unit = await ctx.session.get(Unit, unit_id)
    if unit is None or unit.kind != kind or unit.region_number != ctx.region_id:
        raise NotFound(thing=kind)
    return unit


class AddQualification(Args):
    technician_id: UUID
    skill: Literal["fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise"]
    certificate_number: Number
    valid_from: date
    valid_until: date

    @model_validator(mode="after")
    def _days_in_order(self) -> "AddQualification":
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


@command("qualification.add", permission=Permission.STAFF_EDIT, subject="technician_id")
async def add_qualification(ctx: Context, args: AddQualification) -> Qualification:
    """Record a skill with its certificate and the days it is valid on (ORG-03)."""
    technician = await _technician(ctx, args.technician_id)
    qualification = Qualification(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=technician.centre_id,
        **args.model_dump(),
    )
    ctx.add(qualification)
    return qualification


class WeekShift(Args):
    weekday: int = Field(ge=1, le=7, description="ISO weekday: 1 is Monday.")
    starts: time
    ends: time
    lunch_starts: time | None = None
    lunch_ends: time | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "WeekShift":
        times = (self.starts, self.ends, self.lunch_starts, self.lunch_ends)
        if any(t is not None and t.tzinfo is not None for t in times):
            raise ValueError("shift times are local and carry no offset")
        if self.ends <= self.starts:
            raise ValueError("ends lies before starts")
        if (self.lunch_starts is None) != (self.lunch_ends is None):
            raise ValueError("lunch has both times or none")
        lunch = self.lunch_starts, self.lunch_ends
        if (
            lunch[0] is not None
            and lunch[1] is not None
            and not self.starts <= lunch[0] < lunch[1] <= self.ends
        ):
            raise ValueError("lunch lies outside the shift")
        return self


class SetShifts(Args):
    technician_id: UUID
    week: list[WeekShift] = Field(max_length=21)


@command("shift.set_week", permission=Permission.STAFF_EDIT, subject="technician_id")
async def set_shifts(ctx: Context, args: SetShifts) -> list[Shift]:
    """Replace a technician's weekly working times (ORG-07).

    Raises ShiftsOverlap.
    """
    technician = await _technician(ctx, args.technician_id)
    day = rules.overlap([(s.weekday, s.starts, s.ends) for s in args.week])
    if day is not None:
        raise ShiftsOverlap(weekday=day)
    for former in await queries.shifts_of(ctx.session, ctx.region_id, technician.id):
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
    return shifts


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


@command("leave.add", permission=Permission.STAFF_EDIT, subject="technician_id")
async def add_leave(ctx: Context, args: AddLeave) -> Leave:
    """Record a time a technician is away; nothing is booked inside it (ORG-07).

    Visits that are booked inside it already stay, and the answer warns of them.
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
    reason: Annotated[Text, Field(min_length=3, max_length=500)]


@command("leave.cancel", permission=Permission.STAFF_EDIT, subject="leave_id")
async def cancel_leave(ctx: Context, args: CancelLeave) -> None:
    """Take a leave back; the time can be booked again (ORG-07)."""
    scope = ctx.actor.scope(Permission.STAFF_EDIT)
    leave = await queries.leave(ctx.session, scope, args.leave_id)
    ctx.reason = args.reason
    await ctx.session.delete(leave)


async def _technician(ctx: Context, technician_id: UUID) -> Technician:
    scope = ctx.actor.scope(Permission.STAFF_EDIT)
    return await queries.technician_in(ctx.session, scope, technician_id)
