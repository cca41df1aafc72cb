"""A region's table of road times made anew: from a routing server, else from its road graph.

Works out everything outside a transaction; only the finished table is written. What cannot be
asked leaves the table that stands, and the reason in the log.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog

from fieldops.kernel import clock, configuration
from fieldops.kernel.db import Database
from fieldops.kernel.geo import Position
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation
from fieldops.travel import queries, rules
from fieldops.travel.errors import NoTravelTimes
from fieldops.travel.models import TravelTable
from fieldops.travel.roads import Roads
from fieldops.travel.rules import ANY_HOUR, Reals
from fieldops.travel.server import Server

log = structlog.get_logger()

THOUSANDTHS = 1000


class Source(Protocol):
    """Where road times come from: the port whose ends are a server and a road graph."""

    @property
    def knows_hours(self) -> bool:
        """Whether it can be asked for a time of day."""
        ...

    async def matrix(self, places: Sequence[Position], leaving: datetime | None) -> Reals:
        """Return seconds [from, to] between places, nan where unknown; raises NoTravelTimes."""
        ...


@dataclass(frozen=True)
class Graph:
    """The end of the port that reads a road graph; it is loaded when it is asked."""

    path: Path
    knows_hours: bool = False

    async def matrix(self, places: Sequence[Position], leaving: datetime | None) -> Reals:  # noqa: ARG002 - a graph knows no hours
        """Return seconds of driving between places, worked out beside the event loop."""
        return await asyncio.to_thread(lambda: Roads.load(self.path).matrix(places, places))


@dataclass(frozen=True)
class Report:
    """What became of a region's table: who answered, how many zones, what went wrong before."""

    source: str | None
    zones: int = 0
    failures: tuple[str, ...] = ()


def graph_path(settings: Settings, region_id: int) -> Path:
    """Return where the road graph of a region lies."""
    return settings.roads_path / f"{region_id}.npz"


def sources(settings: Settings, region_id: int) -> list[tuple[str, str, Source]]:
    """Return (name, licence, source) of an installation for a region, the best first."""
    found: list[tuple[str, str, Source]] = []
    if settings.travel_server_url:
        server = Server(
            settings.travel_server_url,
            settings.travel_server_dialect,
            settings.travel_server_timeout_s,
            settings.travel_server_places,
        )
        found.append((settings.travel_server_dialect, "as the server's map data", server))
    path = graph_path(settings, region_id)
    if path.is_file():
        found.append(("roads", "ODbL 1.0, (c) OpenStreetMap contributors", Graph(path)))
    return found


async def refresh(database: Database, settings: Settings, region_id: int) -> Report:
    """Work a region's table out anew and store it; the formula needs no table.

    When the server fails, a table it made before stays; only without one the graph is asked.
    """
    known = sources(settings, region_id)
    if not known:
        return Report(None)
    async with database.transaction() as session:
        metres = await configuration.value(session, region_id, rules.ZONE)
        latitude, places = await queries.places(session, region_id, metres)
        zone = await organisation.zone_of(session, region_id)
        present = {row.source for row in await queries.tables(session, region_id)}
    failures: list[str] = []
    if len(places) < 2:  # noqa: PLR2004 - one place has no ways
        return Report(None, len(places))
    today = clock.local_day(clock.now(), zone)
    for name, licence, source in known:
        if failures and present and name not in present:
            break  # what a better source made yesterday is worth more than a worse one's today
        try:
            made = []
            for hours in queries.hours_asked(source.knows_hours):
                leaving = None if hours is None else rules.example_of(hours, today)
                ways = await source.matrix(places, leaving)
                factors = await asyncio.to_thread(rules.factors_of, ways, places)
                made.append((ANY_HOUR if hours is None else hours.value, factors))
        except NoTravelTimes as exc:
            log.warning("travel times are not to be had", region=region_id, reason=str(exc))
            failures.append(str(exc))
            continue
        cells = rules.cell_of(places, metres, latitude).astype("<i4")
        async with database.transaction() as session:
            await queries.drop_tables(session, region_id)
            for hours_name, factors in made:
                session.add(
                    TravelTable(
                        region_id=region_id,
                        hours=hours_name,
                        zone_metres=round(metres),
                        latitude=latitude,
                        cells=cells.tobytes(),
                        factors=np.rint(factors * THOUSANDTHS).astype("<u2").tobytes(),
                        source=name,
                        licence=licence,
                        made_at=clock.now(),
                    )
                )
            queries.forget(session)
        return Report(name, len(places), tuple(failures))
    return Report(None, len(places), tuple(failures))
