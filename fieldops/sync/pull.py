"""Pull: the difference between what a device holds and what it should hold (SYNC section 3).

A pull without news is one statement, which says who asks besides; a page is one small REPEATABLE
READ transaction. Bodies come from the database as JSON text and go out as they are.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import structlog
from pydantic_core import from_json
from sqlalchemy import ColumnElement

from fieldops.kernel import clock, points, views
from fieldops.kernel.actor import Actor, Grant, Kind
from fieldops.kernel.db import Database, to_text
from fieldops.kernel.direct import Direct, Line
from fieldops.kernel.errors import Coded, Forbidden, NotFound, Unauthenticated, Unavailable
from fieldops.kernel.permissions import Permission
from fieldops.kernel.views import DeviceScope, View
from fieldops.sync import (
    answers,
    cases,
    cursor,
    erasures,
    following,
    grants,
    held,
    positions,
    reading,
    rules,
)
from fieldops.sync.cursor import Holder
from fieldops.sync.errors import ViewTooLarge
from fieldops.sync.held import Change, Totals
from fieldops.sync.rules import DeviceState
from fieldops.sync.schemas import PullRequest
from fieldops.sync.transience import is_transient

log = structlog.get_logger()

# Reads what must agree with a page, inside the page's own snapshot; gets the device's last_seq.
Beside = Callable[[Line, int], Awaitable[None]]
_KEY_PARTS = 6
_SAME = slice(2, 6, 3)  # of a key: the grants and the schema
_OWN = slice(3, 5)  # of a key: what only the device itself counts


@dataclass(frozen=True, slots=True)
class People:
    """How to find out who asks: SQL that says it as text, and what such a text says.

    `text` has the placeholders actor_person_id and actor_region_id, and is null for a closed
    account; it becomes a part of the statement that every pull begins with.
    """

    text: ColumnElement[str | None]
    read: Callable[[str], tuple[Kind, ZoneInfo, tuple[Grant, ...]]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the access token and the header of the device say it."""

    person_id: UUID
    region_id: int
    key_hash: bytes


class Standing(Enum):
    """What a presented cursor says about the device."""

    CURRENT = auto()  # it applied the last page that was sent
    BEHIND = auto()  # it stands at the last confirmed page; what was sent later never arrived
    ANEW = auto()  # it starts from nothing


async def who_asks(database: Database, people: People, caller: Caller) -> Actor:
    """Return the actor behind a caller, with the grants as they stand now.

    Raises Unauthenticated for a closed account, Forbidden for one that may not sync and has no
    device: somebody who lost the role still hands in facts, and the view must be emptied.
    """
    direct = database.direct
    asked = (people.text, caller.region_id, caller.person_id)
    try:
        found = await positions.actor_text(direct, *asked)
    except psycopg.Error as exc:
        if not is_transient(exc):
            raise
        await direct.recover()
        found = await positions.actor_text(direct, *asked)
    if found is None:
        raise Unauthenticated
    kind, _zone, seen = people.read(found)
    actor = Actor(caller.person_id, caller.region_id, kind, seen)
    await _may_sync(direct, actor)
    return actor


async def _may_sync(runs: Line | Direct, actor: Actor) -> None:
    if not actor.allows(Permission.SYNC_USE) and not await positions.owns_device(
        runs, actor.region_id, actor.id
    ):
        raise Forbidden(permission=Permission.SYNC_USE.value)


async def pull(
    database: Database,
    people: People,
    secret: bytes,
    caller: Caller,
    request: PullRequest,
    beside: Beside | None = None,
) -> bytes:
    """Return the next page of a device's difference as JSON bytes.

    Raises Unauthenticated for a closed account, Forbidden for one that may not sync and has no
    device, NotFound for a device that is not the caller's, DeviceKeyWrong, ViewTooLarge,
    Unavailable when the device's row stays contended.
    """
    direct = database.direct
    for attempt in range(1, rules.TRANSIENT_TRIES + 1):
        try:
            asked = _Pull(people, secret, caller, request)
            answer = await _answer(direct, asked, beside)
        except Exception as exc:
            if isinstance(exc, Coded) or not is_transient(exc):
                raise
            await asyncio.sleep(0.01 * 2**attempt)
            await direct.recover()
        else:
            await points.reach(points.PULL_COMMITTED)
            return answer
    raise Unavailable(retry_after=1)


async def _answer(direct: Direct, asked: "_Pull", beside: Beside | None) -> bytes:
    """Answer from one statement when there is no news, else look through the view."""
    if beside is None:
        await asked.read(direct)
        answer = asked.without_look()
        if answer is not None:
            await points.reach(points.PULL_READ)
            await asked.seen(direct)
            await points.reach(points.PULL_WRITTEN)
            return answer
        if asked.may_follow():
            await points.reach(points.PULL_READ)
            answer = await asked.follow(direct)
            if answer is not None:
                return answer
    async with direct.snapshot() as line:
        await asked.read(line)
        await points.reach(points.PULL_READ)
        answer = asked.without_look()
        if answer is None and beside is not None and asked.may_follow():
            answer = await asked.follow(line)
        if answer is None:
            answer = await asked.look(line)
        if beside is not None:
            await beside(line, asked.device.last_seq)
        await points.reach(points.PULL_WRITTEN)
    return answer


@dataclass(slots=True)
class Page:
    """What one answer carries: rows to let go, rows by type as JSON, whether more follow."""

    dels: list[Change]
    puts: str
    more: bool

    @property
    def empty(self) -> bool:
        """Whether it carries nothing."""
        return not (self.dels or self.puts)


class _Pull:
    """One pull under way: who asks and what for, then what its device's row says."""

    def __init__(self, people: People, secret: bytes, caller: Caller, request: PullRequest) -> None:
        self.people = people
        self.secret = secret
        self.caller = caller
        self.request = request
        self.now = clock.now()
        self.device: Any
        self.actor: Actor
        self.zone: ZoneInfo
        self.standing: Standing

    async def read(self, runs: Line | Direct) -> None:
        """Read who asks and the device; the statement that the fast path consists of."""
        caller = self.caller
        found = await positions.device_for_pull(
            runs, self.people.text, caller.region_id, caller.person_id, self.request.device_id
        )
        if found.actor is None:
            raise Unauthenticated
        kind, self.zone, seen = self.people.read(found.actor)
        self.actor = Actor(caller.person_id, caller.region_id, kind, seen)
        if found.id is None or found.person_id != caller.person_id:
            await _may_sync(runs, self.actor)
            raise NotFound(thing="device")
        cases.check_key(found.key_hash, caller.key_hash)
        self.device = found
        self.standing = self._standing()

    def without_look(self) -> bytes | None:
        """Return the answer when the view need not be looked through."""
        found = self.device
        if found.state != DeviceState.ACTIVE.value:
            return self._nothing_to_hold()
        if (
            self.standing is Standing.CURRENT
            and not found.erasures_due
            and found.view_key == self._key(found.counters, found.catalogue)
            and found.view_valid_until is not None
            and self.now < found.view_valid_until
        ):
            return self._unchanged(found.catalogue)
        return None

    def _standing(self) -> Standing:
        if self.request.cursor is None or self.request.epoch not in {None, self.device.epoch}:
            return Standing.ANEW
        generation = cursor.read(self.secret, self._holder(), self.request.cursor)
        if generation == self.device.gen_sent:
            return Standing.CURRENT
        return Standing.BEHIND if generation == self.device.gen_confirmed else Standing.ANEW

    def _holder(self) -> Holder:
        return Holder(
            self.actor.region_id,
            self.device.id,
            self.actor.id,
            self.request.schema_,
            self.device.epoch,
        )

    def _key(self, counters: int, catalogue: int) -> str:
        """Return all that can change a device's view, but for time."""
        parts = (
            counters,
            catalogue,
            grants.digest(self.actor.grants),
            self.device.last_seq,
            self.device.case_gen,
            self.request.schema_,
        )
        return ":".join(str(part) for part in parts)

    async def seen(self, runs: Line | Direct) -> None:
        """Note that the device was here, not oftener than dispatchers need."""
        if self.now - self.device.last_seen_at >= rules.SEEN_EVERY:
            await positions.note_seen(runs, self.actor.region_id, self.device.id, self.now)

    def _unchanged(self, catalogue: int) -> bytes:
        return to_text(
            {
                "unchanged": True,
                "epoch": self.device.epoch,
                "durable_seq": self.device.last_seq,
                "catalogue": catalogue,
                "cursor": self.request.cursor,
                "server_time": self.now,
            }
        ).encode()

    def _nothing_to_hold(self) -> bytes:
        """Answer a locked device that it must wait, a revoked one that it must wipe itself."""
        revoked = self.device.state == DeviceState.REVOKED.value
        return to_text(
            {
                "epoch": self.device.epoch,
                "cursor": None if revoked else self.request.cursor,
                "unchanged": not revoked,
                "reset": revoked,
                "wipe": revoked,
                "device": answers.of_device(
                    self.device.state, self.device.last_seq, self.device.state_reason
                ),
                "server_time": self.now,
            }
        ).encode()

    def may_follow(self) -> bool:
        """Whether the log says what is new: the view was whole, of these grants and this day."""
        found = self.device
        former = found.view_key.split(":")
        return (
            self.standing is Standing.CURRENT
            and not found.erasures_due
            and self.request.reset_reason is None
            and found.view_counters is not None
            and found.view_valid_until is not None
            and found.view_valid_until > self.now
            and len(former) == _KEY_PARTS
            and former[_SAME] == self._key(0, 0).split(":")[_SAME]
        )

    async def follow(self, runs: Line | Direct) -> bytes | None:
        """Send what the log of changes tells of; None when only a look at everything will do."""
        device, limit = self.device, self.request.limit
        log = from_json(device.log or "[]")
        grown = device.counters - sum(device.view_counters) + device.catalogue
        if len(log) != grown - device.view_catalogue:
            return None  # a count without its entry: too many of them, or forgotten
        of = self._views()
        own = device.view_key.split(":")[_OWN] != [str(device.last_seq), str(device.case_gen)]
        changes = (change for *_, named in log for change in named)
        look = reading.look(of, changes, own_news=own)
        kind = None if look is None else following.kind_of(look, of)
        if look is None or kind is None:
            return None
        known = dict(zip(device.view_centres, device.view_counters, strict=True))
        for region_id, centre_id, n, _named in log:
            if region_id == self.actor.region_id:
                known[UUID(centre_id)] = max(n, known[UUID(centre_id)])
        found = await following.follow(
            runs,
            self._scope(),
            kind,
            look,
            self.people.text,
            actor=device.actor,
            actor_person_id=self.actor.id,
            actor_region_id=self.actor.region_id,
            region_id=self.actor.region_id,
            gen_sent=device.gen_sent,
            old_key=device.view_key,
            last_seq=device.last_seq,
            case_gen=device.case_gen,
            counters=device.counters,
            catalogue=device.catalogue,
            most=limit.rows,
            most_bytes=limit.bytes,
            view_most=rules.VIEW_MOST_ROWS,
            seen_at=self.now,
            new_key=self._key(device.counters, device.catalogue),
            new_counters=[known[centre] for centre in device.view_centres],
        )
        if found is None:
            return None
        totals = Totals.after(found.rows, found.hash, device.catalogue)
        self._within_limits(totals)
        if not found.steps:
            return self._unchanged(device.catalogue)
        dels = [
            Change(type_, UUID(id_), None, held=True)
            for type_, id_ in from_json(found.dels or "[]")
        ]
        return self._written(
            totals,
            Page(dels, found.puts or "", more=False),
            found.generation,
            [],
            reset=False,
        )

    def _views(self) -> list[View]:
        # A user who lost the role sees nothing any more but what is about the user alone (I6).
        return views.shown(allowed=self.actor.allows(Permission.SYNC_USE))

    def _scope(self) -> DeviceScope:
        return DeviceScope(
            self.actor.region_id,
            self.actor.id,
            self.device.id,
            self.actor.centre_ids,
            self.now,
            self.zone,
        )

    async def look(self, line: Line) -> bytes:
        """Compare the device's view with what it should be and send the next page."""
        region_id, device, standing = self.actor.region_id, self.device, self.standing
        await positions.lock_for_pull(line, region_id, device.id)
        await points.reach(points.PULL_LOCKED)
        confirmed = await self._settle(line)
        of = self._views()
        scope = self._scope()
        due = await self._erasures(line)
        if standing is Standing.ANEW:
            generation = confirmed + 1
            totals, page = await self._begin(line, scope, of, generation)
        else:
            generation = int(device.gen_sent) + 1
            totals, page = await self._go_on(line, scope, of, generation)
            if page.empty and standing is Standing.CURRENT:
                generation = int(device.gen_sent)
        await self._note(line, scope, totals, page, generation, confirmed)
        if generation == device.gen_sent and not due:
            return self._unchanged(totals.catalogue)
        return self._written(totals, page, generation, due, reset=standing is Standing.ANEW)

    async def _begin(
        self, line: Line, scope: DeviceScope, of: Sequence[View], generation: int
    ) -> tuple[Totals, Page]:
        """Read and record the first page of a device that holds nothing."""
        limit = self.request.limit
        first = await held.begin(line, scope, of, generation, limit.rows, limit.bytes)
        await points.reach(points.PULL_LOOKED)
        self._within_limits(first.totals)
        return first.totals, Page([], first.puts, more=first.rows < first.totals.rows)

    async def _go_on(
        self, line: Line, scope: DeviceScope, of: Sequence[View], generation: int
    ) -> tuple[Totals, Page]:
        """Read and record the next page of the difference."""
        totals, steps = await held.difference(line, scope, of, self.request.limit.rows + 1)
        await points.reach(points.PULL_LOOKED)
        self._within_limits(totals)
        sent, page = await self._page(line, scope, steps)
        if sent:
            await held.record_rows(line, self.actor.region_id, self.device.id, generation, sent)
        return totals, page

    async def _erasures(self, line: Line) -> list[dict[str, Any]]:
        """Take the device's acknowledgements and return what it still has to erase (I12)."""
        if not self.device.erasures_due:
            return []
        of = (line, self.actor.region_id, self.device.id)
        if self.request.erased and not await erasures.acknowledge(
            *of, self.request.erased, self.now
        ):
            return []
        return await erasures.due(*of, self.now)

    async def _settle(self, line: Line) -> int:
        """Bring the record to what the device holds; returns the generation it stands at."""
        region_id, device, standing = self.actor.region_id, self.device, self.standing
        if standing is Standing.CURRENT:
            if device.gen_confirmed < device.gen_sent:
                await held.confirm_rows(line, region_id, device.id, device.gen_sent)
            return int(device.gen_sent)
        if standing is Standing.BEHIND:
            await held.roll_back_rows(line, region_id, device.id, device.gen_confirmed)
            return int(device.gen_confirmed)
        await held.forget_rows(line, region_id, device.id)
        log.info("device starts anew", device_id=str(device.id), reason=self.request.reset_reason)
        return int(device.gen_sent) + 1  # no cursor was ever made for it: older ones are void

    def _within_limits(self, totals: Totals) -> None:
        if totals.rows > rules.VIEW_MOST_ROWS:
            raise ViewTooLarge(rows=totals.rows, most=rules.VIEW_MOST_ROWS)
        if totals.rows > rules.VIEW_WARNING_ROWS:
            log.warning("view large", device_id=str(self.device.id), rows=totals.rows)

    async def _page(
        self, line: Line, scope: DeviceScope, steps: Sequence[Change]
    ) -> tuple[list[Change], Page]:
        """Take as many steps as fit the limits of rows and bytes, one at least."""
        limit = self.request.limit
        puts = [c for c in steps[: limit.rows] if c.version is not None]
        found = await held.bodies(line, scope, puts)
        sent: list[Change] = []
        bodies: dict[str, list[str]] = {}
        room = limit.bytes
        more = len(steps) > limit.rows
        for change in steps[: limit.rows]:
            version, body = found.get((change.type, change.id), (None, ""))
            if change.version is not None and version is None:
                continue  # outside a snapshot only: it left in this moment, the next page says so
            room -= len(body.encode()) or held.DEL_BYTES
            if sent and room < 0:
                more = True
                break
            sent.append(replace(change, version=version))
            if version is not None:
                bodies.setdefault(change.type, []).append(body)
        said = ",".join(
            f'"{view.name}":[{",".join(bodies[view.name])}]'
            for view in views.ordered()
            if view.name in bodies
        )
        return sent, Page([c for c in sent if c.version is None], said, more)

    async def _note(
        self,
        line: Line,
        scope: DeviceScope,
        totals: Totals,
        page: Page,
        generation: int,
        confirmed: int,
    ) -> None:
        """Write on the device's row where it stands; the last page also opens the fast path."""
        device = self.device
        values: dict[str, Any] = {
            "gen_sent": generation,
            "gen_confirmed": confirmed,
            "last_seen_at": self.now,
            "schema": self.request.schema_,
            "view_key": "",
            "view_rows": totals.rows,
            "view_hash": totals.hash,
            "differences": int(self.request.reset_reason == "hash_differs"),
        }
        seen = grants.written(self.actor.grants)
        if seen != json.loads(device.grants_seen):
            values |= {"grants_seen": to_text(seen), "grants_since": self.now}
        if not page.more:
            centres = sorted({*totals.centres, *held.mine(scope)})
            values["view_centres"] = centres
            values["view_counters"] = [totals.each.get(centre, 0) for centre in centres]
            values["view_ground"] = totals.ground
            values["view_key"] = self._key(totals.counters, totals.catalogue)
            values["view_catalogue"] = totals.catalogue
            values["view_valid_until"] = self._valid_until(scope, totals)
        await positions.note_pull(line, self.actor.region_id, device.id, **values)

    def _valid_until(self, scope: DeviceScope, totals: Totals) -> datetime:
        """Return when the view may change by time alone, or a full look is due anyway."""
        _, midnight = scope.today
        by_time = [midnight, self.now + rules.FULL_DIFF_EVERY]
        return min([*by_time, totals.until] if totals.until else by_time)

    def _written(
        self,
        totals: Totals,
        page: Page,
        generation: int,
        due: list[dict[str, Any]],
        *,
        reset: bool,
    ) -> bytes:
        """Return the page's bytes: types by rank, bodies as the database made them."""
        head: dict[str, Any] = {
            "epoch": self.device.epoch,
            "cursor": cursor.write(self.secret, self._holder(), generation),
            "reset": reset,
            "more": page.more,
            "device": answers.of_device(self.device.state, self.device.last_seq),
            "erase": due,
            "dels": [{"type": c.type, "id": c.id} for c in page.dels],
            "server_time": self.now,
        }
        if not page.more:
            head["view"] = {"rows": totals.rows, "hash": totals.hash}
            head["catalogue"] = totals.catalogue
        if totals.rows > rules.VIEW_WARNING_ROWS:
            head["warning"] = "view_large"
        return f'{to_text(head)[:-1]},"puts":{{{page.puts}}}}}'.encode()
