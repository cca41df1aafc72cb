"""A repeat finds its first answer after any upgrade of the server (I2): it is kept, not remade."""

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.sync import envelopes
from fieldops.sync.models import Device
from fieldops.sync.schemas import ClockReading, PushRequest
from tests.support.device import Phone
from tests.sync import trial
from tests.sync.test_push import post, queue, request

pytestmark = pytest.mark.anyio

READING = {"wall": "2026-11-23T08:00:00+02:00", "mono_ms": 1000, "boot_id": "b-1"}
COMMANDS: list[dict[str, Any]] = [
    {
        "id": "01938f5e-7a31-7c02-9a52-0f4c5d6e7f80",
        "seq": 1,
        "name": "note.add",
        "v": 1,
        "args": {"visit_id": "01938f5e-0000-7000-8000-000000000001", "text": "Höhe 1.50 m 门"},
        "base": [
            {"ref": {"type": "visit", "id": "01938f5e-0000-7000-8000-000000000001"}, "version": 4}
        ],
        "depends_on": ["01938f5e-7a31-7c02-9a52-0f4c5d6e7f7f"],
        "captured": {**READING, "tz": "Europe/Helsinki"},
        "attachments": [{"sha256": "a" * 64, "bytes": 10, "mime": "image/jpeg"}],
    },
    {
        "id": "01938f5e-7a31-7c02-9a52-0f4c5d6e7f81",
        "seq": 2,
        "name": "note.add",
        "args": {"n": 1.5, "list": [None, True, 1e3]},
        "captured": READING,
    },
    {"id": "01938f5e-7a31-7c02-9a52-0f4c5d6e7f82", "seq": 3, "name": "No name", "x": 1},
]
# As the first release hashed them. A release that hashes otherwise answers each repeat of what it
# has as a misused id: never change these, read the old form as well.
HASHES = [
    "845e6644bfb8f3bf969042123137c3b3a317477a841fc020a9510e54d80efe0a",
    "389ca69219cb65c7ee4c1435e83d14e5d78bffeee7b43f9cd8060a4dc8f8158b",
    "3715e2129f73ad9fff32ac54fd4a849db8f8759044b314be83a38731838f362f",
]


def test_i2_a_command_has_the_hash_that_the_first_release_gave_it() -> None:
    body = {"device_id": str(UUID(int=1)), "app": {"version": "1", "schema": 1}, "clock": READING}
    sent = PushRequest.model_validate({**body, "commands": COMMANDS})
    now = clock.now()
    device = Device(id=UUID(int=1), registered_at=now)
    read = ClockReading.model_validate(READING)
    made = [envelopes.read(command, read, device, now).digest.hex() for command in sent.commands]
    assert made == HASHES


async def test_i2_an_answer_of_an_older_release_is_repeated_byte_for_byte(
    phone: Phone, database: Database
) -> None:
    """What it said and how it was written, fields this release does not know included."""
    phone.capture("trial.remark", trial_id=await trial.make(database), text="once")
    body = json.dumps(request(phone, queue(phone))).encode()
    (taken,) = (await post(phone.client, phone, body, "")).json()["results"]
    older = '{"status" : "applied","weight":1.50, "id":"%s","seq":1,"long_gone":{"b":1,"a":"门"}}'
    kept = older % taken["id"]
    async with database.transaction() as session:
        changed = text(
            "update kernel_ledger set result = cast(:kept as json)"
            " where kernel_ledger.region_id = 1 and id = :id"
        )
        await session.execute(changed, {"kept": kept, "id": taken["id"]})
    again = await post(phone.client, phone, body, "")
    assert f'"status":"duplicate","first":{kept}}}'.encode() in again.content
    assert await trial.remarks_of(database) == ["once"]
