"""What the parts of the played day share: who takes part, the clock, the checks, the messages."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from fieldops.demo.city import city_id
from fieldops.demo.people import LOGIN_DOMAIN, TECHNICIANS
from tests.journeys.moved_clock import CITY, MovedClock
from tests.journeys.office import Office
from tests.journeys.telling import Check, Report

NORTH = str(city_id("unit/north"))
MESSAGE_SECONDS = 60
NEVER = datetime.max.replace(tzinfo=UTC)
LOGIN_OF = {
    str(city_id(f"staff/tech{number:02d}")): f"tech{number:02d}@{LOGIN_DOMAIN}"
    for number in range(1, len(TECHNICIANS) + 1)
}


@dataclass
class Promise:
    """A visit of the day: its order, where it goes, when, and what it is about."""

    name: str
    order_id: str
    visit_id: str
    customer_id: str
    premises_id: str
    work: list[dict[str, Any]]
    minutes: int
    phone: str | None = None
    appointment_id: str = ""
    start: datetime = NEVER
    end: datetime = NEVER
    due: datetime = NEVER  # when the technician is expected, inside the window

    def service(self, kind: str) -> str:
        """Return the id of the service of a kind that the work is about."""
        return next(str(item["service_id"]) for item in self.work if item["service"] == kind)


@dataclass
class Day:
    """A day being played: everything goes over HTTP, nothing to the database."""

    http: httpx.AsyncClient
    clock: MovedClock
    report: Report
    outbox: Path
    number: str
    integration: Office
    dispatcher: Office
    supervisor: Office
    checks: list[Check] = field(default_factory=list)
    promises: dict[str, Promise] = field(default_factory=dict)
    technician_id: str = ""
    technician: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose by the day's number, so that every day is another one."""
        self.choice = random.Random(self.number)

    def check(self, sentence: str, held: object, seen: object = "") -> None:
        """Note whether a sentence about the day held."""
        made = Check(sentence, bool(held), "" if held else str(seen)[:900])
        self.checks.append(made)
        self.report.check(made)

    def at(self, moment: datetime) -> str:
        """Move the clock to a moment and return its local time for the story."""
        self.clock.move_to(moment)
        return f"{self.clock.now().astimezone(CITY):%a %H:%M}"

    async def message(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Wait for a message to a customer in the outbox; None when none has come."""
        limit = time.monotonic() + MESSAGE_SECONDS
        while time.monotonic() < limit:
            for path in self.outbox.glob("*.json"):
                message: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                if wanted(message):
                    return message
            await asyncio.sleep(0.25)
        return None


def local_day(moment: datetime) -> date:
    """Return the city's calendar day of a moment."""
    return moment.astimezone(CITY).date()


def moment(text: str) -> datetime:
    """Return the moment of an ISO 8601 text from the API."""
    return datetime.fromisoformat(text)
