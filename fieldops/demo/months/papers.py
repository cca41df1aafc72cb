"""What past visits left on paper: lists answered item by item, photos, signatures."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from fieldops.checklists.models import Answer, Checklist
from fieldops.checklists.rules import Body, Item, ItemType
from fieldops.demo.city import city_id
from fieldops.demo.months.pictures import Picture, photo, signature
from fieldops.demo.months.rows import Book, Done, work_key
from fieldops.files.models import File, FileLink
from fieldops.health.rules import Reading
from fieldops.quality.models import PhotoPrint
from fieldops.quality.prints import print_of
from fieldops.quality.rules import Check
from fieldops.visits.models import Visit

SAID_NO, REUSED, OPTIONAL = 0.02, 0.004, 0.6
TEXTS = {
    "remedy": (
        "Joint made anew in the box.",
        "Plug replaced and line tested.",
        "Moved to another pair.",
        "Modem set up again.",
        "Outlet replaced; the old one was damp.",
    ),
    "client_version": ("4.2.1",),
    "free_materials_kind": ("cable", "filter"),
}
Templates = Mapping[tuple[str, str | None], tuple[UUID, Body]]


class Papers:
    """Fills lists and takes pictures; `pictures` are those to be put into the store."""

    def __init__(self, book: Book, templates: Templates, dice: random.Random) -> None:
        self._book, self._templates, self._dice = book, templates, dice
        self._last_photo: dict[str, Picture] = {}
        self.pictures: dict[str, Picture] = {}

    def fill(self, done: Done, reading: Reading) -> None:
        """Answer the list of one work order, in the order of its items and as they ask."""
        kind = done.trip.kind.value
        found = self._templates.get((kind, done.line.service)) or self._templates.get((kind, None))
        if found is None:
            return
        version_id, body = found
        key = f"{done.key}/{done.line.service}/list"
        self._book.add(
            Checklist,
            key,
            created_at=done.going.booked_at,
            updated_at=done.going.ended_at,
            visit_id=city_id(done.key),
            work_order_id=city_id(work_key(done.trip, done.line)),
            template_version_id=version_id,
            centre_id=done.centre_id,
            state="complete",
        )
        given: dict[str, Any] = {}
        for position, item in enumerate(body.items, start=1):
            when = item.when
            if when is not None and (when.item not in given or not when.holds(given[when.item])):
                continue
            if item.mandatory or self._dice.random() < OPTIONAL:
                given[item.key] = self._value(done, key, item, reading)
                share = position / len(body.items)
                self._answer(done, key, item, given[item.key], share)

    def sign(self, done: Done) -> None:
        """Let the customer sign, unless they would not."""
        visit = self._book.rows[Visit][done.key]
        if visit["signature_refused_reason"] is None:
            visit["signature_sha256"] = self._take(done, done.key, None, "signature")

    def _answer(self, done: Done, key: str, item: Item, value: Any, share: float) -> None:
        self._book.add(
            Answer,
            f"{key}/{item.key}",
            checklist_id=city_id(key),
            visit_id=city_id(done.key),
            centre_id=done.centre_id,
            item_key=item.key,
            value=Jsonb(value),
            note="Not possible today; the customer was told." if value is False else None,
            photos=[self._take(done, key, item.key, "photo")] if item.photo_needed else [],
            technician_id=done.technician_id,
            person_id=done.technician_id,
            device_id=None,
            by_other_technician=False,
            superseded=False,
            **done.moment(share),
        )

    def _value(self, done: Done, key: str, item: Item, reading: Reading) -> Any:
        """Return an answer that the item takes."""
        dice = self._dice
        value: Any = dice.choice(TEXTS.get(item.key, ("Done as asked.",)))
        if item.type is ItemType.YES_NO:
            value = not (item.remark_on_no and dice.random() < SAID_NO)
        elif item.type is ItemType.CHOICE:
            value = dice.choice(item.choices).value
        elif item.type in (ItemType.NUMBER, ItemType.MEASUREMENT):
            value = self._number(item, reading)
        elif item.type is ItemType.PHOTO:
            value = [self._take(done, key, item.key, "photo")]
        elif item.type is ItemType.SIGNATURE:
            value = self._take(done, key, item.key, "signature")
        elif item.type is ItemType.SCAN:
            value = f"DT{dice.randrange(10**8):08d}"
        elif item.type is ItemType.LOCATION:
            value = {"type": "Point", "coordinates": list(done.home.point)}
        return value

    def _number(self, item: Item, reading: Reading) -> float:
        measured = {"speed_down": reading.down_mbps, "speed_up": reading.up_mbps}.get(item.key)
        if measured is not None:
            return measured
        least, most = max(1, int(item.least or 0)), int(item.most or 3)
        return float(self._dice.randint(least, max(least, min(3, most))))

    def _take(self, done: Done, subject: str, item: str | None, purpose: str) -> str:
        """Take a picture and link it to a list's item, or to the visit; return its sha256.

        Now and then somebody takes the last one again.
        """
        who, dice = done.going.technician.key, self._dice
        again = False
        if purpose == "signature":
            taken = signature(dice)
        elif who in self._last_photo and dice.random() < REUSED:
            again = True
            taken = self._last_photo[who]
        else:
            taken = self._last_photo[who] = photo(dice)
        moment = done.moment(0.9)
        if again:
            self._book.wrong.add((Check.PHOTO_REUSED, city_id(f"{subject}/{item}/{purpose}")))
        if taken.sha256 not in self.pictures:
            self.pictures[taken.sha256] = taken
            self._keep(taken, moment["created_at"], purpose)
        self._book.add(
            FileLink,
            f"{subject}/{item}/{purpose}",
            created_at=moment["created_at"],
            centre_id=done.centre_id,
            sha256=taken.sha256,
            bytes=len(taken.content),
            mime=taken.mime,
            purpose=purpose,
            subject_type="checklist" if item else "visit",
            subject_id=city_id(subject),
            item_key=item,
            visit_id=city_id(done.key),
            technician_id=done.technician_id,
            captured_at=moment["captured_at"],
            arrived=True,
        )
        return taken.sha256

    def _keep(self, taken: Picture, at: datetime, purpose: str) -> None:
        self._book.add(
            File,
            f"file/{taken.sha256}",
            created_at=at,
            sha256=taken.sha256,
            bytes=len(taken.content),
            mime=taken.mime,
            stored_at=at,
        )
        if purpose != "photo":
            return
        made = print_of(taken.content)
        a, b, c, d = made.bands or (None, None, None, None)
        self._book.add(
            PhotoPrint,
            f"print/{taken.sha256}",
            created_at=at,
            sha256=taken.sha256,
            state=made.state.value,
            band_a=a,
            band_b=b,
            band_c=c,
            band_d=d,
            made_at=at,
        )


def templates_by_use(
    rows: Sequence[tuple[str, str | None, UUID, Mapping[str, Any]]],
) -> Templates:
    """Return the newest versions by what they are for: (kind, service, version id, body) rows."""
    return {
        (kind, service): (version_id, Body.model_validate(body))
        for kind, service, version_id, body in rows
    }
