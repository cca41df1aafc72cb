"""Who was erased, and which phones have not yet said that they erased their copies (CU-07)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, part, reads, sort_by
from fieldops.customers import queries as customers
from fieldops.kernel.erasure import Erasure
from fieldops.kernel.permissions import Permission
from fieldops.sync import erasures
from fieldops.sync.rules import DeviceState

router = APIRouter(prefix="/v1/erasures", tags=["customers"])


class ErasingDevice(BaseModel):
    """A phone that was told; `outstanding` until it acknowledges, is revoked, and wipes itself."""

    device_id: UUID
    person_id: UUID
    name: str
    state: Literal["outstanding", "erased", "revoked"]
    delivered_at: AwareDatetime | None = Field(description="When it was first told.")
    acknowledged_at: AwareDatetime | None
    last_seen_at: AwareDatetime


class ErasureRead(BaseModel):
    """An erasure: of which record, when, on which ground, by whom, and the phones told."""

    id: UUID
    subject_type: str
    subject_id: UUID
    ground: str
    at: AwareDatetime
    asked_by: UUID
    outstanding: int = Field(0, description="Phones that have not erased their copies yet.")
    elsewhere: int = Field(0, description="Phones of other centres: counted, and not named here.")
    devices: list[ErasingDevice] = []


@router.get("", operation_id="erasure_list", summary="List the erasures", responses=problems())
async def erasure_list(
    reading: Annotated[Reading, reads(Permission.CUSTOMER_ERASE)],
    only: Annotated[Narrowing, narrow_by(Erasure, "subject_id", "ground", "asked_by", "at")],
    sort: sort_by("at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ErasureRead]:
    """List the erasures of one's customers with the phones that were told, oldest first."""
    statement = only(customers.erasures(reading.scope))
    rows, following = await part(reading, statement, Erasure.id, after, limit, sort)
    told: dict[UUID, list[tuple[ErasingDevice, bool]]] = {}
    for notice, device, is_seen in await erasures.notices(
        reading.session, reading.actor.scope(Permission.DEVICE_READ), [row.id for row in rows]
    ):
        revoked = device.state == DeviceState.REVOKED.value
        shown = ErasingDevice(
            device_id=device.id,
            person_id=device.person_id,
            name=device.name,
            state="erased" if notice.acknowledged_at else "revoked" if revoked else "outstanding",
            delivered_at=notice.delivered_at,
            acknowledged_at=notice.acknowledged_at,
            last_seen_at=device.last_seen_at,
        )
        told.setdefault(notice.erasure_id, []).append((shown, is_seen))
    items = [_read(row, told.get(row.id, [])) for row in rows]
    return Page(items=items, next=following)


def _read(row: Erasure, told: list[tuple[ErasingDevice, bool]]) -> ErasureRead:
    return ErasureRead(
        id=row.id,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        ground=row.ground,
        at=row.at,
        asked_by=row.asked_by,
        outstanding=sum(device.state == "outstanding" for device, _ in told),
        elsewhere=sum(not is_seen for _, is_seen in told),
        devices=[device for device, is_seen in told if is_seen],
    )
