"""Customers, premises, service standards, and contact data behind its register."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, source_of, verb, writes
from fieldops.customers import commands, pii, queries
from fieldops.customers.models import Customer, Premises, ServiceStandard
from fieldops.customers.rules import Segment, Service, Task, check_tier
from fieldops.customers.schemas import (
    ContactRead,
    CustomerRead,
    FormerContactRead,
    IncomingTextRead,
    LimitRead,
    PremisesRead,
    ReadingRead,
    StandardRead,
    StopRead,
)
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import InvalidArguments
from fieldops.kernel.permissions import Permission

router = APIRouter(prefix="/v1", tags=["customers"])

Moment = Annotated[AwareDatetime | None, Query()]

verb(router, "/customers", commands.register_customer)
verb(router, "/customers/{customer_id}/tier", commands.change_tier)
verb(router, "/customers/{customer_id}/contact", commands.change_contact)
verb(router, "/customers/{customer_id}/erase", commands.erase_customer)
verb(router, "/customers/{customer_id}/stop-messages", commands.stop_messages)
verb(router, "/stops/{stop_id}/end", commands.end_stop)
verb(router, "/incoming-texts/{text_id}/seen", commands.see_text)
verb(router, "/premises", commands.register_premises)
verb(router, "/premises/{premises_id}/correct", commands.correct_premises)
verb(router, "/standards", commands.set_standard)


@router.get(
    "/customers",
    operation_id="customer_list",
    summary="List the customers in scope, without contact data",
    responses=problems(),
)
async def customers(
    reading: Annotated[Reading, reads(Permission.CUSTOMER_READ)],
    external_ref: Annotated[Text | None, Query(max_length=64)] = None,
    sort: sort_by("external_ref", "tier") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CustomerRead]:
    statement = queries.customers(reading.scope)
    if external_ref is not None:
        statement = statement.where(Customer.external_ref == external_ref)
    return await page(reading, statement, Customer.id, after, limit, CustomerRead, sort)


@router.get(
    "/customers/{customer_id}",
    operation_id="customer_get",
    summary="One customer, without contact data",
    responses=problems(404),
)
async def customer(
    customer_id: UUID, reading: Annotated[Reading, reads(Permission.CUSTOMER_READ)]
) -> CustomerRead:
    row = await queries.customer(reading.session, reading.scope, customer_id)
    return CustomerRead.model_validate(row)


class ReadContact(BaseModel):
    """Why somebody looks at contact data; it goes into the register (CU-04)."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Text, Field(min_length=3, max_length=500, examples=["call about a move"])]


@router.post(
    "/customers/{customer_id}/contact-readings",
    operation_id="customer_read_contact",
    summary="Read a customer's contact data; the reading is registered (CU-04)",
    responses=problems(404),
)
async def read_contact(
    customer_id: UUID,
    body: ReadContact,
    request: Request,
    reading: Annotated[Reading, writes(Permission.CONTACT_READ)],
) -> ContactRead:
    contact = await pii.read_contact(
        reading.session,
        reading.actor,
        reading.scope,
        customer_id,
        source=source_of(request, reading.actor),
        reason=body.reason,
        now=reading.now,
    )
    return ContactRead.model_validate(contact)


@router.post(
    "/customers/{customer_id}/contact-history-readings",
    operation_id="customer_read_contact_history",
    summary="Read a customer's former contact data; the reading is registered (CU-04, CU-06)",
    responses=problems(404),
)
async def read_contact_history(
    customer_id: UUID,
    body: ReadContact,
    request: Request,
    reading: Annotated[Reading, writes(Permission.CONTACT_WRITE)],
) -> list[FormerContactRead]:
    await pii.read_contact(
        reading.session,
        reading.actor,
        reading.scope,
        customer_id,
        source=source_of(request, reading.actor),
        reason=body.reason,
        now=reading.now,
    )
    rows = await pii.former_contacts(reading.session, reading.scope.region_id, customer_id)
    return [FormerContactRead.model_validate(row) for row in rows]


@router.get(
    "/contact-readings",
    operation_id="contact_reading_list",
    summary="Search the register of who read contact data (CU-04)",
    responses=problems(),
)
async def contact_readings(
    reading: Annotated[Reading, reads(Permission.REGISTER_READ)],
    customer_id: UUID | None = None,
    reader_id: UUID | None = None,
    since: Moment = None,
    before: Moment = None,
    sort: sort_by("at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ReadingRead]:
    _in_order(since, before)
    statement = pii.readings(
        reading.scope,
        customer_id=customer_id,
        reader_id=reader_id,
        since=since,
        before=before,
    )
    return await page(reading, statement, pii.ContactReading.id, after, limit, ReadingRead, sort)


def _in_order(since: datetime | None, before: datetime | None) -> None:
    if since is not None and before is not None and before <= since:
        message = "before must be later than since"
        raise InvalidArguments(
            errors=[{"field": "before", "rule": "greater_than", "message": message}]
        )


@router.get(
    "/premises",
    operation_id="premises_list",
    summary="List the premises in scope, at an address if asked (CU-03)",
    responses=problems(),
)
async def premises_list(
    reading: Annotated[Reading, reads(Permission.CUSTOMER_READ)],
    street: Annotated[Text | None, Query(max_length=120)] = None,
    house_number: Annotated[Text | None, Query(max_length=20)] = None,
    sort: sort_by("street", "postcode", "external_ref") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[PremisesRead]:
    statement = queries.all_premises(reading.scope, street=street, house_number=house_number)
    return await page(reading, statement, Premises.id, after, limit, PremisesRead, sort)


@router.get(
    "/premises/{premises_id}",
    operation_id="premises_get",
    summary="One premises with its address and point (CU-03)",
    responses=problems(404),
)
async def premises(
    premises_id: UUID, reading: Annotated[Reading, reads(Permission.CUSTOMER_READ)]
) -> PremisesRead:
    row = await queries.premises(reading.session, reading.scope, premises_id)
    return PremisesRead.model_validate(row)


@router.get(
    "/standards",
    operation_id="standard_list",
    summary="List the service standards: the common rows and the region's own (CU-02)",
    responses=problems(),
)
async def standards(
    reading: Annotated[Reading, reads(Permission.RULE_READ)],
    only: Annotated[
        Narrowing, narrow_by(ServiceStandard, "tier", segment=Segment, service=Service, task=Task)
    ],
    sort: sort_by("task", "tier", "minutes") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[StandardRead]:
    statement = queries.standard_rows(reading.scope.region_id)
    return await page(
        reading, only(statement), ServiceStandard.id, after, limit, StandardRead, sort
    )


@router.get(
    "/standards/limit",
    operation_id="standard_limit",
    summary="The limit that holds for a customer's service and task (CU-02)",
    responses=problems(404),
)
async def limit_of(
    reading: Annotated[Reading, reads(Permission.RULE_READ)],
    segment: Segment,
    tier: Annotated[Text, Query(min_length=1, max_length=16)],
    task: Task,
    service: Service | None = None,
) -> LimitRead:
    check_tier(segment, tier)
    found = await queries.standard(
        reading.session, segment, tier, service, task, region_id=reading.scope.region_id
    )
    return LimitRead(minutes=found.minutes, upper_minutes=found.upper_minutes)


@router.get(
    "/stops",
    operation_id="stop_list",
    summary="List who wants no messages by machine.",
    responses=problems(),
)
async def stops(
    reading: Annotated[Reading, reads(Permission.CONTACT_READ)],
    only: Annotated[Narrowing, narrow_by(pii.Stop, "centre_id", "source", "since")],
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    sort: sort_by("since") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[StopRead]:
    statement = pii.stops(reading.scope, customer_id=customer_id)
    return await page(reading, only(statement), pii.Stop.id, after, limit, StopRead, sort)


@router.get(
    "/incoming-texts",
    operation_id="incoming_text_list",
    summary="List the text messages that came in; by default those nobody dealt with.",
    responses=problems(),
)
async def incoming_texts(
    reading: Annotated[Reading, reads(Permission.CONTACT_READ)],
    only: Annotated[
        Narrowing,
        narrow_by(pii.IncomingText, "customer_id", "centre_id", "visit_id", "received_at"),
    ],
    seen: Annotated[bool, Query(description="Those dealt with instead.")] = False,  # noqa: FBT002 - a query parameter
    sort: sort_by("received_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[IncomingTextRead]:
    done = pii.IncomingText.seen_at
    statement = pii.incoming(reading.scope).where(done.is_not(None) if seen else done.is_(None))
    return await page(
        reading, only(statement), pii.IncomingText.id, after, limit, IncomingTextRead, sort
    )
