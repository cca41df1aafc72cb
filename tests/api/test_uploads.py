"""tus 1.0.0 over the real application, and over real connections that are cut (SYNC 7)."""

import asyncio
import base64
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import uvicorn

from api import tokens
from api.app import create_app
from fieldops.files.uploading import Uploading
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.databases import SECRET
from tests.support.factories.files import content, promise, sha256_of
from tests.support.world import World, build_world

pytestmark = pytest.mark.anyio

NOBODYS = "0" * 32
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream"}


def bearer(settings: Settings, actor: Actor) -> dict[str, str]:
    claims = tokens.Claims(actor.id, actor.region_id, None, uuid4())
    return {"Authorization": f"Bearer {tokens.make_access(settings, claims)[0]}"}


def metadata(data: bytes, **more: str) -> str:
    given = {"sha256": sha256_of(data), "filename": "label.jpg", "mime": "image/jpeg", **more}
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in given.items())


@dataclass
class Phone:
    """A tus client of one person."""

    http: httpx.AsyncClient
    signed_in: dict[str, str]

    async def begin(self, data: bytes, **headers: str) -> str:
        answer = await self.create(data, **headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    async def create(self, data: bytes, **headers: str) -> httpx.Response:
        sent = {
            **TUS,
            **self.signed_in,
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata(data),
            **headers,
        }
        return await self.http.post("/v1/uploads", headers={k: v for k, v in sent.items() if v})

    async def send(self, url: str, data: bytes, offset: int, **headers: str) -> httpx.Response:
        sent = {**STREAM, "Upload-Offset": str(offset), **headers}
        return await self.http.patch(url, content=data, headers=sent)

    async def offset(self, url: str) -> int:
        answer = await self.http.head(url, headers=TUS)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])


@pytest.fixture
def here(files_in: Settings) -> Settings:
    """Both stores of files, one after the other."""
    return files_in


@pytest.fixture
async def phone(database: Database, here: Settings, world: World) -> AsyncIterator[Phone]:
    transport = httpx.ASGITransport(create_app(here, database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Phone(client, bearer(here, world.alice))


async def test_the_abilities_are_told_without_sign_in(phone: Phone, here: Settings) -> None:
    answer = await phone.http.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(here.upload_max_bytes)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "termination", "checksum", "expiration",
    }  # fmt: skip


async def test_an_upload_in_three_parts_becomes_a_file_that_can_be_fetched(
    phone: Phone, database: Database, world: World
) -> None:
    data = content(3000)
    await promise(database, world.alice, data, subject_id=uuid4())
    url = await phone.begin(data)
    missing = await phone.http.get(f"/v1/files/contents/{sha256_of(data)}", headers=phone.signed_in)
    assert (missing.status_code, missing.json()["code"]) == (404, "file_not_arrived")
    for start in range(0, 3000, 1000):
        answer = await phone.send(url, data[start : start + 1000], start)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + 1000))
        assert answer.headers["Upload-Expires"].endswith("GMT")
    got = await phone.http.get(f"/v1/files/contents/{sha256_of(data)}", headers=phone.signed_in)
    assert got.content == data
    assert got.headers["Content-Type"] == "image/jpeg"
    assert got.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_creation_may_carry_the_first_bytes(phone: Phone) -> None:
    data = content(2000)
    answer = await phone.http.post(
        "/v1/uploads",
        content=data[:800],
        headers={
            **STREAM,
            **phone.signed_in,
            "Upload-Length": "2000",
            "Upload-Metadata": metadata(data),
        },
    )
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "800")
    assert await phone.offset(answer.headers["Location"]) == 800


async def test_a_creation_whose_first_bytes_are_refused_leaves_no_upload_nobody_knows_of(
    phone: Phone,
) -> None:
    data = content(2000)
    answer = await phone.http.post(
        "/v1/uploads",
        content=data[:800],
        headers={
            **STREAM,
            **phone.signed_in,
            "Upload-Length": "2000",
            "Upload-Metadata": metadata(data),
            "Upload-Checksum": f"sha1 {base64.b64encode(bytes(20)).decode()}",
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    mine = await phone.http.get("/v1/uploads", headers=phone.signed_in)
    assert mine.json()["items"] == []


async def test_metadata_is_told_back_as_it_was_sent(phone: Phone) -> None:
    data = content()
    sent = metadata(data) + ",is_confidential,kind " + base64.b64encode(b"label").decode()
    answer = await phone.create(data, **{"Upload-Metadata": sent})
    told = await phone.http.head(answer.headers["Location"], headers=TUS)
    assert told.headers["Upload-Metadata"] == sent


async def test_an_upload_goes_on_after_the_access_token_has_run_out(
    phone: Phone, at: datetime
) -> None:
    data = content(2000)
    url = await phone.begin(data)
    with clock.frozen(at + timedelta(hours=5)):
        assert (await phone.create(data)).status_code == 401
        assert await phone.offset(url) == 0
        assert (await phone.send(url, data, 0)).status_code == 204


@pytest.mark.parametrize("key", ["x", "1.2.3", f"1.{NOBODYS}.wrong", "９.a.b", "1..", "%00"])
async def test_head_never_answers_401(phone: Phone, key: str) -> None:
    answer = await phone.http.head(f"/v1/uploads/{key}", headers=TUS)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_key_of_the_address_is_the_only_way_in(phone: Phone) -> None:
    url = await phone.begin(content())
    other = url.rsplit(".", 1)[0] + "." + "A" * 43
    for answer in (
        await phone.http.head(other, headers={**TUS, **phone.signed_in}),
        await phone.send(other, b"x", 0, **phone.signed_in),
        await phone.http.delete(other, headers={**TUS, **phone.signed_in}),
    ):
        assert answer.status_code == 404


async def test_a_wrong_offset_is_a_conflict_and_stores_nothing(phone: Phone) -> None:
    data = content(2000)
    url = await phone.begin(data)
    answer = await phone.send(url, data, 500)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_offset_mismatch")
    assert await phone.offset(url) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_checksum_is_kept_to(phone: Phone, algorithm: str) -> None:
    data = content(2000)
    url = await phone.begin(data)
    digest = base64.b64encode(hashlib.new(algorithm, data[:1000]).digest()).decode()
    bad = await phone.send(
        url, data[:999] + b"!", 0, **{"Upload-Checksum": f"{algorithm} {digest}"}
    )
    assert (bad.status_code, bad.json()["code"]) == (460, "checksum_mismatch")
    assert await phone.offset(url) == 0
    good = await phone.send(url, data[:1000], 0, **{"Upload-Checksum": f"{algorithm} {digest}"})
    assert (good.status_code, good.headers["Upload-Offset"]) == (204, "1000")


async def test_a_content_that_is_not_what_was_promised_is_refused_with_460(phone: Phone) -> None:
    url = await phone.begin(content(seed=1))
    answer = await phone.send(url, content(seed=2), 0)
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    gone = await phone.http.head(url, headers=TUS)
    assert gone.status_code == 404


async def test_a_terminated_upload_is_gone(phone: Phone) -> None:
    data = content()
    url = await phone.begin(data)
    await phone.send(url, data[:500], 0)
    assert (await phone.http.delete(url, headers=TUS)).status_code == 204
    assert (await phone.http.head(url, headers=TUS)).status_code == 404


async def test_patch_and_delete_may_come_as_post(phone: Phone) -> None:
    data = content()
    url = await phone.begin(data)
    sent = {**STREAM, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await phone.http.post(url, content=data, headers=sent)).status_code == 204
    sent = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert (await phone.http.post(url, headers=sent)).status_code == 204


async def test_an_expired_upload_is_410(phone: Phone, at: datetime) -> None:
    url = await phone.begin(content())
    with clock.frozen(at + timedelta(days=8)):
        assert (await phone.http.head(url, headers=TUS)).status_code == 410


async def test_another_tus_version_is_refused_with_the_one_spoken(phone: Phone) -> None:
    answer = await phone.create(content(), **{"Tus-Resumable": "0.2.2"})
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": ""}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "0"}, 400),
        ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Length": str(2**40)}, 413),
        ({"Upload-Metadata": ""}, 400),
        ({"Upload-Metadata": "sha256 not-base64!"}, 400),
        ({"Upload-Metadata": "sha256 " + base64.b64encode(b"abc").decode()}, 400),
        ({"Upload-Metadata": "sha256 " + base64.b64encode(b"\xff\xfe").decode()}, 400),
        ({"Upload-Metadata": metadata(b"", filename="a\x00b")}, 400),
        ({"Upload-Metadata": metadata(b"", mime="text/html")}, 415),
        ({"Authorization": ""}, 401),
    ],
)
async def test_a_malformed_creation_is_refused(
    phone: Phone, headers: dict[str, str], status: int
) -> None:
    answer = await phone.create(content(), **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_who_may_not_write_files_may_not_upload(
    phone: Phone, here: Settings, world: World
) -> None:
    assert (await phone.create(content(), **bearer(here, world.mia))).status_code == 403


async def test_only_the_offset_stream_can_be_appended(phone: Phone) -> None:
    url = await phone.begin(content())
    answer = await phone.send(url, b"x", 0, **{"Content-Type": "image/jpeg"})
    assert answer.status_code == 415
    answer = await phone.send(url, b"x", 0, **{"Upload-Offset": "first"})
    assert answer.status_code == 400
    answer = await phone.send(url, b"x", 0, **{"Upload-Checksum": "md5 AAAA"})
    assert answer.status_code == 400


async def test_a_technician_lists_only_their_own_uploads(
    phone: Phone, here: Settings, world: World
) -> None:
    await phone.begin(content())
    mine = await phone.http.get("/v1/uploads", headers=phone.signed_in)
    assert [item["length"] for item in mine.json()["items"]] == [2000]
    others = await phone.http.get("/v1/uploads", headers=bearer(here, world.bob))
    assert others.json()["items"] == []


@asynccontextmanager
async def served(database: Database, settings: Settings) -> AsyncIterator[int]:
    """Serve the application on loopback in this process and give its port."""
    app = create_app(settings, database)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def cut(port: int, url: str, data: bytes, offset: int, length: int) -> None:
    """Announce `length` bytes, send only `data` of them, and drop the connection."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n".encode()
        + data
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()


async def settled(phone: Phone, url: str, least: int) -> int:
    """Ask where the upload stands until the cut request has written what it had."""
    for _ in range(200):
        offset = await phone.offset(url)
        if offset >= least:
            return offset
        await asyncio.sleep(0.02)
    return await phone.offset(url)


async def test_a_phone_whose_connection_is_cut_again_and_again_gets_its_photo_through(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed[0], committed[1].model_copy(update={"files_path": tmp_path})
    world = await build_world(database)
    data = content(60_000)
    link_id = await promise(database, world.alice, data, subject_id=uuid4())
    async with (
        served(database, settings) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        phone = Phone(client, bearer(settings, world.alice))
        url = await phone.begin(data)
        offset = 0
        for _ in range(4):
            await cut(port, url, data[offset : offset + 12_000], offset, len(data) - offset)
            offset = await settled(phone, url, offset + 12_000)
            assert offset > 0
        answer = await phone.send(url, data[offset:], offset)
        assert answer.status_code == 204, answer.text
        link = await client.get(f"/v1/files/links/{link_id}", headers=phone.signed_in)
        assert link.json()["arrived"] is True
        got = await client.get(f"/v1/files/contents/{sha256_of(data)}", headers=phone.signed_in)
        assert got.content == data


async def test_of_two_requests_at_once_one_writes_and_the_other_waits(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed[0], committed[1].model_copy(update={"files_path": tmp_path})
    world = await build_world(database)
    data = content(20_000)
    async with (
        served(database, settings) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        phone = Phone(client, bearer(settings, world.alice))
        url = await phone.begin(data)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data[:10_000]
        )
        await writer.drain()
        await asyncio.sleep(0.1)
        assert (await phone.send(url, data, 0)).status_code == 423
        writer.write(data[10_000:])
        assert b"204" in await reader.readline()
        writer.close()
        assert await phone.offset(url) == len(data)
        assert Uploading(database, settings).store(1).content(sha256_of(data)).read_bytes() == data


async def test_a_server_killed_in_the_middle_resumes_where_the_disk_is_safe(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed[0], committed[1].model_copy(update={"files_path": tmp_path})
    world = await build_world(database)
    data = content(5_000_000)
    with clock.frozen(datetime.now(UTC)):
        signed_in = bearer(settings, world.alice)
        async with own_process(settings) as (port, process):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                phone = Phone(client, signed_in)
                url = await phone.begin(data)
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(
                    f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
                    f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
                    f"Content-Length: {len(data)}\r\n\r\n".encode()
                    + data[:4_000_000]
                )
                await writer.drain()
                assert await settled(phone, url, 1_000_000) >= 1_000_000
            os.kill(process.pid, signal.SIGKILL)
            writer.transport.abort()
        async with (
            own_process(settings) as (port, _process),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            phone = Phone(client, signed_in)
            offset = await phone.offset(url)
            assert 1_000_000 <= offset <= 4_000_000
            assert (await phone.send(url, data[offset:], offset)).status_code == 204
    assert Uploading(database, settings).store(1).content(sha256_of(data)).read_bytes() == data


@asynccontextmanager
async def own_process(settings: Settings) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Serve the application in a process of its own, with the real clock."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app", "--port", "0",
        env={
            **os.environ,
            "FIELDOPS_DATABASE_URL": settings.database_url,
            "FIELDOPS_SECRET": SECRET,
            "FIELDOPS_ENVIRONMENT": "test",
            "FIELDOPS_FILES_PATH": str(settings.files_path),
        },
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    port = 0
    while not port:
        line = (await process.stderr.readline()).decode()
        assert line, "the server did not start"
        if "running on http://127.0.0.1:" in line:
            port = int(line.split("127.0.0.1:")[1].split()[0])
    draining = asyncio.create_task(process.stderr.read())
    yield port, process
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
    await process.wait()
    await draining
