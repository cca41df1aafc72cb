"""Push: a part of a phone's queue, replayed once, in its order (SYNC section 2).

One transaction, the device row locked first. A push is taken as a whole: what its commands need
is read and locked once for all of them, what they change is written at the end, and a refused
command is undone in memory. Whatever does not go that way (a refusal after something was
written, a fault of ours, a violated constraint) is taken step by step in a new transaction, with
a savepoint per command. Both ways run the same handlers and give the same results and rows.

The answer is made of the texts that the ledger stores, so that a repeat carries the first result
byte for byte; it is returned after COMMIT.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import changes, clock, commands, ledger, points, writing
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Applied, Nature
from fieldops.kernel.db import Database, to_text, unit_of
from fieldops.kernel.errors import (
    Coded,
    IdReused,
    NotFound,
    StaleVersion,
    Unavailable,
)
from fieldops.kernel.gathering import Gathered, named_in
from fieldops.kernel.writing import Write
from fieldops.sync import (
    answers,
    cases,
    clones,
    envelopes,
    erasures,
    grants,
    queries,
    receipt,
    rules,
)
from fieldops.sync.cases import Blocked, Desk
from fieldops.sync.envelopes import Sent
from fieldops.sync.errors import (
    BlockedBy,
    DeviceCloned,
    DeviceRevoked,
    NotForDevices,
    Poison,
    SeqReused,
)
from fieldops.sync.models import Device
from fieldops.sync.rules import DeviceState
from fieldops.sync.schemas import CommandIn, Malformed, PushRequest
from fieldops.sync.transience import Transient, is_transient

log = structlog.get_logger()


class Source(Protocol):
    """Gives a push its commands under the device's lock, for clients that number in another way."""

    async def commands(self, session: AsyncSession, device: Device) -> list[CommandIn | Malformed]:
        """Return the commands to take now, numbered on from the device's `last_seq`."""

    async def written(self, session: AsyncSession, device: Device, last_seq: int) -> None:
        """Note, in the push's own transaction, that commands up to `last_seq` were taken."""


class _NotAsAWhole(Exception):  # noqa: N818 - a way that is not open, not an error
    """This push has to be taken step by step; nothing of this try is kept."""


async def push(
    database: Database,
    actor: Actor,
    request: PushRequest,
    key_hash: bytes,
    source: Source | None = None,
) -> bytes:
    """Take a part of a device's queue and return the answer as JSON bytes.

    With a `source` the commands are its own, those of the request are not looked at.
    Raises NotFound for a device that is not the actor's, DeviceKeyWrong,
    Unavailable when the database stays away. Everything about single commands is in
    the answer.
    """
    whole, attempt = True, 1
    while attempt <= rules.TRANSIENT_TRIES:
        try:
            way = _Way(whole, attempt == rules.TRANSIENT_TRIES, source)
            answer = await _try(database, actor, request, key_hash, way)
        except _NotAsAWhole:
            whole = False
        except Exception as exc:
            if isinstance(exc, Coded) or not is_transient(exc):
                raise
            log.info("push retried", device_id=str(request.device_id), attempt=attempt)
            await asyncio.sleep(0.01 * 2**attempt)
            attempt += 1
        else:
            await points.reach(points.PUSH_COMMITTED)
            return answer
    return await _transient_answer(database, actor, request, key_hash)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a push is tried: as a whole or step by step, and whether this is the last try."""

    whole: bool
    last: bool
    source: Source | None = None


async def _try(
    database: Database, actor: Actor, request: PushRequest, key_hash: bytes, way: _Way
) -> bytes:
    """Take a push in one transaction; raises _NotAsAWhole when it has to be taken otherwise."""
    begun = False
    try:
        async with database.transaction() as session:
            batch = await _begin(session, actor, request, key_hash, way.source)
            batch.whole, batch.last_try = way.whole, way.last
            begun = True
            await points.reach(points.PUSH_LOCKED)
            await batch.take()
            answer = await batch.finish()
            if way.source is not None:
                await way.source.written(session, batch.device, batch.last_seq)
            await points.reach(points.PUSH_WRITTEN)
    except Exception as exc:
        if begun and way.whole and not is_transient(exc):
            raise _NotAsAWhole from exc
        raise
    return answer


async def _begin(
    session: AsyncSession,
    actor: Actor,
    request: PushRequest,
    key_hash: bytes,
    source: Source | None = None,
) -> "Batch":
    found = await queries.device_for_push(session, actor.region_id, request.device_id)
    if found is None or found[0].person_id != actor.id:
        raise NotFound(thing="device")
    device, epoch = found
    cases.check_key(device.key_hash, key_hash)
    if source is not None:
        request = request.model_copy(update={"commands": await source.commands(session, device)})
    now = clock.now()
    sent = [envelopes.read(c, request.clock, device, now) for c in request.commands]
    ids = {id_ for s in sent for id_ in (s.envelope.id, s.other_id, *s.envelope.depends_on)}
    known, waiting = await queries.known_before(session, device, ids) if ids else ({}, [])
    desk = Desk(session, device, now, waiting)
    user = replace(actor, device_id=device.id)
    signs = await clones.signs(session, device, sent, known)
    return Batch(session, user, device, epoch, now, request, sent, known, desk, signs)


async def _transient_answer(
    database: Database, actor: Actor, request: PushRequest, key_hash: bytes
) -> bytes:
    """Answer `transient` with the device as it stands; raises Unavailable without a database."""
    empty = request.model_copy(update={"commands": []})
    try:
        async with database.transaction() as session:
            batch = await _begin(session, actor, empty, key_hash)
            at_seq = min((c.seq for c in request.commands), default=batch.last_seq + 1)
            batch.stop("transient", at_seq, rules.RETRY_AFTER_MS)
            return batch.answer()
    except DBAPIError as exc:
        raise Unavailable(retry_after=rules.RETRY_AFTER_MS // 1000) from exc


@dataclass(slots=True)
class Batch:
    """One push under way: what is known, what came of it, where it stopped."""

    session: AsyncSession
    actor: Actor
    device: Device
    epoch: int
    now: datetime
    request: PushRequest
    sent: Sequence[Sent]
    known: dict[UUID, queries.Known]
    desk: Desk
    signs: int  # of two phones under this registration
    whole: bool = False
    last_try: bool = False
    results: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    stopped: dict[str, Any] | None = None
    promised: dict[str, Any] | None = None
    last_seq: int = field(init=False)
    attempts: int = field(init=False)
    failing: UUID | None = field(init=False)

    def __post_init__(self) -> None:
        self.last_seq = self.device.last_seq
        self.failing, self.attempts = self.device.failing_command_id, self.device.failing_attempts

    async def take(self) -> None:
        """Take the commands in order until one stops the batch."""
        if not self.sent:
            return
        if self.device.state == DeviceState.LOCKED.value:
            self.stop("busy", self.sent[0].seq, rules.LOCKED_RETRY_AFTER_MS)
            return
        if self.request.epoch not in {None, self.epoch}:
            # The data was restored since: the phone sends again all that it has kept.
            self.stop("gap", self.sent[0].seq)
            return
        if self.whole:
            named = named_in(sent.envelope.args for sent in self.sent)
            self.session.info["gathered"] = Gathered(named)
        if clones.is_cloned(self.device, self.signs):
            self._lock_as_cloned()
            return
        for sent in self.sent:
            if not self._repeated(sent) and not await self._first_time(sent):
                return
            await points.reach(points.PUSH_COMMAND)

    def _lock_as_cloned(self) -> None:
        """Take nothing: both phones keep their queues and hand them in under new registrations."""
        signs = (self.device.anomalies or 0) + self.signs
        self.device.state, self.device.state_reason = DeviceState.LOCKED.value, rules.CLONED
        self.desk.announce(DeviceCloned(signs=signs), "sync.push")
        self.stop("busy", self.sent[0].seq, rules.LOCKED_RETRY_AFTER_MS)
        log.warning("device locked as cloned", device_id=str(self.device.id), signs=signs)

    def _repeated(self, sent: Sent) -> bool:
        """Answer a command seen before with its first result."""
        seen = self.known.get(sent.envelope.id)
        if seen is None or seen.content_hash != sent.digest or seen.actor_id != self.actor.id:
            seen = self.known.get(sent.other_id)  # the same misuse of an id, sent again
        if seen is None:
            return False
        self._advance(sent)
        self.results.append(
            f'{{"id":"{sent.envelope.id}","seq":{sent.seq},"status":"duplicate",'
            f'"first":{seen.result}}}'
        )
        return True

    async def _first_time(self, sent: Sent) -> bool:
        """Take a command that was never seen; returns False when the batch stops at it."""
        if sent.seq > self.last_seq + 1:
            self.stop("gap", sent.seq)
            return False
        refusal = self._out_of_question(sent)
        if refusal is not None:
            self._refused(sent, refusal)
            return True
        blocked = self._blocked_by(sent)
        if blocked is not None:
            self._refused(sent, BlockedBy(), blocked)
            return True
        return await self._judged(sent)

    def _out_of_question(self, sent: Sent) -> Coded | None:
        """Return why a command is not even run: the device, its numbering, its form."""
        if self.device.state == DeviceState.REVOKED.value:
            return DeviceRevoked()
        if sent.envelope.id in self.known:
            return IdReused()
        if sent.seq <= self.last_seq:
            return SeqReused()
        if sent.spec is not None and not sent.spec.offline:
            return NotForDevices(name=sent.spec.name)
        return sent.fault

    def _blocked_by(self, sent: Sent) -> Blocked | None:
        """Return what a command waits for: those it names, and for decisions its record's case.

        Facts wait only for what they name: they are kept whatever happened (SYNC section 1).
        """
        for id_ in sent.envelope.depends_on:
            before = self.known.get(id_)
            if before is None or before.status not in rules.TOOK_EFFECT:
                return Blocked(id_, before.case_id if before else None)
        if sent.spec is None or sent.spec.nature is Nature.FACT:
            return None
        return self.desk.blocking(sent)

    async def _judged(self, sent: Sent) -> bool:
        """Run a command; returns False when a fault of ours stops the batch at it."""
        try:
            result = await self._run(sent)
        except Coded as refusal:
            self._refused(sent, refusal)
        except Exception as exc:
            if self.whole or is_transient(exc):
                raise
            return self._failed(sent, exc)
        else:
            self._keep(sent, result)
            self.desk.corrected(sent)
        return True

    async def _run(self, sent: Sent) -> dict[str, Any]:
        """Run one command; raises its refusal when nothing is left of it."""
        applied = await (self._as_part(sent) if self.whole else self._in_savepoint(sent))
        return ledger.applied_result(sent.envelope, applied)

    async def _as_part(self, sent: Sent) -> Applied:
        """Run a command as a part of the whole; a refused one is undone in memory."""
        unit = unit_of(self.session)
        mark = unit.mark()
        try:
            return await commands.run(
                self.session, self._actor_for(sent), sent.envelope, self.now, whole=True
            )
        except Coded as refusal:
            if unit.take_back(mark):
                raise
            raise _NotAsAWhole from refusal

    async def _in_savepoint(self, sent: Sent) -> Applied:
        """Run a command inside its savepoint; what was loaded for it is forgotten after it."""
        try:
            async with self.session.begin_nested():
                return await commands.run(
                    self.session, self._actor_for(sent), sent.envelope, self.now
                )
        except StaleVersion as exc:
            if self.last_try:  # not a race any more, but a fault: it is counted
                raise RuntimeError("the record's version does not hold still") from exc
            raise Transient from exc
        finally:
            # The next command loads its records again, under their locks.
            self.session.expunge_all()

    def _actor_for(self, sent: Sent) -> Actor:
        """Return who acts: decisions need today's grants, facts those the device had seen."""
        spec, captured = sent.spec, sent.envelope.captured
        if spec is None or spec.nature is Nature.DECISION or self.actor.allows(spec.permission):
            return self.actor
        former = captured is not None and captured.estimated_at < self.device.grants_since
        return grants.actor_as_seen(self.device, former=former)

    def _refused(self, sent: Sent, refusal: Coded, blocked: Blocked | None = None) -> None:
        """Keep a held or rejected command at the desk and answer with its case."""
        case_id = self.desk.keep(sent, self._ledger_id(sent), refusal, blocked)
        self._keep(sent, answers.refused(sent, refusal, case_id, blocked), case_id)

    def _keep(self, sent: Sent, result: dict[str, Any], case_id: UUID | None = None) -> None:
        """Note a command's result for the ledger and the answer, the same text for both."""
        entry = ledger.row(
            self.actor, sent.envelope, self.now, sent.digest, result, case_id=case_id
        )
        id_ = entry["id"] = self._ledger_id(sent)
        if sent.seq <= self.last_seq:
            entry["seq"] = None  # its place in the order belongs to another command
        self._advance(sent)
        text = to_text(result)
        self.entries.append(entry)
        self.results.append(text)
        self.known[id_] = queries.Known(
            id_, self.actor.id, sent.digest, entry["status"], case_id, text
        )

    def _failed(self, sent: Sent, exc: Exception) -> bool:
        """Count a programming error; after 5 tries the command is poison and the queue goes on."""
        # Counted by the place in the order: two images of one phone may have commands there.
        self.failing, self.attempts = sent.envelope.id, self.attempts + 1
        log.error(
            "command failed",
            exc_info=exc,
            command=sent.envelope.name,
            command_id=str(sent.envelope.id),
            attempt=self.attempts,
        )
        if self.attempts >= rules.POISON_TRIES:
            self._refused(sent, Poison(tries=self.attempts))
            return True
        self.stop("transient", sent.seq, rules.RETRY_AFTER_MS * 2**self.attempts)
        return False

    def _ledger_id(self, sent: Sent) -> UUID:
        """Return the command's id, or the derived one when its own was used before."""
        return sent.other_id if sent.envelope.id in self.known else sent.envelope.id

    def _advance(self, sent: Sent) -> None:
        if sent.seq == self.last_seq + 1:
            self.last_seq = sent.seq
            self.failing, self.attempts = None, 0

    def stop(self, kind: str, at_seq: int, retry_after_ms: int = 0) -> None:
        """End the batch here; what came before stands."""
        self.stopped = {
            "at_seq": at_seq,
            "kind": kind,
            "expected_seq": self.last_seq + 1,
            "retry_after_ms": retry_after_ms,
        }

    async def finish(self) -> bytes:
        """Write changes, ledger, the device's row and cases, the last writes before COMMIT."""
        self.session.info["gathered"] = None
        ledgered = [ledger.adding(self.entries)] if self.entries else []
        last = [*ledgered, self._note()]
        reaching = erasures.reaching(self.device.region_id, self.sent)
        reached = (await writing.write_all(self.session, [*last, *reaching]))[len(last) :]
        await self.desk.write()
        self.promised = await receipt.of_batch(
            self.session, self.device, self.sent, self.known, {e["id"] for e in self.entries}
        )
        for found in reached:
            await erasures.erase_late_words(self.session, found, self.now)
        return self.answer()

    def _note(self) -> Write:
        """Return what writes on the device's row where it stands now."""
        left = [s for s in self.sent if s.seq > self.last_seq]
        oldest = left[0].envelope if left else None
        waiting = max(len(left), (self.request.queued or 0) - len(self.results))
        reading = self.request.clock
        return queries.note_of_push(
            self.device.region_id,
            self.device.id,
            self.now,
            last_seq=self.last_seq,
            last_seen_at=self.now,
            app_version=self.request.app.version,
            case_gen=self.device.case_gen + self.desk.news,
            failing_command_id=self.failing,
            failing_attempts=self.attempts,
            queued=waiting,
            last_stop=self.stopped["kind"] if self.stopped else None,
            last_stop_at=self.now if self.stopped else None,
            oldest_queued=f"{oldest.name} v{oldest.v}" if oldest else None,
            oldest_queued_at=oldest.captured.estimated_at if oldest and oldest.captured else None,
            clock_boot_id=reading.boot_id,
            clock_mono_ms=reading.mono_ms,
            clock_server_time=self.now,
            clock_offset_ms=(reading.wall - self.now) // timedelta(milliseconds=1),
            **clones.noted(self.device, self.signs),
            **self._elsewhere(),
        )

    def _elsewhere(self) -> dict[str, None]:
        """Let the next pull look at everything when a centre was touched that it does not follow.

        The device is shown what it did itself, also where no counter of its own tells of it (I8).
        """
        known = {(self.device.region_id, id_) for id_ in self.device.view_centres}
        touches = changes.touched(self.session.sync_session)
        here = all(
            t.region_id == changes.CATALOGUES or (t.region_id, t.centre_id) in known
            for t in touches
        )
        return {} if here else {"view_valid_until": None}

    def answer(self) -> bytes:
        """Return the answer's bytes: the results are the ledger's own texts."""
        head = {
            "epoch": self.epoch,
            "server_time": self.now,
            "device": answers.of_device(self.device.state, self.last_seq, self.device.state_reason),
            "stop": self.stopped,
            "pull": bool(self.entries),
            "wipe": self.device.state == DeviceState.REVOKED.value,
            **({"attachments": self.promised} if self.promised else {}),
        }
        return answers.of_push(head, self.results)
