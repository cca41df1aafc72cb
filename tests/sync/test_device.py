"""The reference client keeps what docs/clients.md says that an app must keep."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, update

from api.app import create_app
from fieldops.files.models import File, FileLink, Upload
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.sync import queries
from tests.support.clients import bearer
from tests.support.device import NoAnswer, Phone
from tests.support.factories.appointments import local
from tests.support.factories.files import content
from tests.support.factories.visits import assigned_visit, get_visit
from tests.support.world import World

pytestmark = pytest.mark.anyio

Fault = Callable[[httpx.Request, httpx.Response], Awaitable[httpx.Response]]


class Network(httpx.AsyncBaseTransport):
    """The way to the application: what went over it, and what a test does to answers."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.inner = httpx.ASGITransport(create_app(settings, database))
        self.went: list[str] = []
        self.gone = False
        self.spoil: Callable[[str], httpx.Response | Exception | None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        short = "upload" if path.startswith("/v1/uploads") else path.rpartition("/")[2]
        if self.gone:
            raise httpx.ConnectError("no network")
        response = await self.inner.handle_async_request(request)
        await response.aread()
        self.went.append(f"{request.method} {short}" if short == "upload" else short)
        spoilt = self.spoil(self.went[-1])
        if isinstance(spoilt, Exception):
            raise spoilt
        return spoilt or response


@pytest.fixture
def network(database: Database, settings: Settings, tmp_path: Path) -> Network:
    return Network(settings.model_copy(update={"files_path": tmp_path / "files"}), database)


@pytest.fixture
async def visit_id(database: Database, world: World) -> UUID:
    return (await assigned_visit(database, world, start=local(23, 9))).visit_id


@pytest.fixture
async def phone(
    network: Network, settings: Settings, world: World, visit_id: UUID, tmp_path: Path
) -> AsyncIterator[Phone]:
    """Alice's phone, registered and with its first view."""
    async with httpx.AsyncClient(transport=network, base_url="http://fieldops") as client:
        made = Phone(client, tmp_path / "phone.db", piece_bytes=1000)
        made.use_token(bearer(settings, world.alice)["Authorization"].removeprefix("Bearer "))
        await made.register()
        await made.sync()
        network.went.clear()
        yield made
        made.db.close()


def take_photo(phone: Phone, visit_id: UUID, size: int = 3500) -> dict[str, Any]:
    photo = phone.attach(content(size), "image/jpeg")
    subject = {"subject_type": "visit", "subject_id": visit_id, "visit_id": visit_id}
    phone.capture("file.link", purpose="photo", **photo, **subject, attachments=[photo])
    return photo


async def test_small_data_goes_before_photos(
    phone: Phone, network: Network, visit_id: UUID
) -> None:
    take_photo(phone, visit_id)
    phone.capture("visit.depart", visit_id=visit_id)
    await phone.sync()
    assert network.went == [
        "push", "pull", "POST upload", *["PATCH upload"] * 4, "pull",
    ]  # fmt: skip
    assert phone.waiting() == {}


async def test_what_is_captured_while_a_photo_is_sent_does_not_wait_for_it(
    phone: Phone, network: Network, visit_id: UUID, database: Database
) -> None:
    take_photo(phone, visit_id)

    def depart(went: str) -> None:
        if went == "PATCH upload" and network.went.count(went) == 1:
            phone.capture("visit.depart", visit_id=visit_id)

    network.spoil = depart
    await phone.sync()
    first = network.went.index("PATCH upload")
    assert network.went[first : first + 3] == ["PATCH upload", "push", "PATCH upload"]
    assert (await get_visit(database, visit_id)).state == "en_route"


async def test_an_upload_that_was_cut_goes_on_where_the_server_stands(
    phone: Phone, network: Network, visit_id: UUID, tmp_path: Path
) -> None:
    take_photo(phone, visit_id)

    def cut(went: str) -> Exception | None:
        cut_off = went == "PATCH upload" and network.went.count(went) == 2
        return httpx.ReadError("cut after the second piece arrived") if cut_off else None

    network.spoil = cut
    with pytest.raises(httpx.ReadError):
        await phone.sync()
    assert phone.waiting() == {"photos": 1, "syncs": 1}
    phone.db.close()
    network.spoil = lambda _: None
    network.went.clear()
    restarted = Phone(phone.client, tmp_path / "phone.db", piece_bytes=1000)
    await restarted.sync()
    assert network.went == [
        "pull", "HEAD upload", "PATCH upload", "PATCH upload", "pull",
    ]  # fmt: skip
    assert restarted.waiting() == {}
    restarted.db.close()


async def test_a_photo_is_kept_as_long_as_its_command_for_a_server_that_is_restored(
    phone: Phone, visit_id: UUID, at: datetime, settings: Settings, world: World
) -> None:
    photo = take_photo(phone, visit_id)
    await phone.sync()
    assert [row["arrived"] for row in phone.rows("file_link")] == [True]
    kept = "select sha256 from attachment"
    for days, there in ((13, [(photo["sha256"],)]), (15, [])):
        with clock.frozen(at + timedelta(days=days)):
            phone.use_token(bearer(settings, world.alice)["Authorization"][7:])
            phone.capture("visit.depart", visit_id=visit_id)
            await phone.push()
        assert phone.db.execute(kept).fetchall() == there, days


async def test_sync_4_in_a_new_epoch_the_phone_offers_its_photos_again(
    phone: Phone, network: Network, visit_id: UUID, database: Database
) -> None:
    """The bytes may be lost with the rows; what the server has still is not sent twice."""
    take_photo(phone, visit_id)
    await phone.sync()
    async with database.transaction() as session:
        await queries.bump_epoch(session, 1, "restored")
    network.went.clear()
    await phone.sync()
    assert "PATCH upload" not in network.went
    async with database.transaction() as session:
        for lost in (Upload, File):
            await session.execute(delete(lost).where(lost.region_id == 1))
        await session.execute(update(FileLink).where(FileLink.region_id == 1).values(arrived=False))
        await queries.bump_epoch(session, 1, "restored to an earlier point")
    await phone.sync()
    assert network.went.count("PATCH upload") == 4
    assert phone.waiting() == {}


@pytest.mark.parametrize("lost", ["push", "pull"])
async def test_up_to_date_is_never_said_after_a_push_or_pull_that_failed(
    phone: Phone, network: Network, visit_id: UUID, lost: str
) -> None:
    phone.capture("visit.depart", visit_id=visit_id)
    network.spoil = lambda went: httpx.ReadTimeout("no answer") if went == lost else None
    with pytest.raises(httpx.ReadTimeout):
        await phone.sync()
    assert phone.waiting()["syncs"] == 1
    network.spoil = lambda _: None
    await phone.sync()
    assert phone.waiting() == {}
    (result,) = phone.db.execute("select status from outbox").fetchall()
    assert result == ("applied",), "the repeat carried the first result"


async def test_a_captive_portal_is_not_taken_for_the_server(
    phone: Phone, network: Network, visit_id: UUID
) -> None:
    phone.capture("visit.depart", visit_id=visit_id)
    page = httpx.Response(200, html="<h1>Welcome to our hotel</h1>")
    network.spoil = lambda _: page
    with pytest.raises(NoAnswer):
        await phone.sync()
    assert phone.waiting() == {"commands": 1, "syncs": 1}


async def test_the_phone_tries_again_after_the_time_the_server_asks_for(
    phone: Phone, network: Network, visit_id: UUID
) -> None:
    phone.capture("visit.depart", visit_id=visit_id)
    problem = httpx.Response(503, json={"code": "unavailable"}, headers={"Retry-After": "9"})
    network.spoil = lambda _: problem if network.went == ["push"] else None
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        network.gone = len(slept) == 1

    assert await phone.keep_trying(sleep=sleep)
    assert slept == [9, 2], "what the server asked for, then its own"


async def test_an_expired_sign_in_is_renewed_and_nothing_is_lost(
    phone: Phone, network: Network, visit_id: UUID
) -> None:
    phone.capture("visit.depart", visit_id=visit_id)
    good = phone.get("token")
    phone.use_token("expired")
    renewed = []

    async def renew() -> None:
        renewed.append(clock.now())
        phone.use_token(good)

    phone.renew = renew  # type: ignore[method-assign] - the fixture's sign-in has no refresh token
    assert await phone.keep_trying()
    assert len(renewed) == 1
    assert phone.waiting() == {}


async def test_a_busy_server_is_left_alone_for_the_time_it_names(
    phone: Phone, network: Network, visit_id: UUID
) -> None:
    """Storms: those sent away are spread by the server; the phone adds nothing of its own."""
    phone.capture("visit.depart", visit_id=visit_id)
    busy = httpx.Response(503, json={"code": "busy"}, headers={"Retry-After": "3"})
    network.spoil = lambda _: busy if len(network.went) <= 4 else None
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    assert await phone.keep_trying(sleep=sleep)
    assert slept == [3, 3, 3, 3]
