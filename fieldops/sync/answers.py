"""What a phone is answered: of a command that took no effect, of its device, of a push."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from fieldops.kernel.db import to_text
from fieldops.kernel.errors import Coded
from fieldops.sync import cases, rules
from fieldops.sync.cases import Blocked
from fieldops.sync.envelopes import Sent
from fieldops.sync.rules import DeviceState


def refused(sent: Sent, refusal: Coded, case_id: UUID, blocked: Blocked | None) -> dict[str, Any]:
    """Return the result of a held or rejected command, with its case, as JSON values."""
    result: dict[str, Any] = {
        "id": str(sent.envelope.id),
        "seq": sent.seq,
        "status": cases.status_of(refusal),
        "code": refusal.code,
        "message": refusal.message,
        "advice": refusal.advice,
        "case_id": str(case_id),
    }
    if blocked is not None:
        result["blocked_by"] = str(blocked.command_id)
    if refusal.next_steps:
        result["next_steps"] = list(refusal.next_steps)
    if refusal.details:
        result["details"] = cases.plain(refusal.details)
    return result


def of_device(state: str, last_seq: int, reason: str | None = None) -> dict[str, Any]:
    """Return the device's part of an answer; every taken command is durable after COMMIT.

    A device that was locked as cloned is told to register anew.
    """
    answer = {"state": state, "last_seq": last_seq, "durable_seq": last_seq}
    if state == DeviceState.LOCKED.value and reason == rules.CLONED:
        answer["register"] = True
    return answer


def of_push(head: Mapping[str, Any], results: Iterable[str]) -> bytes:
    """Return a push's answer as JSON bytes; the results are texts already."""
    return f'{to_text(head)[:-1]},"results":[{",".join(results)}]}}'.encode()
