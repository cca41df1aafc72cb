"""The region's numbers of the rules, the history of any record, and whether the service lives."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from api.problems import problems
from api.routing import Open, Reading, public, reads, verb
from fieldops.kernel import audit, configuration, visibility
from fieldops.kernel.permissions import Permission
from fieldops.kernel.visibility import Access

router = APIRouter(prefix="/v1", tags=["administration"])


class RuleNumber(BaseModel):
    """A number of a rule: its default, its bounds and the region's own value."""

    name: str
    rule: str
    unit: str
    meaning: str
    default: float
    least: float
    most: float
    value: float


class Change(BaseModel):
    """One change of a record: who, when by the server and by the device, why, before, after."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    entity: str
    entity_id: UUID
    entity_version: int
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor_id: UUID | None
    device_id: UUID | None
    command: str | None
    command_id: UUID | None
    captured_at: datetime | None
    reason: str | None


class Health(BaseModel):
    status: str
    database: str
    sync: Literal["ok", "timeline_changed"] = Field(
        "ok", description="timeline_changed: restored; sync waits for new epochs."
    )


@router.get(
    "/rules", operation_id="rule_list", summary="The region's numbers", responses=problems()
)
async def rules(reading: Annotated[Reading, reads(Permission.RULE_READ)]) -> list[RuleNumber]:
    own = await configuration.values(reading.session, reading.actor.region_id)
    return [RuleNumber.model_validate(row) for row in configuration.listing(own)]


verb(router, "/rules/{name}", configuration.set_number)


@router.get(
    "/history/{entity}/{entity_id}",
    operation_id="history_get",
    summary="Every change of a record, oldest first",
    responses=problems(),
)
async def history(
    entity: Annotated[str, Path(pattern=r"^[a-z_]{3,60}$", description="The record's table.")],
    entity_id: UUID,
    reading: Annotated[Reading, reads(Permission.AUDIT_READ)],
) -> list[Change]:
    if not reading.scope.whole_region:
        model = visibility.of_table(entity)
        if model is None or Access.SHOWN is not await visibility.access(
            reading.session, reading.actor, model, entity_id, under=Permission.AUDIT_READ
        ):
            return []  # as for a record that is not there
    statement = audit.history(reading.actor.region_id, entity, entity_id).limit(1000)
    rows = await reading.session.scalars(statement)
    return [Change.model_validate(row) for row in rows]


live = APIRouter(tags=["administration"])


@live.get("/health", operation_id="health", summary="Whether the service can answer")
async def health(
    request: Request, opened: Annotated[Open, public("a monitor has no account")]
) -> Health:
    async with opened.database.transaction() as session:
        await session.execute(text("select 1"))
    refused = request.app.state.timeline.refused is not None
    return Health(status="ok", database="ok", sync="timeline_changed" if refused else "ok")
