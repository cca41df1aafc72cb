"""The report of one visit for people in scope: as a page and as a PDF."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import problems
from api.routing import Acting, acts, source_of
from fieldops.customers import pii
from fieldops.customers import queries as customers
from fieldops.customers.models import Premises
from fieldops.kernel import clock, erasure
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.reports.visit_report import saying, writing
from fieldops.reports.visit_report.gathering import gather
from fieldops.reports.visit_report.saying import Named, Reader, Report
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

router = APIRouter(prefix="/v1", tags=["visits"])

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{writing.STYLE_HASH}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_BOTH: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {}, "application/pdf": {}}}
}


class Form(StrEnum):
    """What the report comes as."""

    HTML = "html"
    PDF = "pdf"


class Tongue(StrEnum):
    """The languages of reports."""

    EN = "en"
    ZH_CN = "zh-CN"

    @property
    def language(self) -> str:
        return self.value.replace("-", "_")


FormAsked = Annotated[Form, Query(alias="format", description="A page or a PDF.")]
LangAsked = Annotated[Tongue, Query(description="The language of the report.")]


@router.get(
    "/visits/{visit_id}/report",
    operation_id="visit_report",
    summary="The report of one visit, without the customer's name and phone, as page or PDF",
    response_class=Response,
    responses=problems(404, 413) | _BOTH,
)
async def visit_report(
    visit_id: UUID,
    acting: Annotated[Acting, acts(Permission.FILE_READ)],
    form: FormAsked = Form.HTML,
    lang: LangAsked = Tongue.EN,
) -> Response:
    # The transaction ends before the document is set: that may take its time.
    async with acting.database.transaction() as session:
        visit = await visits.visit(session, acting.actor.scope(Permission.FILE_READ), visit_id)
        report = await _report(session, acting.actor, visit, lang)
    return await _answer(acting, report, visit, form)


class ReportReading(BaseModel):
    """Why somebody reads a report with contact data; it goes into the register (CU-04)."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Text, Field(min_length=3, max_length=500, examples=["complaint by phone"])]


@router.post(
    "/visits/{visit_id}/report-readings",
    operation_id="visit_report_with_contact",
    summary="The report of one visit with the customer's contact data; it is registered (CU-04)",
    response_class=Response,
    responses=problems(404, 413) | _BOTH,
)
async def visit_report_with_contact(
    visit_id: UUID,
    body: ReportReading,
    request: Request,
    acting: Annotated[Acting, acts(Permission.CONTACT_READ)],
    form: FormAsked = Form.HTML,
    lang: LangAsked = Tongue.EN,
) -> Response:
    actor = acting.actor
    async with acting.database.transaction() as session:
        visit = await visits.visit(session, actor.scope(Permission.FILE_READ), visit_id)
        if visit.customer_id is None:
            raise NotFound(thing="customer")
        contact = await pii.read_contact(
            session,
            actor,
            actor.scope(Permission.CONTACT_READ),
            visit.customer_id,
            source=source_of(request, actor),
            reason=body.reason,
            now=clock.now(),
        )
        named = Named(contact.name, contact.phone)
        report = await _report(session, actor, visit, lang, named)
    return await _answer(acting, report, visit, form)


async def _report(
    session: AsyncSession, actor: Actor, visit: Visit, lang: Tongue, contact: Named | None = None
) -> Report:
    """Return what a person in scope may read: the place too, while it may be known (CU-05)."""
    erased = await erasure.erasure_of(session, visit.region_id, visit.customer_id) is not None
    premises = None if erased else await _premises(session, actor, visit)
    plant = actor.scope(Permission.NETWORK_READ) if premises is not None else None
    found = await gather(session, visit, premises=premises, plant=plant)
    return saying.said(
        found, lang.language, Reader.OFFICE, clock.now(), contact=contact, erased=erased
    )


async def _premises(session: AsyncSession, actor: Actor, visit: Visit) -> Premises | None:
    scope = actor.scope(Permission.CUSTOMER_READ)
    try:
        return await customers.premises(session, scope, visit.premises_id)
    except NotFound:  # a technician's own visit of long ago: history without the address
        return None


async def _answer(acting: Acting, report: Report, visit: Visit, form: Form) -> Response:
    shown = await writing.pictures(acting.settings, visit.region_id, report)
    if form is Form.PDF:
        pdf = await writing.paper(report, shown, acting.settings, clock.now())
        named = {"Content-Disposition": f'attachment; filename="visit-{visit.id}.pdf"'}
        return Response(pdf, headers={**PAGE_HEADERS, **named}, media_type="application/pdf")
    content = writing.page(report, shown, acting.settings, links=[])
    return Response(content, headers=PAGE_HEADERS, media_type="text/html")
