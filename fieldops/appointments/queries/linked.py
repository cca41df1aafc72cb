"""What a customer's link stands for: read for the page, for JSON and for the calendar file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import rules, situations
from fieldops.appointments.links import Link
from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.appointments.queries.appointments import linked_visits
from fieldops.appointments.queries.windows import Offer, offered_windows
from fieldops.appointments.situations import Situation
from fieldops.customers.models import Customer
from fieldops.emergencies.rules import ActivePlan
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.queries.kinds import kinds

MOST_SEARCHED = 100
"""How many free windows are looked at for a customer; what is shown is spread over the days."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The present appointment behind a link, its visit, what is done there, and who comes.

    The appointment is the link's own, or the one that was booked for the visit instead.
    """

    link: Link
    appointment: Appointment
    visit: Visit
    kinds: tuple[str, ...]
    technician_name: str | None
    certificate_number: str | None
    locale: str
    zone: ZoneInfo

    def situation(self, now: datetime) -> Situation:
        """Return how things stand for the customer."""
        own = self.appointment.id == self.link.subject_id
        return situations.situation(
            self.appointment.state,
            self.visit.state,
            window_start=self.appointment.window_start,
            about=self.link.window_start if own else None,
            now=now,
        )


async def linked(session: AsyncSession, link: Link) -> Linked | None:
    """Return what a genuine link stands for now; the link is the permission.

    Three statements at most. None when there is no such appointment any more.
    """
    region_id = link.region_id
    row = (
        await session.execute(_joined(region_id).where(Appointment.id == link.subject_id).limit(1))
    ).first()
    if row is not None and row.Appointment.state not in rules.OPEN_STATES:
        instead = (
            await session.execute(
                _joined(region_id)
                .where(
                    Appointment.visit_id == row.Appointment.visit_id,
                    Appointment.state.in_(rules.OPEN_STATES),
                )
                .limit(1)
            )
        ).first()
        row = instead or row
    if row is None:
        return None
    zone = await organisation.zone_of(session, region_id)
    return Linked(
        link,
        row.Appointment,
        row.Visit,
        tuple(row.kinds or ()),
        row.technician_name,
        row.certificate_number,
        row.locale,
        zone,
    )


def _joined(region_id: int) -> Select[Any]:
    columns: list[Any] = [
        Appointment,
        Visit,
        Customer.locale,
        Technician.name.label("technician_name"),
        Technician.certificate_number,
        kinds(region_id).label("kinds"),
    ]
    return (
        select(*columns)
        .join(
            Visit,
            and_(Visit.region_id == Appointment.region_id, Visit.id == Appointment.visit_id),
        )
        .join(
            Customer,
            and_(
                Customer.region_id == Appointment.region_id,
                Customer.id == Appointment.customer_id,
            ),
        )
        .outerjoin(
            Assignment,
            and_(
                Assignment.region_id == region_id,
                Assignment.visit_id == Visit.id,
                Assignment.is_contact,
                Assignment.ended_at.is_(None),
            ),
        )
        .outerjoin(
            Technician,
            and_(Technician.region_id == region_id, Technician.id == Assignment.technician_id),
        )
        .where(
            Appointment.region_id == region_id,
            Visit.region_id == region_id,
            Customer.region_id == region_id,
        )
    )


async def last_word(
    session: AsyncSession, region_id: int, appointment_id: UUID
) -> Reconfirmation | None:
    """Return what the customer last said by a link about an appointment, None when nothing."""
    found: Reconfirmation | None = await session.scalar(
        select(Reconfirmation)
        .where(
            Reconfirmation.region_id == region_id,
            Reconfirmation.appointment_id == appointment_id,
            Reconfirmation.channel == "text_link",
        )
        .order_by(Reconfirmation.id.desc())
        .limit(1)
    )
    return found


@dataclass(frozen=True, slots=True)
class Choice:
    """The free windows a customer may move to; none where linked visits move together (VI-01).

    `plan` is the emergency plan whose text says why there are none, or only later ones (EM-01).
    """

    offers: list[Offer]
    linked: bool
    plan: ActivePlan | None = None


async def other_windows(
    session: AsyncSession, visit: Visit, appointment: Appointment, now: datetime
) -> Choice:
    """Return what a customer may choose from: all free windows but the present one (AP-01).

    Where other visits of the order are promised too, a person agrees on all of them at once.
    """
    if await linked_visits(session, visit):
        return Choice([], linked=True)
    night = appointment.night_visit_wanted
    found = await offered_windows(session, visit, now, limit=MOST_SEARCHED, night=night)
    present = appointment.window_start, appointment.window_end
    offers = [offer for offer in found.offers if (offer.start, offer.end) != present]
    tell = found.put_off or not offers
    return Choice(offers, linked=False, plan=found.plan if tell else None)
