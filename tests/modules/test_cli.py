import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from fieldops import cli
from fieldops.checklists import standard
from fieldops.checklists.models import Template
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings, get_settings
from fieldops.notifications import push
from fieldops.organisation import queries
from fieldops.organisation.commands.accounts import passwords
from fieldops.sync import queries as sync
from tests.support import databases

T = TypeVar("T")

BEGIN = ["begin", "--region", "7", "--name", "Oulu", "--zone", "Europe/Helsinki"]
PASSWORD = "a first long password"


@pytest.fixture
def on(template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The command line of an empty installation."""
    name = databases.clone(template)
    settings = databases.settings_for(name)
    monkeypatch.setenv("FIELDOPS_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("FIELDOPS_OUTSIDE_PATH", str(settings.outside_path))
    get_settings.cache_clear()
    yield settings
    get_settings.cache_clear()
    databases.drop(name)


def see(settings: Settings, look: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Look into the installation's database."""

    async def run() -> T:
        database = connect(settings)
        try:
            async with database.transaction() as session:
                return await look(session)
        finally:
            await database.close()

    return asyncio.run(run())


def call(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, list(args))
    return done.exit_code, re.sub(r"\s+", " ", done.output)


def test_a_region_begins_with_an_administrator(on: Settings) -> None:
    args = [*BEGIN, "--email", "Ada@oulu.example", "--password", PASSWORD]
    assert call(*args) == (0, "Ada@oulu.example administers region 7, Oulu. ")
    code, said = call(*args)
    assert (code, "a second time" in said) == (2, True)

    async def look(session: AsyncSession) -> None:
        person = await queries.person_by_email(session, "ada@oulu.example")
        assert person is not None
        assert passwords.verify(PASSWORD, person.password_hash or "")
        actor = await queries.load_actor(session, person.id, 7)
        assert actor is not None
        assert [(g.role, g.whole_region) for g in actor.grants] == [("administrator", True)]

    see(on, look)


@pytest.mark.parametrize(
    ("email", "password", "zone"),
    [
        ("no address", PASSWORD, "Europe/Helsinki"),
        ("ada@oulu.example", "short", "Europe/Helsinki"),
        ("ada@oulu.example", PASSWORD, "Europe/Nowhere"),
    ],
)
def test_a_first_account_that_cannot_be_is_refused_in_words(
    on: Settings, email: str, password: str, zone: str
) -> None:
    code, said = call(
        "begin", "--region", "7", "--name", "Oulu", "--zone", zone, "--email", email,
        "--password", password,
    )  # fmt: skip
    assert code == 2
    assert "Traceback" not in said


def test_a_restore_raises_the_epoch(on: Settings) -> None:
    assert "is in epoch 2" in call("sync", "bump-epoch", "--region", "1", "--reason", "restore")[1]
    assert "is in epoch 3" in call("sync", "bump-epoch", "--region", "1", "--reason", "again")[1]

    assert see(on, lambda session: sync.epoch(session, 1)) == 3


def test_migrate_lays_out_the_catalogues_and_keeps_them(on: Settings) -> None:
    assert call("migrate")[0] == 0
    assert call("migrate")[0] == 0

    count = select(func.count()).select_from(Template)
    assert see(on, lambda session: session.scalar(count)) == len(standard.templates())


def test_settings_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDOPS_SECRET", "never-to-be-shown-anywhere-0123456789")
    monkeypatch.setenv("FIELDOPS_DATABASE_URL", "postgresql://me:hush@db.example/fieldops")
    get_settings.cache_clear()
    rows = {name: value for name, value, _ in cli._settings_rows(get_settings())}
    assert "never" not in str(rows)
    assert "hush" not in str(rows)
    get_settings.cache_clear()


def test_a_push_key_that_was_printed_is_the_one_browsers_are_given(
    on: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = call("push-key")
    (name, private), public = said.split()[0].split("="), said.split()[-1]
    assert (code, name, push.public_key(on)) == (0, "FIELDOPS_PUSH_PRIVATE_KEY", None)
    monkeypatch.setenv(name, private)
    get_settings.cache_clear()
    assert push.public_key(get_settings()) == public
    point = base64.urlsafe_b64decode(public + "=")
    assert (len(point), point[0]) == (65, 4)  # an uncompressed point of P-256, as browsers want it
    assert call("push-key")[1].split()[0] != f"{name}={private}"
