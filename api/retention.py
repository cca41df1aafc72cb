"""The three-colour list and the tasks of relationship repair (CU-08)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.customers import queries as customers
from fieldops.kernel.permissions import Permission
from fieldops.retention import commands, queries, rules
from fieldops.retention.models import RepairTask
from fieldops.retention.rules import Colour, Sign
from fieldops.retention.schemas import ColouredCustomer, CustomerColour, RepairTaskRead, SignRead

router = APIRouter(prefix="/v1", tags=["retention"])

READ = Permission.RETENTION_READ

verb(router, "/customers/{customer_id}/repair-tasks", commands.open_task)
verb(router, "/repair-tasks/{repair_task_id}/take", commands.take)
verb(router, "/repair-tasks/{repair_task_id}/close", commands.close)


@router.get(
    "/coloured-customers",
    operation_id="coloured_customer_list",
    summary="The red and yellow customers with what happened to them; all others are green.",
    responses=problems(),
)
async def coloured_customers(
    reading: Annotated[Reading, reads(READ)],
    colour: Annotated[Colour | None, Query(description="Only red, or only yellow.")] = None,
    sign: Annotated[Sign | None, Query(description="Only those to whom this happened.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    tasked: Annotated[bool | None, Query(description="With an open task, or without.")] = None,
    sort: sort_by("last_at", "times", "tier", "due_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ColouredCustomer]:
    statement = await queries.coloured(
        reading.session,
        reading.scope,
        reading.now,
        colour=colour,
        sign=sign,
        centre_id=centre_id,
        tasked=tasked,
    )
    key = statement.selected_columns.id
    return await page(reading, statement, key, after, limit, ColouredCustomer, sort, columns=True)


@router.get(
    "/customers/{customer_id}/colour",
    operation_id="customer_colour",
    summary="How it stands between one customer and us, with the records that say so.",
    responses=problems(404),
)
async def customer_colour(
    customer_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> CustomerColour:
    found = await customers.customer(reading.session, reading.scope, customer_id)
    signs = await queries.signs_of(reading.session, reading.scope.region_id, found.id, reading.now)
    return CustomerColour(
        customer_id=found.id,
        colour=rules.colour(row.sign for row in signs),
        signs=[SignRead.model_validate(row) for row in signs],
    )


@router.get(
    "/repair-tasks",
    operation_id="repair_task_list",
    summary="Tasks of relationship repair, the open ones if not asked otherwise.",
    responses=problems(),
)
async def repair_tasks(
    reading: Annotated[Reading, reads(READ)],
    closed: Annotated[bool, Query(description="Closed ones too.")] = False,  # noqa: FBT002 - a query
    mine: Annotated[bool, Query(description="Only your own.")] = False,  # noqa: FBT002 - a query
    overdue: Annotated[bool, Query(description="Only those past their due time.")] = False,  # noqa: FBT002 - a query
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    colour: Annotated[
        Colour | None, Query(description="Only those opened for red, or for yellow.")
    ] = None,
    sort: sort_by("due_at", "opened_at", "closed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[RepairTaskRead]:
    statement = queries.tasks(
        reading.scope,
        open_only=not closed,
        owner_id=reading.actor.id if mine else None,
        customer_id=customer_id,
        colour=colour,
        due_before=reading.now if overdue else None,
    )
    return await page(reading, statement, RepairTask.id, after, limit, RepairTaskRead, sort)
