"""What a customer's signed link opens, as JSON for partner portals; api/page shows the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import problems
from api.routing import Open, public
from fieldops.appointments import links, queries, rules, situations
from fieldops.appointments.errors import LinkInvalid
from fieldops.appointments.links import Link, Purpose
from fieldops.appointments.queries import Linked
from fieldops.appointments.schemas import (
    PublicAppointment,
    PublicWindow,
    PublicWindows,
    ToTell,
)
from fieldops.kernel import actor, configuration, ledger
from fieldops.kernel.commands import Envelope, Text
from fieldops.kernel.ids import new_id
from fieldops.orders.rules import Kind

router = APIRouter(prefix="/v1/public", tags=["appointments"])

Token = Annotated[
    str, Path(min_length=1, max_length=200, description="The last part of the customer's link.")
]
BY_LINK = "the customer's signed link is the permission; it names one appointment and expires"


@dataclass(slots=True)
class Asked(Open):
    """A request by a genuine link."""

    link: Link

    async def linked(self, session: AsyncSession) -> Linked:
        """Return what the link stands for; raises LinkInvalid when that is gone."""
        found = await queries.linked(session, self.link)
        if found is None:
            raise LinkInvalid
        return found

    async def run(self, name: str, **args: Any) -> None:
        """Run a command by link in a transaction of its own; raises what it refuses."""
        args |= {
            "appointment_id": str(self.link.subject_id),
            "window_start": self.link.window_start.isoformat(),
        }
        envelope = Envelope(new_id(), name, args)
        async with self.database.transaction() as session:
            await ledger.once(session, actor.system(self.link.region_id), envelope, self.now)

    async def token(self, session: AsyncSession, found: Linked, purpose: Purpose) -> str:
        """Return the token for a purpose and the present window."""
        kept = await configuration.duration(session, self.link.region_id, rules.LINK_KEPT)
        window = found.appointment.window_start, found.appointment.window_end
        link = Link.made(purpose, self.link.region_id, found.appointment.id, window, kept)
        return links.sign(self.settings.secret.get_secret_value(), link)


def read(request: Request, opened: Open, token: str, purpose: Purpose) -> Asked:
    """Count a request and read its link; raises TooMany, LinkInvalid, LinkExpired."""
    request.app.state.rates.of_address(request)
    link = links.read(opened.settings.secret.get_secret_value(), token, purpose, opened.now)
    request.app.state.rates.of_link(token)
    return Asked(opened.database, opened.settings, opened.now, link)


async def _asked(request: Request, token: Token, opened: Annotated[Open, public(BY_LINK)]) -> Asked:
    return read(request, opened, token, Purpose.ANSWER)


async def _shown(asked: Asked) -> PublicAppointment:
    async with asked.database.transaction() as session:
        found = await asked.linked(session)
        token = await asked.token(session, found, Purpose.ANSWER)
    present, appointment, zone = found.situation(asked.now), found.appointment, found.zone

    def local(at: datetime) -> datetime:
        return at.astimezone(zone)

    expected = found.visit.expected_arrival
    return PublicAppointment(
        situation=present,
        state=appointment.state,
        window_start=local(appointment.window_start),
        window_end=local(appointment.window_end),
        expected_arrival=local(expected) if expected else None,
        work=[Kind(kind) for kind in found.kinds],
        technician_name=found.technician_name,
        certificate_number=found.certificate_number,
        answers=situations.answers(present),
        link=token,
    )


@router.get(
    "/appointments/{token}",
    operation_id="public_appointment_get",
    summary="Show a customer the appointment their link is for (AP-03).",
    responses=problems(404, 410, 429),
)
async def public_appointment_get(asked: Annotated[Asked, Depends(_asked)]) -> PublicAppointment:
    return await _shown(asked)


class LinkAnswer(BaseModel):
    """What a customer says by the link."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"answer": "confirmed"}]}
    )
    answer: rules.LinkAnswer = Field(description="Confirmed, another time, or not at all.")
    note: Text | None = Field(None, max_length=500, description="The time that would suit better.")


@router.post(
    "/appointments/{token}",
    operation_id="public_appointment_answer",
    summary="Take a customer's answer to the second confirmation (AP-03, AP-04).",
    responses=problems(404, 409, 410, 422, 429),
)
async def public_appointment_answer(
    said: LinkAnswer, asked: Annotated[Asked, Depends(_asked)]
) -> PublicAppointment:
    await asked.run("appointment.answer_by_link", answer=said.answer, note=said.note)
    return await _shown(asked)


@router.get(
    "/appointments/{token}/windows",
    operation_id="public_appointment_windows",
    summary="List the free windows a customer may move to (AP-01).",
    responses=problems(404, 410, 429),
)
async def public_appointment_windows(asked: Annotated[Asked, Depends(_asked)]) -> PublicWindows:
    async with asked.database.transaction() as session:
        found = await asked.linked(session)
        choice = await windows(session, asked, found)
    return PublicWindows(
        items=[
            PublicWindow(
                window_start=offer.start.astimezone(found.zone),
                window_end=offer.end.astimezone(found.zone),
            )
            for offer in choice.offers
        ],
        emergency=ToTell(en=choice.plan.text_en, zh_cn=choice.plan.text_zh)
        if choice.plan
        else None,
    )


async def windows(session: AsyncSession, asked: Asked, found: Linked) -> queries.Choice:
    """Return the windows the customer may move to; none where moving is not possible."""
    if situations.Action.MOVE not in situations.actions(found.situation(asked.now)):
        return queries.Choice([], linked=False)
    return await queries.other_windows(session, found.visit, found.appointment, asked.now)


class LinkMove(BaseModel):
    """The free window a customer has chosen."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "window_start": "2026-11-26T08:00:00+02:00",
                    "window_end": "2026-11-26T10:00:00+02:00",
                }
            ]
        },
    )
    window_start: AwareDatetime = Field(description="First moment of a free window.")
    window_end: AwareDatetime = Field(description="Its last moment.")
    note: Text | None = Field(None, max_length=500, description="What the customer wrote.")


@router.post(
    "/appointments/{token}/move",
    operation_id="public_appointment_move",
    summary="Move a customer's appointment to a window that is free now (AP-06).",
    responses=problems(404, 409, 410, 422, 429),
)
async def public_appointment_move(
    chosen: LinkMove, asked: Annotated[Asked, Depends(_asked)]
) -> PublicAppointment:
    await asked.run(
        "appointment.move_by_link",
        new_start=chosen.window_start.isoformat(),
        new_end=chosen.window_end.isoformat(),
        note=chosen.note,
    )
    return await _shown(asked)
