"""The page that asks a customer how it went (FO-02): a signed link, three answers, no scripts.

Like the appointment's page: the token is the permission, a POST is answered with a redirect, and
nothing of the customer is shown but what the work was and when it ended.
"""

from typing import Annotated, Any

from babel.dates import format_date
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.by_link import Asked, read
from api.page import PageRoute, form_of, from_our_page, rendering
from api.page.rendering import HEADERS, page, texts, view
from api.routing import Open, public
from fieldops.appointments.errors import LinkInvalid
from fieldops.appointments.links import Purpose
from fieldops.followups import queries, rules
from fieldops.followups.errors import AlreadyAsked, ReasonMissing, ReasonUnknown, WordsMissing
from fieldops.followups.queries import Linked
from fieldops.followups.rules import Satisfaction
from fieldops.kernel import actor, ledger
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.ids import new_id

BY_LINK = "the customer's signed link is the permission; it names one follow-up and expires"
LONGEST_WORDS = 1000

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Link = Annotated[Open, public(BY_LINK)]


@router.get("/f/{token}", operation_id="follow_up_page")
async def follow_up_page(
    request: Request,
    token: str,
    opened: Link,
    wanted: Annotated[str, Query(alias="view")] = "",
    lang: Annotated[str, Query(alias="lang")] = "",
) -> Response:
    asked = read(request, opened, token, Purpose.FOLLOW_UP)
    return _shown(request, asked, await _found(asked), lang, wanted)


@router.post("/f/{token}", operation_id="follow_up_page_answer")
async def follow_up_page_answer(request: Request, token: str, opened: Link) -> Response:
    asked = read(request, opened, token, Purpose.FOLLOW_UP)
    from_our_page(request)
    form = await form_of(request)
    lang, said = form.get("lang", ""), form.get("said", "")
    words = form.get("words", "").strip()
    if said not in set(Satisfaction) or len(words) > LONGEST_WORDS:
        raise InvalidRequest(reason="the form asks for nothing")
    reason = form.get("reason", "") if said == Satisfaction.DISSATISFIED else ""
    try:
        await _answer(asked, said, reason, words)
    except (ReasonMissing, ReasonUnknown):
        return _why(request, asked, await _found(asked), lang, words=words, wrong="reason")
    except WordsMissing:
        return _why(request, asked, await _found(asked), lang, chosen=reason, wrong="words")
    except AlreadyAsked:
        return _shown(request, asked, await _found(asked), lang, "", status=409)
    return RedirectResponse(f"/f/{token}{view('', lang)}", 303, headers={**HEADERS})


async def _answer(asked: Asked, said: str, reason: str, words: str) -> None:
    """Take what a customer chose; raises ReasonMissing and what the command refuses."""
    if said == Satisfaction.DISSATISFIED and not reason:
        raise ReasonMissing
    args: dict[str, Any] = {
        "follow_up_id": str(asked.link.subject_id),
        "satisfaction": said,
        "channel": "link",
        **({"reason": reason} if reason else {}),
        **({"words": words} if words else {}),
    }
    envelope = Envelope(new_id(), "follow_up.answer_automatic", args)
    async with asked.database.transaction() as session:
        await ledger.once(session, actor.system(asked.link.region_id), envelope, asked.now)


async def _found(asked: Asked) -> Linked:
    async with asked.database.transaction() as session:
        found = await queries.linked(session, asked.link.region_id, asked.link.subject_id)
    if found is None:
        raise LinkInvalid
    return found


def _shown(
    request: Request,
    asked: Asked,
    found: Linked,
    lang: str,
    wanted: str,
    *,
    status: int = 200,
) -> Response:
    """Return the question, what was wrong, or thanks once there is an answer."""
    language = _language(request, found, lang)
    said = found.row.satisfaction
    if said is not None:
        told = texts(language)["follow_up"]
        return page(
            "thanks.html",
            asked.settings,
            language,
            status=status,
            answer=told[said],
            care=said == Satisfaction.DISSATISFIED,
            notice=told["other"] if status != 200 else "",  # noqa: PLR2004 - OK
        )
    if wanted == "why":
        return _why(request, asked, found, lang)
    ended = found.row.finished_at.astimezone(found.zone).date()
    name = rules.names()[found.row.matter]
    return page(
        "follow_up.html",
        asked.settings,
        language,
        matter=name[_key(language)],
        finished=format_date(ended, "full", locale=language),
        why=view("why", rendering.TAGS[language]),
    )


def _why(
    request: Request,
    asked: Asked,
    found: Linked,
    lang: str,
    *,
    chosen: str = "",
    words: str = "",
    wrong: str = "",
) -> Response:
    """Return the reasons to choose from; `wrong` is the field that is missing (FO-03)."""
    language = _language(request, found, lang)
    return page(
        "why.html",
        asked.settings,
        language,
        status=422 if wrong else 200,
        at_view="why",
        reasons=[
            {"code": code, "text": names[_key(language)]} for code, names in rules.reasons().items()
        ],
        chosen=chosen,
        words=words,
        wrong=wrong,
        notice=texts(language)["follow_up"]["missing"][wrong] if wrong else "",
    )


def _key(language: str) -> str:
    """Return under which key the data has a language."""
    return "zh_cn" if language == "zh_CN" else "en"


def _language(request: Request, found: Linked, lang: str) -> str:
    accepted = request.headers.get("accept-language", "")
    return rendering.asked_for(lang, accepted, known=found.locale)
