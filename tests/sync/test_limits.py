"""The limits of SYNC sections 2 and 3: each is answered with a stable code (docs/limits.md)."""

import gzip
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import zstandard

from fieldops.kernel.db import Database
from fieldops.kernel.errors import BodyCut, InvalidRequest
from fieldops.sync import inflate, rules
from tests.support.device import Phone, Refused
from tests.sync import trial
from tests.sync.test_push import post, queue, request, send

pytestmark = pytest.mark.anyio

SHA = "a" * 64


def command(**changed: Any) -> dict[str, Any]:
    captured = {"wall": "2026-11-23T08:00:00+02:00", "mono_ms": 1, "boot_id": "b"}
    args = {"trial_id": str(uuid4()), "text": "x"}
    plain = {"id": str(uuid4()), "seq": 1, "name": "trial.remark", "args": args}
    return {**plain, "captured": captured, **changed}


def ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


@pytest.mark.parametrize(
    "changed",
    [
        {"commands": [command(seq=n + 1) for n in range(rules.MOST_COMMANDS + 1)]},
        {"commands": [command(id="42")]},
        {"commands": [command(id=None)]},
        {"commands": [command(seq=0)]},
        {"commands": [command(seq=2**53 + 1)]},
        {"device_id": "not-an-id"},
        {"epoch": 0},
        {"epoch": 2**31},
        {"queued": -1},
    ],
    ids=[
        "51 commands", "an id that is none", "no id", "number 0", "a number too high", "device id",
        "epoch 0", "epoch too high", "queued",
    ],
)  # fmt: skip
async def test_sync_2_a_push_beyond_a_limit_is_refused_whole(
    phone: Phone, changed: dict[str, Any]
) -> None:
    """SYNC 2: nothing of it is taken, and the phone's next number stays."""
    with pytest.raises(Refused) as refused:
        await phone.send("/v1/sync/push", {**request(phone, []), **changed})
    assert (refused.value.status, refused.value.problem["code"]) == (422, "invalid_arguments")
    assert refused.value.problem["errors"]
    assert (await send(phone, []))["device"]["last_seq"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "trial." + "x" * 64},
        {"v": 10_001},
        {"base": [{"ref": {"type": "trial", "id": i}, "version": 1} for i in ids(1)] * 101},
        {"depends_on": ids(rules.MOST_NAMED + 1)},
        {"depends_on": ["not-an-id"]},
        {"attachments": [{"sha256": SHA, "bytes": 1, "mime": "image/png"}] * 51},
        {"attachments": [{"sha256": "a" * 63, "bytes": 1, "mime": "image/png"}]},
        {"args": {"trial_id": "x", "text": "y" * 300}},
    ],
    ids=[
        "name", "version", "base", "depends_on", "an id that is none", "attachments", "hash",
        "args",
    ],
)  # fmt: skip
async def test_sync_2_a_command_beyond_a_limit_is_rejected_and_kept(
    phone: Phone, changed: dict[str, Any]
) -> None:
    """SYNC 2, I11: it gets its final answer, and does not block those behind it."""
    result, behind = (await send(phone, [command(**changed), command(seq=2)]))["results"]
    assert result["status"] == "rejected"
    assert result["code"] in {"malformed_command", "invalid_arguments"}
    assert result["case_id"]
    assert behind["seq"] == 2


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
async def test_sync_2_the_most_bytes_of_a_push_are_taken_and_one_more_is_not(
    phone: Phone, encoding: str
) -> None:
    """SYNC 2: 256 KiB, as sent and inflated; one byte more is `too_large`."""
    pack: dict[str, Callable[[bytes], bytes]] = {
        "": bytes, "gzip": gzip.compress, "zstd": zstandard.compress,
    }  # fmt: skip
    body = json.dumps(request(phone, [])).encode()
    # Random letters do not compress below the ratio.
    filler = "".join(uuid4().hex for _ in range(rules.MOST_BYTES // 32))
    for size, status in ((rules.MOST_BYTES, 422), (rules.MOST_BYTES + 1, 413)):
        rest = size - len(body) - len(b', "filler": ""')
        whole = body[:-1] + b', "filler": "' + filler[:rest].encode() + b'"}'
        assert len(whole) == size
        answer = await post(phone.client, phone, pack[encoding](whole), encoding)
        code = {422: "invalid_arguments", 413: "too_large"}[status]
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_sync_2_a_compressed_body_that_was_cut_is_never_taken_for_a_whole_one(
    encoding: str,
) -> None:
    """SYNC 2: at whatever byte the network ended, nor is what follows an end dropped unseen."""
    pack = gzip.compress if encoding == "gzip" else zstandard.compress
    whole = pack(b'{"commands": []}')
    assert inflate.inflate(whole, encoding) == b'{"commands": []}'
    for broken in (*(whole[:end] for end in range(len(whole))), whole + b" ", whole + whole):
        with pytest.raises((BodyCut, InvalidRequest)):
            inflate.inflate(broken, encoding)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_sync_2_a_push_that_was_cut_is_told_so_and_the_same_push_is_taken(
    phone: Phone, database: Database, encoding: str
) -> None:
    """SYNC 2: 400, not 422: nothing is wrong with what the phone wrote."""
    pack = gzip.compress if encoding == "gzip" else zstandard.compress
    phone.capture("trial.remark", trial_id=await trial.make(database), text="once")
    whole = pack(json.dumps(request(phone, queue(phone))).encode())
    cut = await post(phone.client, phone, whole[:-20], encoding)
    assert (cut.status_code, cut.json()["code"]) == (400, "body_cut")
    assert await trial.remarks_of(database) == []
    taken = await post(phone.client, phone, whole, encoding)
    assert [r["status"] for r in taken.json()["results"]] == ["applied"]


def test_sync_2_a_zstd_frame_that_asks_for_much_memory_is_refused_unread() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    greedy = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(InvalidRequest):
        inflate.inflate(greedy.compress(b"{}") + greedy.flush(), "zstd")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_sync_2_a_ratio_above_a_hundred_is_too_large(phone: Phone, encoding: str) -> None:
    """SYNC 2: also below the size; small bodies are not counted."""
    pack = gzip.compress if encoding == "gzip" else zstandard.compress
    for size, status in ((rules.RATIO_COUNTS_FROM, 422), (rules.MOST_BYTES // 2, 413)):
        answer = await post(phone.client, phone, pack(b" " * size), encoding)
        assert answer.status_code == status
        assert answer.json()["code"] == {422: "invalid_arguments", 413: "too_large"}[status]


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": {"rows": 0}},
        {"limit": {"rows": rules.MOST_ROWS + 1}},
        {"limit": {"bytes": rules.LEAST_BYTES - 1}},
        {"limit": {"bytes": rules.MOST_PAGE_BYTES + 1}},
        {"cursor": "x" * (rules.LONGEST_CURSOR + 1)},
        {"erased": ids(rules.MOST_ERASED + 1)},
        {"erased": ["not-an-id"]},
        {"device_id": "not-an-id"},
        {"schema": 0},
        {"epoch": 0},
    ],
    ids=[
        "no rows", "rows", "too few bytes", "bytes", "cursor", "erased", "an id that is none",
        "device id", "schema", "epoch",
    ],
)  # fmt: skip
async def test_sync_3_a_pull_beyond_a_limit_is_refused(
    phone: Phone, changed: dict[str, Any]
) -> None:
    """SYNC 3: a number outside is an error of the app, never silently another number."""
    with pytest.raises(Refused) as refused:
        await phone.send("/v1/sync/pull", {**phone.pull_request(None), **changed})
    assert (refused.value.status, refused.value.problem["code"]) == (422, "invalid_arguments")
    (field,) = changed
    assert any(field in error["field"] for error in refused.value.problem["errors"])


async def test_sync_3_the_outermost_numbers_of_a_pull_are_taken(
    phone: Phone, database: Database
) -> None:
    """SYNC 3: the most rows and bytes, the longest cursor (a foreign one, which resets)."""
    await trial.make(database)
    answer = await phone.send(
        "/v1/sync/pull",
        {
            **phone.pull_request("x" * rules.LONGEST_CURSOR),
            "limit": {"rows": rules.MOST_ROWS, "bytes": rules.MOST_PAGE_BYTES},
            "erased": ids(rules.MOST_ERASED),
        },
    )
    assert answer["reset"]
    assert answer["view"]["rows"] == 1


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_sync_2_an_answer_is_compressed_as_the_phone_asks(
    phone: Phone, database: Database, encoding: str
) -> None:
    """SYNC 2: a first pull in a cellar is a tenth of its size; the small answers go as they are."""
    for number in range(20):
        await trial.make(database, note=f"a trial to be pulled, number {number}")
    headers = {
        "Authorization": f"Bearer {phone.get('token')}",
        "Device-Key": phone.get("key"),
        "Accept-Encoding": encoding,
    }
    asked = {"url": "/v1/sync/pull", "json": phone.pull_request(None), "headers": headers}
    async with phone.client.stream("POST", **asked) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == encoding
    if encoding == "gzip":
        content = gzip.decompress(raw)
    else:
        content = zstandard.ZstdDecompressor().stream_reader(raw).read()
    assert len(json.loads(content)["puts"]["trial"]) == 20
    assert len(raw) < len(content) / 3


async def test_sync_2_the_most_commands_are_taken(phone: Phone, database: Database) -> None:
    """SYNC 2: fifty in one push."""
    id_ = await trial.make(database)
    for number in range(rules.MOST_COMMANDS):
        phone.capture("trial.remark", trial_id=id_, text=str(number))
    answer = await send(phone, queue(phone))
    assert [result["status"] for result in answer["results"]] == ["applied"] * rules.MOST_COMMANDS
