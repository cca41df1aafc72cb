"""Technicians and their qualifications (ORG-02, ORG-03)."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.errors import NotFound
from fieldops.kernel.geo import Point
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries
from fieldops.organisation.errors import CertificateTaken, QualificationKnown
from fieldops.organisation.models import Person, Qualification, Technician, Unit

refuse_on("uq_organisation_technician_certificate_number", CertificateTaken)
refuse_on("uq_organisation_qualification_technician_id_ski_680368", QualificationKnown)

Number = Annotated[Text, Field(min_length=1, max_length=60)]
Department = Annotated[
    Literal["field", "cable"],
    Field(description="field: visits; cable: who mends the plant and reads the cable work."),
]


class RegisterTechnician(Args):
    person_id: UUID
    centre_id: UUID
    firm_id: UUID | None = None
    certificate_number: Number
    phone: Annotated[Text, Field(max_length=40)] | None = None
    starts_from: Point | None = Field(None, description="Where the working day begins.")
    department: Department = "field"


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
        department=args.department,
    )
    ctx.add(technician)
    return technician


class ChangeDepartment(Args):
    technician_id: UUID
    department: Department


@command("technician.change_department", permission=Permission.STAFF_EDIT, subject="technician_id")
async def change_department(ctx: Context, args: ChangeDepartment) -> Technician:
    """Say whether a technician is of the field or of the cable department (ORG-02, RE-03)."""
    technician = await _technician(ctx, args.technician_id)
    technician.department = args.department
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
    """Record a skill with its certificate and the days it is valid on (ORG-03).

    Raises NotFound, QualificationKnown.
    """
    technician = await _technician(ctx, args.technician_id)
    qualification = Qualification(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=technician.centre_id,
        **args.model_dump(),
    )
    ctx.add(qualification)
    return qualification


async def give_qualification(
    ctx: Context, technician: Technician, skill: str, certificate: str, first: date, last: date
) -> Qualification:
    """Give a technician a skill for some days, or extend what leads up to them (ORG-03).

    One of the same skill and certificate that holds on the day before `first`, or later, is
    extended to `last`; a qualification is never shortened. The caller has read the technician in
    scope and is accountable for the right to do it. Raises QualificationKnown.
    """
    held = await queries.lock_qualification_before(
        ctx.session, ctx.region_id, technician.id, skill, certificate, first
    )
    if held is not None:
        held.valid_until = max(held.valid_until, last)
        return held
    row = Qualification(
        region_id=ctx.region_id,
        technician_id=technician.id,
        centre_id=technician.centre_id,
        skill=skill,
        certificate_number=certificate,
        valid_from=first,
        valid_until=last,
    )
    ctx.add(row)
    await ctx.session.flush()
    return row


async def _technician(ctx: Context, technician_id: UUID) -> Technician:
    scope = ctx.actor.scope(Permission.STAFF_EDIT)
    return await queries.technician_in(ctx.session, scope, technician_id)
