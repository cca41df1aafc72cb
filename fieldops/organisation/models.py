"""Tables of the organisation: catalogues for units and people, regional rows for the work."""

from datetime import date, datetime, time
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Catalogue, Regional, catalogue_link, link, one_of
from fieldops.organisation import rules


class Unit(Catalogue):
    """A group, province, region, centre or contractor firm (ORG-01).

    `region_id` numbers the region that a region, centre or firm belongs to; `zone` is the
    region's IANA time zone.
    """

    __tablename__ = "organisation_unit"
    resource = "unit"

    kind: Mapped[str]
    name: Mapped[str]
    code: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    region_number: Mapped[int | None] = mapped_column(Integer)
    zone: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        CheckConstraint(
            "kind in ('group', 'province', 'region', 'centre', 'firm')", name="kind_known"
        ),
        CheckConstraint(
            "(kind in ('region', 'centre', 'firm')) = (region_number is not null)",
            name="region_known",
        ),
        Index(
            "uq_organisation_unit_region",
            "region_number",
            unique=True,
            postgresql_where="kind = 'region'",
        ),
    )


class Person(Catalogue):
    """Somebody (or a machine) that can sign in."""

    __tablename__ = "organisation_person"
    resource = "person"
    masked = frozenset({"password_hash"})

    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="person")
    password_hash: Mapped[str | None]
    locale: Mapped[str] = mapped_column(default="en")
    home_region: Mapped[int] = mapped_column(Integer)
    active: Mapped[bool] = mapped_column(default=True)
    grants_version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("kind in ('person', 'machine')", name="kind_known"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )


class RoleGrant(Catalogue):
    """A role granted to a person at a unit; it covers the units below (ORG-02)."""

    __tablename__ = "organisation_grant"
    resource = "grant"

    person_id: Mapped[UUID] = catalogue_link("organisation_person")
    unit_id: Mapped[UUID] = catalogue_link("organisation_unit")
    role: Mapped[str]

    __table_args__ = (UniqueConstraint("person_id", "unit_id", "role"),)


class SignIn(Regional):
    """A refresh-token family: one sign-in on one device or browser.

    Only the hash of the newest token is kept; presenting an older one revokes the family.
    """

    __tablename__ = "organisation_sign_in"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    person_id: Mapped[UUID] = catalogue_link("organisation_person")
    device_id: Mapped[UUID | None]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    former_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    rotated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class MapToken(Regional):
    """A person's key for map programs that cannot sign in: it reads maps and nothing else.

    Only the hash of it is kept. `name` says where it is used, for its owner to know it by.
    """

    __tablename__ = "organisation_map_token"
    resource = "map_token"
    masked = frozenset({"token_hash"})
    counted: ClassVar[bool] = False

    person_id: Mapped[UUID] = catalogue_link("organisation_person")
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginAttempt(Regional):
    """A failed sign-in, kept to slow down guessing."""

    __tablename__ = "organisation_login_attempt"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    email: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (Index("ix_organisation_login_attempt_email", "region_id", "email", "at"),)


class Technician(Regional):
    """A person's working side: home centre, firm, certificate shown at the door.

    `id` is the person's id. Who is of the cable department reads its work of the home centre.
    """

    __tablename__ = "organisation_technician"
    resource = "technician"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    firm_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    name: Mapped[str]
    certificate_number: Mapped[str]
    phone: Mapped[str | None]
    start_longitude: Mapped[float | None]
    start_latitude: Mapped[float | None]
    active: Mapped[bool] = mapped_column(default=True)
    department: Mapped[str | None] = mapped_column(default="field")

    __table_args__ = (
        UniqueConstraint("region_id", "certificate_number"),
        CheckConstraint("department in ('field', 'cable')", name="department_known"),
    )


class Qualification(Regional):
    """A skill with its certificate and the days it is valid on, both included (ORG-03)."""

    __tablename__ = "organisation_qualification"
    resource = "qualification"

    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    skill: Mapped[str]
    certificate_number: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]

    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="days_in_order"),
        CheckConstraint(
            "skill in ('fixed_line', 'copper_broadband', 'fibre', 'indoor_network', 'enterprise')",
            name="skill_known",
        ),
        UniqueConstraint("region_id", "technician_id", "skill", "valid_from"),
    )


_LUNCH = (
    "(lunch_starts is null) = (lunch_ends is null) and "
    "(lunch_starts is null or lunch_starts <> lunch_ends)"
)


class Shift(Regional):
    """A weekly working time: local times, ISO weekday 1..7, with lunch left out (ORG-07).

    One that ends before it starts ends on the next day: a night shift belongs to the day it
    begins on.
    """

    __tablename__ = "organisation_shift"
    resource = "shift"

    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    weekday: Mapped[int]
    starts: Mapped[time]
    ends: Mapped[time]
    lunch_starts: Mapped[time | None]
    lunch_ends: Mapped[time | None]

    __table_args__ = (
        CheckConstraint("weekday between 1 and 7", name="weekday_iso"),
        CheckConstraint("ends <> starts", name="takes_time"),
        CheckConstraint(_LUNCH, name="lunch_whole"),
        UniqueConstraint("region_id", "technician_id", "weekday", "starts"),
    )


class DutyDay(Regional):
    """A working time on one day, instead of the weekly shifts and of a holiday (ORG-07)."""

    __tablename__ = "organisation_duty_day"
    resource = "duty_day"

    technician_id: Mapped[UUID] = link("organisation_technician", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    day: Mapped[date]
    starts: Mapped[time]
    ends: Mapped[time]
    lunch_starts: Mapped[time | None]
    lunch_ends: Mapped[time | None]
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint("ends <> starts", name="takes_time"),
        CheckConstraint(_LUNCH, name="lunch_whole"),
        UniqueConstraint("region_id", "technician_id", "day", "starts"),
    )


class Holiday(Regional):
    """A day on which the weekly shifts of a centre, or of the whole region, are not worked."""

    __tablename__ = "organisation_holiday"
    resource = "holiday"

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    day: Mapped[date]
    name: Mapped[str]

    __table_args__ = (
        Index(
            "uq_organisation_holiday_centre",
            "region_id",
            "day",
            "centre_id",
            unique=True,
            postgresql_where="centre_id is not null",
        ),
        Index(
            "uq_organisation_holiday_region",
            "region_id",
            "day",
            unique=True,
            postgresql_where="centre_id is null",
        ),
    )


class Leave(Regional):
    """A time a technician is away: leave, rest day, training, sick (ORG-07)."""

    __tablename__ = "organisation_leave"
    resource = "leave"

    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str | None]

    __table_args__ = (CheckConstraint("ends_at > starts_at", name="times_in_order"),)


class Tool(Regional):
    """A tool or instrument of a centre: in a technician's custody, or in the store (ORG-05).

    `offered_to_id` is who has yet to accept it; until then it stays with `holder_id`.
    `calibrated_until` is the last day of the newest calibration. One that is lost stays in the
    custody it was lost from until it is found or retired.
    """

    __tablename__ = "organisation_tool"
    resource = "tool"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    serial: Mapped[str]
    model: Mapped[str]
    needs_calibration: Mapped[bool]
    calibrated_until: Mapped[date | None]
    holder_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    held_since: Mapped[datetime | None]
    offered_to_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    offered_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    lost_how: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("region_id", "serial"),
        CheckConstraint(one_of("kind", rules.ToolKind), name="kind_known"),
        CheckConstraint("(holder_id is null) = (held_since is null)", name="custody_whole"),
        CheckConstraint("(offered_to_id is null) = (offered_at is null)", name="offer_whole"),
        CheckConstraint("(lost_at is null) = (lost_how is null)", name="loss_whole"),
    )


class Calibration(Regional):
    """A calibration of an instrument and the local days it holds on, both included (ORG-05)."""

    __tablename__ = "organisation_calibration"
    resource = "calibration"
    counted: ClassVar[bool] = False

    tool_id: Mapped[UUID] = link("organisation_tool")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    calibrated_on: Mapped[date]
    valid_until: Mapped[date]
    certificate_number: Mapped[str]

    __table_args__ = (CheckConstraint("valid_until >= calibrated_on", name="days_in_order"),)
