"""Service orders, their work orders, warnings of late work, reasons, and import from a file."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import Acting, After, Limit, Page, Reading, acts, page, reads, sort_by, verb
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import TooLarge
from fieldops.kernel.permissions import Permission
from fieldops.orders import importing, policy, queries
from fieldops.orders.commands import handling, limits, matters, receiving
from fieldops.orders.models import LateWarning, Matter, ServiceOrder, Urge, WorkOrder
from fieldops.orders.queries import cable
from fieldops.orders.queries import matters as matter_queries
from fieldops.orders.rules import AUDIENCES, Department, Kind, MatterState, State
from fieldops.orders.schemas import (
    MatterRead,
    OrderDetail,
    OrderRead,
    ReasonRead,
    UrgeRead,
    WarningRead,
    WorkOrderRead,
)

router = APIRouter(prefix="/v1", tags=["orders"])

MOST_IMPORT_BYTES = 4 * 1024 * 1024
MOST_IMPORT_LINES = 5_000

States = Annotated[list[State], Query(max_length=11, description="Only these states.")]

verb(router, "/orders", receiving.receive)
verb(router, "/orders/{order_id}/suspend", handling.suspend)
verb(router, "/orders/{order_id}/transfer", handling.transfer)
verb(router, "/orders/{order_id}/return", handling.return_)
verb(router, "/orders/{order_id}/cancel", handling.cancel)
verb(router, "/orders/{order_id}/resume", handling.resume)
verb(router, "/orders/{order_id}/complete", handling.complete)
verb(router, "/orders/{order_id}/close", handling.close)
verb(router, "/orders/{order_id}/items", receiving.add_items)
verb(router, "/orders/{order_id}/postpone", handling.postpone)
verb(router, "/orders/{order_id}/accept-transfer", handling.accept_transfer)
verb(router, "/orders/{order_id}/refuse-transfer", handling.refuse_transfer)
verb(router, "/orders/{order_id}/follow-standards", limits.follow_standards)
verb(router, "/orders/{order_id}/urge", matters.urge)
verb(router, "/orders/{order_id}/matters", matters.open_matter)
verb(router, "/matters/{matter_id}/take", matters.take)
verb(router, "/matters/{matter_id}/hand-over", matters.hand_over)
verb(router, "/matters/{matter_id}/accept", matters.accept)
verb(router, "/matters/{matter_id}/decline", matters.decline)
verb(router, "/matters/{matter_id}/answer", matters.answer)


@router.get(
    "/orders", operation_id="order_list", summary="List the orders in scope", responses=problems()
)
async def orders(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    state: States = [],  # noqa: B006 - FastAPI copies it
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
    external_ref: Annotated[Text | None, Query(max_length=64)] = None,
    sort: sort_by("received_at", "external_ref", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[OrderRead]:
    statement = queries.visible_orders(reading.scope, states=state, customer_id=customer_id)
    if external_ref is not None:
        statement = statement.where(ServiceOrder.external_ref == external_ref)
    return await page(reading, statement, ServiceOrder.id, after, limit, OrderRead, sort)


class ImportedLine(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    code: str
    reason: str


class ImportReport(BaseModel):
    """What became of each line: taken in, known already, or bad with its number and reason."""

    model_config = ConfigDict(from_attributes=True)

    received: int
    unchanged: int
    bad: list[ImportedLine]


@router.post(
    "/orders/import",
    operation_id="orders_import",
    summary="Take in orders as JSON lines; bad lines are reported, good ones go in",
    responses=problems(413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {
                        "type": "string",
                        "description": "One body of order_receive on each line.",
                    }
                }
            },
        }
    },
)
async def import_orders(
    request: Request, acting: Annotated[Acting, acts(Permission.ORDER_IMPORT)]
) -> ImportReport:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_IMPORT_BYTES:
            raise TooLarge(limit=f"{MOST_IMPORT_BYTES} bytes")
    lines = bytes(body).splitlines()
    if len(lines) > MOST_IMPORT_LINES:
        raise TooLarge(limit=f"{MOST_IMPORT_LINES} lines")
    report = await importing.import_lines(acting.database, acting.actor, lines)
    return ImportReport.model_validate(report)


@router.get(
    "/orders/warnings",
    operation_id="order_warning_list",
    summary="Warnings of late work that is still open (WO-04, RE-03)",
    responses=problems(),
)
async def warnings(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    only: Annotated[
        Narrowing, narrow_by(LateWarning, "centre_id", "percent", "warned_at", "due_at")
    ],
    audience: Annotated[Literal[AUDIENCES] | None, Query(description="Whom they are for.")] = None,  # type: ignore[valid-type]
    mine: Annotated[bool, Query(description="Only those that are for your roles.")] = False,  # noqa: FBT002 - a query
    sort: sort_by("warned_at", "due_at", "percent") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[WarningRead]:
    wanted = None if audience is None else {audience}
    if mine:
        own = policy.audiences(reading.actor)
        wanted = own if wanted is None else own & wanted
    scope = reading.scope
    if not scope.office:  # a technician reads what is for the cable department, if of it
        scope = await cable.scope_of_department(reading.session, scope)
        wanted = {"cable_department"} if wanted is None else {"cable_department"} & wanted
    statement = queries.warnings(scope, audiences=wanted)
    return await page(reading, only(statement), LateWarning.id, after, limit, WarningRead, sort)


@router.get(
    "/orders/{order_id}",
    operation_id="order_get",
    summary="One order with its work orders",
    responses=problems(404),
)
async def order(
    order_id: UUID, reading: Annotated[Reading, reads(Permission.ORDER_READ)]
) -> OrderDetail:
    row = await queries.order(reading.session, reading.scope, order_id)
    work = await queries.work_orders(reading.session, reading.scope.region_id, [row.id])
    return OrderDetail(
        **OrderRead.model_validate(row).model_dump(),
        work_orders=[WorkOrderRead.model_validate(entry) for entry in work],
    )


@router.get(
    "/work-orders",
    operation_id="work_order_list",
    summary="List the work orders in scope",
    responses=problems(),
)
async def work_orders(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    only: Annotated[
        Narrowing,
        narrow_by(
            WorkOrder,
            "centre_id",
            "service",
            "skill",
            "order_id",
            "received_at",
            "due_at",
            kind=Kind,
        ),
    ],
    state: States = [],  # noqa: B006 - FastAPI copies it
    department: Annotated[Department | None, Query(description="field or cable.")] = None,
    sort: sort_by("received_at", "due_at", "priority", "state_since") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[WorkOrderRead]:
    statement = queries.visible_work_orders(reading.scope, states=state, department=department)
    return await page(reading, only(statement), WorkOrder.id, after, limit, WorkOrderRead, sort)


@router.get(
    "/work-list",
    operation_id="work_list",
    summary="Open work, most urgent first: by class, urges, service, tier, due time (WO-06)",
    responses=problems(404),
)
async def work_list(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    state: States = [],  # noqa: B006 - FastAPI copies it
    department: Annotated[Department | None, Query(description="field or cable.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only this centre's.")] = None,
    unanswered: Annotated[bool, Query(description="Only transfers nobody has answered.")] = False,  # noqa: FBT002 - a query
    after: After = None,
    limit: Limit = 50,
) -> Page[WorkOrderRead]:
    found = await queries.work_list(
        reading.session,
        reading.scope,
        states=state,
        department=department,
        centre_id=centre_id,
        unanswered=unanswered,
        after=after,
        limit=limit,
    )
    return Page.of(found, limit, WorkOrderRead)


@router.get(
    "/orders/{order_id}/urges",
    operation_id="order_urge_list",
    summary="Each time that somebody pressed for an order (WO-05)",
    responses=problems(404),
)
async def urges(
    order_id: UUID,
    reading: Annotated[Reading, reads(Permission.MATTER_READ)],
    only: Annotated[Narrowing, narrow_by(Urge, "side", "channel", "raises", "at")],
    sort: sort_by("at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[UrgeRead]:
    await queries.order(reading.session, reading.scope, order_id)
    statement = matter_queries.urges(reading.scope, order_id)
    return await page(reading, only(statement), Urge.id, after, limit, UrgeRead, sort)


@router.get(
    "/matters",
    operation_id="matter_list",
    summary="What customers want about their orders, and who answers it (WO-05)",
    responses=problems(),
)
async def matter_list(
    reading: Annotated[Reading, reads(Permission.MATTER_READ)],
    only: Annotated[Narrowing, narrow_by(Matter, "centre_id", "owner_id", "kind", "came_at")],
    state: Annotated[MatterState | None, Query(description="Only in this state.")] = None,
    order_id: Annotated[UUID | None, Query(description="Only this order's.")] = None,
    mine: Annotated[bool, Query(description="Only those you own or were offered.")] = False,  # noqa: FBT002 - a query
    sort: sort_by("came_at", "answered_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MatterRead]:
    statement = matter_queries.visible_matters(
        reading.scope,
        state=state,
        order_id=order_id,
        of_person=reading.actor.id if mine else None,
    )
    return await page(reading, only(statement), Matter.id, after, limit, MatterRead, sort)


@router.get(
    "/reasons",
    operation_id="reason_list",
    summary="The list of reasons by process (WO-03)",
    responses=problems(),
)
async def reasons(reading: Annotated[Reading, reads(Permission.ORDER_READ)]) -> list[ReasonRead]:
    return [ReasonRead.model_validate(row) for row in await queries.reasons(reading.session)]
