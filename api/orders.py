"""Service orders, their work orders, warnings of late work, reasons, and import from a file."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api.problems import problems
from api.routing import Acting, After, Limit, Page, Reading, acts, page, reads, verb
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import TooLarge
from fieldops.kernel.permissions import Permission
from fieldops.orders import importing, queries
from fieldops.orders.commands import handling, receiving
from fieldops.orders.models import LateWarning, ServiceOrder, WorkOrder
from fieldops.orders.rules import Department, State
from fieldops.orders.schemas import (
    OrderDetail,
    OrderRead,
    ReasonRead,
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


@router.get(
    "/orders", operation_id="order_list", summary="List the orders in scope", responses=problems()
)
async def orders(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    state: States = [],  # noqa: B006 - FastAPI copies it
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
    external_ref: Annotated[Text | None, Query(max_length=64)] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[OrderRead]:
    statement = queries.visible_orders(reading.scope, states=state, customer_id=customer_id)
    if external_ref is not None:
        statement = statement.where(ServiceOrder.external_ref == external_ref)
    return await page(reading, statement, ServiceOrder.id, after, limit, OrderRead)


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
    summary="Warnings of late work that is still open (WO-04)",
    responses=problems(),
)
async def warnings(
    reading: Annotated[Reading, reads(Permission.ORDER_READ)],
    audience: Annotated[str | None, Query(pattern="^(dispatcher|supervisor|unit_above)$")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[WarningRead]:
    statement = queries.warnings(reading.scope, audience=audience)
    return await page(reading, statement, LateWarning.id, after, limit, WarningRead)


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
    state: States = [],  # noqa: B006 - FastAPI copies it
    department: Annotated[Department | None, Query(description="field or cable.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[WorkOrderRead]:
    statement = queries.visible_work_orders(reading.scope, states=state, department=department)
    return await page(reading, statement, WorkOrder.id, after, limit, WorkOrderRead)


@router.get(
    "/reasons",
    operation_id="reason_list",
    summary="The list of reasons by process (WO-03)",
    responses=problems(),
)
async def reasons(reading: Annotated[Reading, reads(Permission.ORDER_READ)]) -> list[ReasonRead]:
    return [ReasonRead.model_validate(row) for row in await queries.reasons(reading.session)]
