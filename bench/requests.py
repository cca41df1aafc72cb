"""The requests that are measured, and the devices that make them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from api import tokens
from bench import shape
from bench.client import Answer, Call
from bench.shape import Kind, Size
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings

COMMANDS = 20
Command = tuple[str, dict[str, Any]]  # name and arguments
PULL = {"limit": {"rows": 2000, "bytes": 1024 * 1024}}


def bearer(settings: Settings, person_id: UUID, device_id: UUID | None = None) -> dict[str, str]:
    """Return the Authorization header of one of the benchmark's people."""
    claims = tokens.Claims(person_id, shape.REGION, device_id, new_id())
    return {"authorization": f"Bearer {tokens.make_access(settings, claims)[0]}"}


def board(settings: Settings, centre: int) -> Call:
    """A dispatcher looks at the day of the centre."""
    query = urlencode({"centre_id": shape.centre(centre)})
    return Call("GET", f"/v1/board?{query}", bearer(settings, shape.dispatcher(centre)))


def kept_appointments(settings: Settings, days: int) -> Call:
    """A supervisor looks at the region's kept appointments of past days, day by day (KP-01)."""
    today = datetime.now(UTC).date()
    asked = {"from": today - timedelta(days=days), "to": today, "by": "day"}
    path = f"/v1/indicators/kept-appointments?{urlencode(asked)}"
    return Call("GET", path, bearer(settings, shape.supervisor()))


def slots(settings: Settings, number: int) -> Call:
    """A dispatcher asks for the free windows of a visit that waits for an appointment."""
    centres = shape.TECHNICIANS // shape.PER_CENTRE
    count = centres * shape.PLANNED_PER_CENTRE
    visit = shape.id_of(Kind.VISIT, shape.PLANNED_FROM + number % count)
    who = shape.dispatcher(number % count % centres)
    return Call("GET", f"/v1/visits/{visit}/slots", bearer(settings, who))


@dataclass
class Phone:
    """A technician's phone: its registration, its place in the pull, its queue."""

    number: int
    size: Size
    id: UUID
    headers: dict[str, str]
    cursor: str | None = None
    epoch: int | None = None
    seq: int = 0
    rows: int = 0
    pushes: int = 0

    @classmethod
    def of(cls, settings: Settings, size: Size, number: int, run: int) -> "Phone":
        """Make the phone of one technician; every run of the benchmark has phones of its own."""
        device_id = UUID(int=random.Random(run * 1000 + number).getrandbits(128), version=4)
        who = bearer(settings, shape.technician(number), device_id)
        return cls(number, size, device_id, who)

    def registration(self) -> Call:
        """Register the phone."""
        body = {
            "id": str(self.id),
            "name": f"phone {self.number}",
            "app_version": "1.0.0",
            "app_schema": 1,
        }
        return Call("POST", "/v1/devices", self.headers, body)

    def registered(self, answer: Answer) -> None:
        """Keep the key that every sync is sent with."""
        given = answer.json()
        self.headers = {**self.headers, "device-key": given["key"]}
        self.epoch = given["epoch"]

    def pull(self) -> Call:
        """Ask for the next page of the difference."""
        body = {
            "device_id": str(self.id),
            "epoch": self.epoch,
            "schema": 1,
            "cursor": self.cursor,
            **PULL,
        }
        return Call("POST", "/v1/sync/pull", self.headers, body)

    def pulled(self, page: dict[str, Any]) -> bool:
        """Apply a page; returns whether more follow."""
        self.cursor = page["cursor"]
        if page.get("view"):
            self.rows = page["view"]["rows"]
        return bool(page.get("more"))

    def push(self) -> Call:
        """Hand in 20 commands: two visits from acceptance to the first notes on site.

        Every push is about two other visits of the phone's technician.
        """
        coming = [slot for slot, offset in enumerate(shape.DAYS) if offset >= 0]
        both = (coming[(2 * self.pushes + place) % len(coming)] for place in range(2))
        self.pushes += 1
        return self.push_of([command for slot in both for command in self._work(slot)])

    def day(self) -> Iterator[list[Command]]:
        """Yield the pushes of a day with a network: today's visits, handed in as they go."""
        for slot in (slot for slot, offset in enumerate(shape.DAYS) if offset == 0):
            work = list(self._work(slot))
            yield from (work[:2], work[2:3], work[3:6], work[6:])

    def push_of(self, work: Sequence[Command]) -> Call:
        """Hand in some commands, compressed."""
        now = datetime.now(UTC)
        commands = [
            {
                "id": str(new_id()),
                "seq": self.seq + place,
                "name": name,
                "v": 1,
                "args": args,
                "base": [],
                "captured": {
                    "wall": (now - timedelta(minutes=30 - place)).isoformat(),
                    "mono_ms": 10_000_000 + self.seq + place,
                    "boot_id": "boot",
                    "tz": shape.ZONE,
                },
            }
            for place, (name, args) in enumerate(work, start=1)
        ]
        self.seq += len(commands)
        body = {
            "protocol": 1,
            "device_id": str(self.id),
            "epoch": self.epoch,
            "app": {"version": "1.0.0", "schema": 1},
            "clock": {
                "wall": now.isoformat(),
                "mono_ms": 12_000_000 + self.seq,
                "boot_id": "boot",
            },
            "commands": commands,
        }
        return Call("POST", "/v1/sync/push", self.headers, body, compressed=True)

    def _work(self, slot: int) -> Iterator[Command]:
        point = {"type": "Point", "coordinates": [24.95, 60.15]}
        kit = dict.fromkeys(("tools", "materials", "spares", "papers"), True)
        shown = dict.fromkeys(
            (
                "certificate_shown",
                "customer_confirmed",
                "work_explained",
                "covers_used",
                "others_undisturbed",
            ),
            True,
        )
        visit = {"visit_id": str(shape.id_of(Kind.VISIT, self.size.visit_of(self.number, slot)))}
        home, _centre = self.size.home_of(self.number, slot)
        service = str(shape.id_of(Kind.SERVICE, home))
        yield "visit.accept", visit
        yield "visit.confirm_kit", {**visit, **kit}
        yield "visit.depart", {**visit, "point": point}
        yield "visit.arrive", {**visit, "point": point}
        yield "visit.confirm_identity", {**visit, **shown}
        yield "visit.start", visit
        test = {"service_id": service, "measured_at_place": "outlet", "attenuation_db": 12.5}
        yield "measurement.record_line_test", {**visit, **test}
        for text in ("Box at the gate.", "Socket in the hall.", "Customer shown the modem."):
            yield "note.add", {**visit, "text": text}

    @property
    def most_pushes(self) -> int:
        """How many pushes find visits that no push was about yet."""
        return sum(offset >= 0 for offset in shape.DAYS) // 2
