"""The report of a visit behind a customer's link: what was done, tested and signed, to read.

The token in the address is the permission; it opens this one report and nothing else, and is
counted like the other links of customers. After an erasure there is nothing left to show (CU-07).
"""

from fastapi import APIRouter, Request, Response

from api.page import Lang, Link, PageRoute, rendering
from api.visit_reports import PAGE_HEADERS, Form, FormAsked
from fieldops.appointments import links
from fieldops.appointments.errors import LinkExpired, LinkInvalid
from fieldops.appointments.links import Purpose
from fieldops.customers.models import Premises
from fieldops.kernel import erasure
from fieldops.notifications import queries
from fieldops.reports.visit_report import saying, writing
from fieldops.reports.visit_report.gathering import gather, locale_of, visit_of_link
from fieldops.reports.visit_report.saying import Reader

PDF_COUNTS_AS = 5
"""So many requests of its link: a PDF is more work than a page."""
GONE = 410

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/r/{token}", operation_id="customer_visit_report")
async def customer_visit_report(
    request: Request, token: str, opened: Link, form: FormAsked = Form.HTML, lang: Lang = ""
) -> Response:
    """Show a customer the report of a visit; raises TooMany, LinkInvalid, LinkExpired."""
    rates, settings = request.app.state.rates, opened.settings
    rates.of_address(request)
    secret = settings.secret.get_secret_value()
    link = links.read(secret, token, Purpose.VISIT_REPORT, opened.now)
    for _ in range(PDF_COUNTS_AS if form is Form.PDF else 1):
        rates.of_link(token)
    async with opened.database.transaction() as session:
        visit = await visit_of_link(session, link.region_id, link.subject_id)
        if visit is None:
            raise LinkInvalid
        newest = await queries.newest_report(session, visit.region_id, visit.id)
        if newest is not None and link.window_start < newest.replace(second=0, microsecond=0):
            raise LinkExpired  # it was sent again, and the former may have gone astray
        known = await locale_of(session, visit)
        language = rendering.asked_for(
            lang, request.headers.get("accept-language", ""), known=known
        )
        if await erasure.erasure_of(session, visit.region_id, visit.customer_id) is not None:
            gone = writing.gone(language, settings)
            return Response(gone, GONE, headers=PAGE_HEADERS, media_type="text/html")
        premises = await session.get(Premises, (visit.region_id, visit.premises_id))
        found = await gather(session, visit, premises=premises)
    report = saying.said(found, language, Reader.CUSTOMER, opened.now)
    shown = await writing.pictures(settings, visit.region_id, report)
    if form is Form.PDF:
        pdf = await writing.paper(report, shown, settings, opened.now)
        named = {"Content-Disposition": 'attachment; filename="visit.pdf"'}
        return Response(pdf, headers={**PAGE_HEADERS, **named}, media_type="application/pdf")
    content = writing.page(report, shown, settings, links=_ways(language))
    return Response(content, headers=PAGE_HEADERS, media_type="text/html")


def _ways(language: str) -> list[dict[str, str]]:
    """Return the links of the page: on paper, and in the other language; none holds the token."""
    tag = rendering.TAGS[language]
    others = [known for known in rendering.TAGS if known != language]
    return [
        {"href": f"?format=pdf&lang={tag}", "text": saying.texts(language)["pdf"], "tag": ""},
        *(
            {
                "href": f"?lang={rendering.TAGS[other]}",
                "text": rendering.texts(other)["name"],
                "tag": rendering.TAGS[other],
            }
            for other in others
        ),
    ]
