"""The customer's page: what the link of a message opens, as plain HTML without scripts.

One address for each link. It is read with GET (`view` names a part), and changed with POST,
which answers a success with a redirect to the receipt: reloading sends nothing twice. The token
in the address is the permission; no cookie exists that a foreign page could ride on, and a POST
that a browser says comes from elsewhere is not taken.
"""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api import problems
from api.by_link import BY_LINK, Asked, read, windows
from api.page import calendar_file, rendering
from api.page.rendering import HEADERS, When, clock_time, moment, page, texts, view
from api.routing import Open, public, settings_of
from fieldops.appointments import queries, situations
from fieldops.appointments.errors import (
    AppointmentClosed,
    LinkedVisits,
    SlotTaken,
    TooLateByLink,
    WindowMoved,
)
from fieldops.appointments.links import Purpose
from fieldops.appointments.models import Reconfirmation
from fieldops.appointments.queries import Linked
from fieldops.appointments.situations import Action, Situation
from fieldops.kernel.errors import InvalidRequest, TooLarge
from fieldops.notifications.wording import work_named

MOST_FORM_BYTES = 8192
LONGEST_NOTE = 500
MOST_DAYS = 7
MOST_A_DAY = 6
COMING = {
    Situation.WAITING,
    Situation.CONFIRMED,
    Situation.CHANGE_WANTED,
    Situation.EN_ROUTE,
    Situation.OPENED,
    Situation.ON_SITE,
}
DATED = COMING | {Situation.MOVED, Situation.CANCELLED, Situation.DONE}

_REFUSED = {404: "invalid", 410: "expired", 429: "too_many"}
_FAULT = 500


class PageRoute(APIRoute):
    """A route whose refusals are pages for people, whatever went wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except ClientDisconnect:
                raise
            except Exception as exc:  # noqa: BLE001 - the table of api/problems.py knows them all
                return await refused(request, exc)

        return handle


async def refused(request: Request, exc: Exception) -> Response:
    """Return the page for what went wrong, with the status that the JSON would have."""
    answer = await problems.respond(request, exc)
    status = answer.status_code
    why = _REFUSED.get(status, "away" if status >= _FAULT else "not_taken")
    language = rendering.asked_for(
        request.query_params.get("lang", ""), request.headers.get("accept-language", "")
    )
    kept = {"Retry-After": answer.headers["Retry-After"]} if "retry-after" in answer.headers else {}
    return page(
        "refused.html", settings_of(request), language, status=status, headers=kept, why=why
    )


router = APIRouter(route_class=PageRoute, include_in_schema=False)
Link = Annotated[Open, public(BY_LINK)]
View = Annotated[str, Query(alias="view")]
Lang = Annotated[str, Query(alias="lang")]


@router.get("/a/{token}", operation_id="customer_page")
async def customer_page(
    request: Request, token: str, opened: Link, wanted: View = "", lang: Lang = ""
) -> Response:
    asked = read(request, opened, token, Purpose.ANSWER)
    return await _Page(request, asked, lang).shown(wanted)


@router.post("/a/{token}", operation_id="customer_page_answer")
async def customer_page_answer(request: Request, token: str, opened: Link) -> Response:
    asked = read(request, opened, token, Purpose.ANSWER)
    from_our_page(request)
    form = await form_of(request)
    return await _Page(request, asked, form.get("lang", "")).taken(form)


@router.get("/c/{token}.ics", operation_id="customer_calendar")
async def customer_calendar(
    request: Request, token: str, opened: Link, lang: Lang = ""
) -> Response:
    asked = read(request, opened, token, Purpose.CALENDAR)
    async with asked.database.transaction() as session:
        found = await asked.linked(session)
    language = rendering.asked_for(lang, "", known=found.locale)
    present = found.situation(asked.now)
    return Response(
        calendar_file.written(found, present, asked.settings, language),
        headers={**HEADERS, "Content-Disposition": 'attachment; filename="visit.ics"'},
        media_type=f"text/calendar; charset=utf-8; method={calendar_file.method(present)}",
    )


def from_our_page(request: Request) -> None:
    """Refuse a form that another site has sent; the token alone would have to be known to it.

    A page without a referrer sends `Origin: null`, so newer browsers are asked by
    Sec-Fetch-Site, which no page can set.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise InvalidRequest(reason="the form came from another site")
        return
    origin = request.headers.get("origin", "null")
    if origin != "null" and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise InvalidRequest(reason="the form came from another site")


async def form_of(request: Request) -> dict[str, str]:
    """Return a form's fields, the first of each name; raises TooLarge, InvalidRequest."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise TooLarge(limit=f"{MOST_FORM_BYTES} bytes")
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, errors="strict")
    except ValueError:
        raise InvalidRequest(reason="the form is not well formed") from None
    return {name: values[0] for name, values in fields.items() if "\x00" not in values[0]}


class _Page:
    """One request of a customer: what was found behind the link, and how it is shown."""

    def __init__(self, request: Request, asked: Asked, lang: str) -> None:
        self.request = request
        self.asked = asked
        self.lang = lang

    async def shown(self, wanted: str) -> Response:
        """Return the part of the page that is asked for, or where it leads now."""
        if wanted == "windows":
            return await self.windows()
        if wanted == "receipt":
            return await self.receipt()
        found, present, calendar, onward = await self._found()
        if wanted == "cancel" and Action.CANCEL in situations.actions(present):
            return self._page(
                found,
                "cancel.html",
                at_view="cancel",
                situation=present.value,
                at=self._when(found),
            )
        return self._appointment(found, present, calendar, onward)

    async def taken(self, form: dict[str, str]) -> Response:
        """Do what a form asks, and lead to the receipt; a refusal is shown with how it stands."""
        note = form.get("note", "").strip() or None
        do = form.get("do")
        if note is not None and len(note) > LONGEST_NOTE:
            raise InvalidRequest(reason="the note is too long")
        try:
            if do == "move":
                chosen = _window(form.get("window", ""))
                if chosen is None:
                    return await self.windows("choose", status=422)
                start, end = (at.isoformat() for at in chosen)
                await self.asked.run(
                    "appointment.move_by_link", new_start=start, new_end=end, note=note
                )
            elif do in _ANSWERS:
                answer = _ANSWERS[do]
                await self.asked.run("appointment.answer_by_link", answer=answer, note=note)
            else:
                raise InvalidRequest(reason="the form asks for nothing")
        except (SlotTaken, LinkedVisits):
            return await self.windows("taken", status=409)
        except (WindowMoved, AppointmentClosed, TooLateByLink):
            found, present, calendar, onward = await self._found()
            return self._appointment(found, present, calendar, onward, status=409)
        return await self._to_receipt()

    async def _to_receipt(self) -> Response:
        """Redirect to the receipt, by the link of the window as it is now."""
        async with self.asked.database.transaction() as session:
            found = await self.asked.linked(session)
            token = await self.asked.token(session, found, Purpose.ANSWER)
        return RedirectResponse(f"/a/{token}{view('receipt', self.lang)}", 303, headers={**HEADERS})

    async def _found(self) -> tuple[Linked, Situation, str, str]:
        """Return what is behind the link, how it stands, its calendar file, and where it leads."""
        async with self.asked.database.transaction() as session:
            found = await self.asked.linked(session)
            calendar = await self.asked.token(session, found, Purpose.CALENDAR)
            onward = await self.asked.token(session, found, Purpose.ANSWER)
        present = found.situation(self.asked.now)
        shown = present in COMING
        tag = rendering.TAGS[self._language(found)]
        return (
            found,
            present,
            f"/c/{calendar}.ics?lang={tag}" if shown else "",
            f"/a/{onward}{view('', self.lang)}" if present is Situation.MOVED else "",
        )

    def _appointment(
        self, found: Linked, present: Situation, calendar: str, onward: str, *, status: int = 200
    ) -> Response:
        language = self._language(found)
        return self._page(
            found,
            "appointment.html",
            status=status,
            situation=present.value,
            actions=[action.value for action in situations.actions(present)],
            at=self._when(found) if present in DATED else None,
            work=work_named(found.kinds, language) if present in COMING else "",
            who=self._who(found) if present in COMING else None,
            coming=present in COMING,
            notice=texts(language)["refused"]["not_taken"]["title"] if status != 200 else "",  # noqa: PLR2004 - OK
            calendar=calendar,
            onward=onward,
        )

    def _who(self, found: Linked) -> dict[str, str] | None:
        if found.technician_name is None:
            return None
        expected = found.visit.expected_arrival
        return {
            "name": found.technician_name,
            "certificate": found.certificate_number or "",
            "expected": clock_time(expected, found.zone, self._language(found)) if expected else "",
        }

    async def windows(self, notice: str = "", *, status: int = 200) -> Response:
        """Return the free windows by day, with what went wrong before, if anything did."""
        async with self.asked.database.transaction() as session:
            found = await self.asked.linked(session)
            choice = await windows(session, self.asked, found)
        present = found.situation(self.asked.now)
        if Action.MOVE not in situations.actions(present):
            return self._appointment(*await self._found(), status=status)
        language = self._language(found)
        days = [
            {
                "date": When.of(day[0].start, day[0].end, found.zone, language).date,
                "slots": [
                    {
                        "value": _value(offer),
                        "start": clock_time(offer.start, found.zone, language),
                        "end": clock_time(offer.end, found.zone, language),
                    }
                    for offer in day
                ],
            }
            for day in spread(choice.offers, found)
        ]
        return self._page(
            found,
            "windows.html",
            status=status,
            at_view="windows",
            at=self._when(found),
            days=days,
            linked=choice.linked,
            emergency=_told(choice, language),
            notice=texts(language)[notice] if notice and not choice.linked else "",
        )

    async def receipt(self) -> Response:
        """Return what the customer did last by the link, from the history (AP-02)."""
        async with self.asked.database.transaction() as session:
            found = await self.asked.linked(session)
            said = await queries.last_word(
                session, found.appointment.region_id, found.appointment.id
            )
            calendar = await self.asked.token(session, found, Purpose.CALENDAR)
        if said is None:
            return self._appointment(*await self._found())
        language, present = self._language(found), found.situation(self.asked.now)
        did = _did(said, found)
        length = found.appointment.window_end - found.appointment.window_start
        was = When.of(said.window_start, said.window_start + length, found.zone, language)
        return self._page(
            found,
            "receipt.html",
            at_view="receipt",
            did=did,
            said_at=moment(said.answered_at, found.zone, language),
            was=was if did in {"moved", "cancelled"} else None,
            at=self._when(found) if present in COMING else None,
            calendar=f"/c/{calendar}.ics?lang={rendering.TAGS[language]}"
            if present in COMING
            else "",
        )

    def _when(self, found: Linked) -> When:
        appointment = found.appointment
        return When.of(
            appointment.window_start, appointment.window_end, found.zone, self._language(found)
        )

    def _language(self, found: Linked) -> str:
        accepted = self.request.headers.get("accept-language", "")
        return rendering.asked_for(self.lang, accepted, known=found.locale)

    def _page(self, found: Linked, template: str, **values: Any) -> Response:
        return page(template, self.asked.settings, self._language(found), **values)


_ANSWERS = {"confirm": "confirmed", "wish": "change_wanted", "cancel": "cancelled"}


def _did(said: Reconfirmation, found: Linked) -> str:
    """Return what the last word came to: a change that has been made is a move."""
    made = said.answer == "change_wanted" and said.window_start != found.appointment.window_start
    return "moved" if made else said.answer


def _told(choice: queries.Choice, language: str) -> str:
    """Return what an emergency plan tells the customer about the windows (EM-01)."""
    if choice.plan is None:
        return ""
    return choice.plan.text_zh if language == "zh_CN" else choice.plan.text_en


def spread(free: list[queries.Offer], found: Linked) -> list[list[queries.Offer]]:
    """Return windows for a small screen: a few days, and of each the first that do not overlap."""
    by_day = groupby(free, key=lambda offer: offer.start.astimezone(found.zone).date())
    days: list[list[queries.Offer]] = []
    for _, offers in by_day:
        day: list[queries.Offer] = []
        for offer in offers:
            if len(day) < MOST_A_DAY and (not day or offer.start >= day[-1].end):
                day.append(offer)
        days.append(day)
    return days[:MOST_DAYS]


def _value(offer: queries.Offer) -> str:
    """Return a window as a form carries it: its start and its length in minutes."""
    length = (offer.end - offer.start) // timedelta(minutes=1)
    return f"{int(offer.start.timestamp()) // 60}-{length}"


_VALUE = re.compile(r"([0-9]{1,8})-([0-9]{1,4})")  # both short enough to be a time of this world


def _window(value: str) -> tuple[datetime, datetime] | None:
    """Return the window a form chose, None when it chose none."""
    said = _VALUE.fullmatch(value)
    if said is None:
        return None
    start, length = map(int, said.groups())
    opens = datetime.fromtimestamp(start * 60, UTC)
    return opens, opens + timedelta(minutes=length)
