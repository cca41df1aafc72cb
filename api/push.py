"""The browsers of technicians and offices that are woken by web push."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import (
    After,
    CommandResult,
    IdempotencyKey,
    Limit,
    Page,
    Reading,
    page,
    reads,
    sort_by,
    verb,
    writes,
)
from fieldops.kernel import ledger
from fieldops.kernel.commands import Envelope, Text
from fieldops.kernel.ids import new_id
from fieldops.notifications import push, queries
from fieldops.notifications.commands import browsers
from fieldops.notifications.errors import BrowserRefused
from fieldops.notifications.models import PushSubscription

router = APIRouter(prefix="/v1/push-subscriptions", tags=["notifications"])

verb(router, "/{subscription_id}/remove", browsers.unsubscribe)


class PushKey(BaseModel):
    """What a browser subscribes with."""

    key: str | None = Field(description="applicationServerKey; null: browsers are not woken here.")


class BrowserRead(BaseModel):
    """A browser of one's own; its address and keys are not shown."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    label: str | None
    created_at: datetime
    sent_at: datetime | None = Field(description="When it was woken last.")


class BrowserKeys(BaseModel):
    model_config = ConfigDict(extra="forbid")
    p256dh: Text = Field(min_length=80, max_length=100)
    auth: Text = Field(min_length=16, max_length=40)


class BrowserSubscription(BaseModel):
    """What PushSubscription.toJSON() of a browser gives, with a name for the person."""

    model_config = ConfigDict(extra="ignore")
    endpoint: Text = Field(min_length=10, max_length=1000)
    keys: BrowserKeys
    label: Text | None = Field(None, max_length=80)


@router.get(
    "/key",
    operation_id="push_key",
    summary="Return the key that browsers subscribe with.",
    responses=problems(),
)
async def push_key(reading: Annotated[Reading, reads(browsers.OWN)]) -> PushKey:
    return PushKey(key=push.public_key(reading.settings))


@router.get(
    "",
    operation_id="push_subscription_list",
    summary="List one's own browsers that are woken.",
    responses=problems(),
)
async def push_subscription_list(
    reading: Annotated[Reading, reads(browsers.OWN)],
    only: Annotated[Narrowing, narrow_by(PushSubscription, "label")],
    sort: sort_by("label", "sent_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[BrowserRead]:
    statement = queries.browsers(reading.scope, reading.actor.id)
    return await page(
        reading, only(statement), PushSubscription.id, after, limit, BrowserRead, sort
    )


@router.post(
    "",
    response_model=CommandResult,
    operation_id="push_subscribe",
    summary="Let this browser be woken when visits change (SY-01) or an own plan is proposed.",
    responses=problems(422),
)
async def push_subscribe(
    sent: BrowserSubscription,
    reading: Annotated[Reading, writes(browsers.OWN)],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    if not push.allowed(reading.settings, sent.endpoint):
        raise BrowserRefused(reason="its address is not one of a known push service")
    args = {"endpoint": sent.endpoint, "label": sent.label, **sent.keys.model_dump()}
    envelope = Envelope(idempotency_key or new_id(), "push.subscribe", args)
    return await ledger.once(reading.session, reading.actor, envelope, reading.now)
