"""The real tuspy and the real tus-js-client against a real server (SYNC 7).

Both meet what a phone meets: cut connections, another writer, wrong offsets, damaged bytes, a
server that dies, an access token that ends in the middle.
"""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from fieldops.files.models import Upload
from fieldops.files.uploading import Uploading
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support import node
from tests.support.clients import bearer
from tests.support.factories.files import content, sha256_of
from tests.support.proxy import Proxy, proxying
from tests.support.servers import server_process, serving
from tests.support.world import World, build_world

pytestmark = pytest.mark.anyio

CHUNK = 200_000
PATIENCE = 300  # tries, 200 ms apart: a server takes its time to start
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Job:
    """What a client is to upload, and how; and what came of it."""

    url: str
    authorization: str
    file: Path
    chunk: int = CHUNK
    resume: str | None = None
    stop_at: int | None = None
    wrong_offset: int | None = None
    checksum: bool = False
    terminate: bool = False


@dataclass
class Outcome:
    url: str | None
    done: bool
    status: int | None = None


def tuspy(job: Job) -> Outcome:
    """Upload by tuspy, as its documentation shows it."""
    client = TusClient(f"{job.url}/v1/uploads", headers={"Authorization": job.authorization})
    data = job.file.read_bytes()
    uploader = client.uploader(
        file_stream=io.BytesIO(data),
        url=job.resume,
        chunk_size=job.chunk,
        metadata={"sha256": sha256_of(data), "filename": "label.jpg", "mime": "image/jpeg"},
        retries=PATIENCE,
        retry_delay=0.2,
        upload_checksum=job.checksum,
    )
    try:
        if job.wrong_offset is not None:
            uploader.upload(stop_at=job.chunk)
            uploader.offset = job.wrong_offset
        uploader.upload(stop_at=job.stop_at)
    except (TusUploadFailed, TusCommunicationError) as failed:
        return Outcome(uploader.url, done=False, status=failed.status_code)
    return Outcome(uploader.url, done=uploader.offset == len(data))


def tus_js(job: Job) -> Outcome:
    """Upload by tus-js-client in node, as its documentation shows it."""
    wanted = {
        "endpoint": f"{job.url}/v1/uploads",
        "authorization": job.authorization,
        "file": str(job.file),
        "sha256": sha256_of(job.file.read_bytes()),
        "chunkSize": job.chunk,
        "uploadUrl": job.resume,
        "stopAt": job.stop_at,
        "wrongOffset": job.wrong_offset,
        "terminate": job.terminate,
        "retryDelays": [200] * PATIENCE,
    }
    done = subprocess.run(
        ["node", "tus.mjs"],
        cwd=node.PROJECT,
        env={
            **os.environ,
            "TUS_DO": json.dumps({k: v for k, v in wanted.items() if v is not None}),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    return Outcome(said.get("url"), done=said.get("done", False), status=said.get("status"))


CLIENTS = {"tuspy": tuspy, "tus-js-client": tus_js}


@dataclass
class Site:
    """A server behind a proxy, a photo to upload, and one of the two clients."""

    proxy: Proxy
    uploading: Uploading
    world: World
    settings: Settings
    photo: Path
    client: Any

    @property
    def data(self) -> bytes:
        return self.photo.read_bytes()

    async def upload(self, **more: Any) -> Outcome:
        job = Job(self.proxy.url, self.authorization, self.photo, **more)
        outcome: Outcome = await asyncio.to_thread(self.client, job)
        return outcome

    @property
    def authorization(self) -> str:
        return bearer(self.settings, self.world.alice)["Authorization"]

    def stored(self) -> bool:
        store = self.uploading.store(1)
        return b"".join(store.read(sha256_of(self.data))) == self.data


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Any:
    if request.param == "tus-js-client":
        request.getfixturevalue("npm_clients")
    return CLIENTS[request.param]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "label.jpg"
    path.write_bytes(content(1_000_000))
    return path


@pytest.fixture
async def site(
    committed: tuple[Database, Settings], tmp_path: Path, photo: Path, client: Any
) -> AsyncIterator[Site]:
    database = committed[0]
    settings = committed[1].model_copy(update={"files_path": tmp_path / "files"})
    world = await build_world(database)
    with serving(settings) as url, proxying(url) as proxy:
        yield Site(proxy, Uploading(database, settings), world, settings, photo, client)


async def test_a_photo_goes_through_in_one_go_and_in_chunks(site: Site) -> None:
    assert (await site.upload(chunk=10_000_000)).done
    assert site.stored()
    assert (await site.upload()).done


async def test_connections_that_are_cut_again_and_again_cost_no_more_than_what_was_cut(
    site: Site,
) -> None:
    site.proxy.cuts = [150_000] * 6
    assert (await site.upload(chunk=1_000_000)).done
    assert site.stored()
    assert site.proxy.cut >= 3
    assert site.proxy.sent < len(site.data) * 1.3


async def test_a_wrong_offset_is_answered_409_and_the_client_goes_on_from_the_right_one(
    site: Site,
) -> None:
    assert (await site.upload(wrong_offset=500_000)).done
    assert 409 in site.proxy.statuses()
    assert site.stored()


async def test_a_second_writer_gets_423_until_the_first_is_gone_and_loses_nothing_of_it(
    site: Site,
) -> None:
    begun = await site.upload(stop_at=CHUNK)
    assert begun.url is not None
    with first_writer(begun.url, CHUNK, site.data[CHUNK:], half=300_000) as writing:
        uploading = asyncio.create_task(site.upload(resume=begun.url))
        while 423 not in site.proxy.statuses() and not uploading.done():  # noqa: ASYNC110 - the proxy has no event
            await asyncio.sleep(0.05)
        writing.close()  # a dead writer's lock ends with its connection
        assert (await uploading).done
    assert site.stored()
    refused = site.proxy.statuses().count(423)
    # The first writer's half was not sent again; a refused request may have sent its chunk.
    assert site.proxy.sent < len(site.data) + refused * CHUNK + 50_000


class first_writer:  # noqa: N801 - used like a function
    """A request that has sent half of what it announced and stands there."""

    def __init__(self, url: str, offset: int, data: bytes, *, half: int) -> None:
        at = urlsplit(url)
        self._socket = socket.create_connection((at.hostname or "", at.port or 0))
        head = (
            f"PATCH {at.path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + data[:half])
        time.sleep(0.3)

    def __enter__(self) -> socket.socket:
        return self._socket

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()


async def test_an_upload_goes_on_with_its_own_key_after_the_access_token_has_ended(
    site: Site, at: datetime
) -> None:
    sent_with = site.authorization
    begun = await site.upload(stop_at=2 * CHUNK)
    assert not begun.done
    with clock.frozen(at + timedelta(hours=3)):
        async with httpx.AsyncClient() as http:
            refused = await http.post(
                f"{site.proxy.url}/v1/uploads", headers={**TUS, "Authorization": sent_with}
            )
        assert refused.status_code == 401
        job = Job(site.proxy.url, sent_with, site.photo, resume=begun.url)
        assert (await asyncio.to_thread(site.client, job)).done
    assert site.stored()


async def test_damaged_bytes_never_become_a_photo(site: Site) -> None:
    """tuspy sends checksums: 460, and the bytes again; tus-js-client does not: 460 at the end."""
    site.proxy.damage = 150_000
    outcome = await site.upload(checksum=True)
    assert 460 in site.proxy.statuses()
    if site.client is tuspy:
        assert outcome.done
        assert site.stored()
    else:
        assert (outcome.done, outcome.status) == (False, 460)
        assert not site.uploading.store(1).holds(sha256_of(site.data))
        assert (await site.upload()).done


async def test_an_upload_the_user_gives_up_is_gone(site: Site) -> None:
    begun = await site.upload(stop_at=CHUNK, terminate=True)
    assert begun.url is not None
    async with httpx.AsyncClient() as http:
        if site.client is tuspy:  # it has no termination of its own
            assert (await http.delete(begun.url, headers=TUS)).status_code == 204
        assert (await http.head(begun.url, headers=TUS)).status_code == 404


@pytest.fixture
def ended() -> Iterator[list[Any]]:
    """Context managers of servers that a test leaves, the last first."""
    entered: list[Any] = []
    yield entered
    for manager in reversed(entered):
        manager.__exit__(None, None, None)


async def safe(database: Database, least: int) -> None:
    """Wait until so many bytes of the only upload are safe."""
    position = 0
    while position < least:
        await asyncio.sleep(0.05)
        async with database.transaction() as session:
            found = await session.scalar(select(Upload.position).where(Upload.region_id == 1))
        position = found or 0


async def test_an_upload_goes_on_when_the_server_is_killed_and_started_again(
    committed: tuple[Database, Settings], tmp_path: Path, photo: Path, client: Any, ended: list[Any]
) -> None:
    database = committed[0]
    settings = committed[1].model_copy(update={"files_path": tmp_path / "files"})
    await asyncio.to_thread(photo.write_bytes, content(6_000_000))
    world = await build_world(database)

    def start() -> Any:
        manager = server_process(settings, tmp_path, now=clock.now())
        server = manager.__enter__()
        ended.append(manager)
        return server

    server = start()
    with proxying(server.url) as proxy:
        proxy.cuts = [3_000_000, 3_000_000]  # in the middle of the photo
        site = Site(proxy, Uploading(database, settings), world, settings, photo, client)
        uploading = asyncio.create_task(site.upload(chunk=10_000_000))
        while proxy.cut == 0 and not uploading.done():  # noqa: ASYNC110 - the proxy has no event
            await asyncio.sleep(0.02)
        proxy.target = "127.0.0.1:1"
        await safe(database, 2_000_000)
        os.kill(server.process.pid, signal.SIGKILL)
        proxy.target = urlsplit(start().url).netloc
        assert (await uploading).done
        assert site.stored()
        assert proxy.sent < 6_000_000 * 1.3
