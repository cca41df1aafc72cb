"""The late-work desk as a push meets it: what blocks a command, what is kept, what is corrected."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.commands import Nature
from fieldops.kernel.errors import Coded, Hold
from fieldops.kernel.ids import new_id
from fieldops.sync import queries
from fieldops.sync.envelopes import Sent
from fieldops.sync.errors import DeviceKeyWrong, DeviceRevoked
from fieldops.sync.models import Case, CaseEntry, Device
from fieldops.sync.rules import CaseState, Status


@dataclass(frozen=True, slots=True)
class Blocked:
    """The earlier command that a command waits for, and its case when it has one."""

    command_id: UUID
    case_id: UUID | None


def check_key(expected: bytes, presented: bytes) -> None:
    """Raise DeviceKeyWrong unless the hash of the presented key is the device's."""
    if not hmac.compare_digest(expected, presented):
        raise DeviceKeyWrong


def _to_keep(sent: Sent) -> dict[str, Any]:
    """Return a command's content for the desk.

    What only the offices may do can carry contact data (CU-04), and no app can capture it: its
    arguments are left out.
    """
    if sent.spec is not None and not sent.spec.offline:
        return {**sent.content, "args": {}}
    return sent.content


def status_of(refusal: Coded) -> str:
    """Return how a command ended that raised this."""
    return Status.HELD.value if isinstance(refusal, Hold) else Status.REJECTED.value


def plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as JSON values."""
    made: dict[str, Any] = to_jsonable_python(dict(details), fallback=str)
    return made


def announced(device: Device, refusal: Coded, now: datetime, name: str) -> Case:
    """Return a case that tells desk and technician of something, without a command in it."""
    return Case(
        region_id=device.region_id,
        id=new_id(),
        device_id=device.id,
        person_id=device.person_id,
        centre_id=device.centre_id,
        first_command_id=new_id(),
        name=name,
        status=status_of(refusal),
        blocks=False,
        code=refusal.code,
        message=refusal.message,
        advice=refusal.advice,
        next_steps=[],
        details=plain(refusal.details),
        entries=0,
        opened_at=now,
        state=CaseState.OPEN.value,
    )


@dataclass(slots=True)
class Desk:
    """A device's open cases during one push."""

    session: AsyncSession
    device: Device
    now: datetime
    open: Sequence[Case]
    new: list[Case] = field(default_factory=list)
    entries: list[CaseEntry] = field(default_factory=list)
    joined: dict[UUID, int] = field(default_factory=dict)  # case -> entries added
    done_again: dict[UUID, UUID] = field(default_factory=dict)  # case -> the command
    news: int = 0

    def __post_init__(self) -> None:
        # Commands in between expunge what the session holds; these are written at the end.
        self.session.expunge_all()

    def blocking(self, sent: Sent) -> Blocked | None:
        """Return what a decision waits for: a decision's open case of this device on the record.

        A technician who has seen a rejection names its case in the command's base; then the
        new decision is judged by itself. A held case waits for the desk in any event.
        """
        if sent.subject is None:
            return None
        seen = {ref.id for ref in sent.envelope.base if ref.type == Case.resource}
        for case in (*self.open, *self.new):
            passed = case.status == Status.REJECTED.value and case.id in seen
            about = case.blocks and case.subject_id == sent.subject
            if about and not passed and case.id not in self.done_again:
                return Blocked(case.first_command_id, case.id)
        return None

    def keep(self, sent: Sent, ledger_id: UUID, refusal: Coded, joins: Blocked | None) -> UUID:
        """Keep a command as an entry of an open case or of a new one; returns the case."""
        case = self._case_to_join(refusal, joins)
        if case is None:
            case = self._opened(sent, ledger_id, refusal)
            self.new.append(case)
        elif case in self.new:
            case.entries += 1
        else:
            self.joined[case.id] = self.joined.get(case.id, 0) + 1
        status = status_of(refusal)
        captured = sent.envelope.captured
        self.entries.append(
            CaseEntry(
                region_id=self.device.region_id,
                id=ledger_id,
                command_id=sent.envelope.id,
                case_id=case.id,
                seq=sent.seq,
                name=sent.envelope.name,
                v=sent.envelope.v,
                command=_to_keep(sent),
                status=status,
                code=refusal.code,
                captured_at=captured.wall if captured else None,
                estimated_at=captured.estimated_at if captured else None,
                confidence=captured.confidence.value if captured else None,
                clock_far_off=bool(captured and captured.clock_far_off),
            )
        )
        self.news = 1
        return case.id

    def _case_to_join(self, refusal: Coded, joins: Blocked | None) -> Case | None:
        """Dependents join their case; what a revoked device hands in is one case."""
        for case in (*self.open, *self.new):
            if joins is not None and case.id == joins.case_id:
                return case
            if isinstance(refusal, DeviceRevoked) and case.code == refusal.code:
                return case
        return None

    def _opened(self, sent: Sent, ledger_id: UUID, refusal: Coded) -> Case:
        subject = sent.spec.subject if sent.spec is not None else None
        return Case(
            region_id=self.device.region_id,
            id=new_id(),
            device_id=self.device.id,
            person_id=self.device.person_id,
            centre_id=self.device.centre_id,
            subject_type=subject.removesuffix("_id") if subject else None,
            subject_id=sent.subject,
            first_command_id=ledger_id,
            name=sent.envelope.name,
            status=status_of(refusal),
            blocks=sent.spec is None or sent.spec.nature is Nature.DECISION,
            code=refusal.code,
            message=refusal.message,
            advice=refusal.advice,
            next_steps=list(refusal.next_steps),
            details=plain(refusal.details),
            entries=1,
            opened_at=self.now,
            state=CaseState.OPEN.value,
        )

    def announce(self, refusal: Coded, name: str) -> None:
        """Tell desk and technician of something about the device itself."""
        self.new.append(announced(self.device, refusal, self.now, name))
        self.news = 1

    def corrected(self, sent: Sent) -> None:
        """Note the rejected cases that a command which took effect has made good."""
        seen = {ref.id for ref in sent.envelope.base if ref.type == Case.resource}
        for case in (*self.open, *self.new):
            same = case.name == sent.envelope.name and case.subject_id == sent.subject
            alone = case.entries + self.joined.get(case.id, 0) == 1
            if case.id in seen and same and alone and case.status == Status.REJECTED.value:
                self.done_again[case.id] = sent.envelope.id
                self.news = 1

    async def write(self) -> None:
        """Write new cases, the entries that joined old ones, and what a rule has closed."""
        for case in self.open:
            if case.id in self.joined or case.id in self.done_again:
                self.session.add(case)
        self.session.add_all(self.new)
        for case in (*self.open, *self.new):
            case.entries += self.joined.get(case.id, 0)
            if case.id in self.done_again:
                self._close(case, self.done_again[case.id])
        await self.session.flush()
        self.session.add_all(self.entries)
        if self.done_again:
            await self.session.flush()
            region_id, corrected = self.device.region_id, CaseState.CORRECTED.value
            closed = [c for c in (*self.open, *self.new) if c.id in self.done_again]
            first = [case.first_command_id for case in closed]
            await queries.close_entries(
                self.session, region_id, [case.id for case in closed], corrected
            )
            await queries.close_in_ledger(self.session, region_id, first, corrected)

    def _close(self, case: Case, command_id: UUID) -> None:
        case.state = CaseState.CORRECTED.value
        case.decided_at = self.now
        case.reason = "by rule: the technician did it again and it took effect"
        case.outcome = {"applied": [str(command_id)]}
