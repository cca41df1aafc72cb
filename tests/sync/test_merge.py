"""Two change one record (SYNC section 2): fields that do not meet merge, those that meet conflict.

Only what others changed after the version the phone had seen counts, never its own commands.
"""

from datetime import timedelta

import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.organisation.models import Leave
from tests.support.device import Phone
from tests.sync import trial

pytestmark = pytest.mark.anyio


async def text_of(database: Database, trial_id: object) -> str | None:
    async with database.transaction() as session:
        return (await session.get_one(Leave, (1, trial_id))).reason


async def test_fields_that_do_not_meet_are_merged_and_the_foreign_ones_named(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.describe", trial_id=id_, text="from the site")
    await trial.change(database, id_, ends_at=clock.now() + timedelta(days=9))
    result = (await phone.push())[0]
    assert (result["status"], result["merged"]) == ("merged", ["ends_at"])
    assert await text_of(database, id_) == "from the site"


async def test_a_field_that_somebody_else_changed_meanwhile_is_not_overwritten(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.describe", trial_id=id_, text="from the site")
    await trial.change(database, id_, reason="from the office")
    result = (await phone.push())[0]
    assert (result["status"], result["code"]) == ("rejected", "conflict")
    assert await text_of(database, id_) == "from the office"


async def test_a_phone_does_not_conflict_with_its_own_earlier_commands(
    phone: Phone, database: Database
) -> None:
    """Both were captured offline, on the same version."""
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.describe", trial_id=id_, text="first")
    phone.capture("trial.describe", trial_id=id_, text="second")
    assert [r["status"] for r in await phone.push()] == ["applied", "applied"]
    assert await text_of(database, id_) == "second"


async def test_states_never_merge(phone: Phone, database: Database) -> None:
    """The state is what it was, but somebody else was there in between."""
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.begin", trial_id=id_)
    await trial.change(database, id_, kind="finished")
    await trial.change(database, id_, kind="open")
    result = (await phone.push())[0]
    assert (result["status"], result["code"]) == ("rejected", "conflict")
    assert await trial.state_of(database, id_) == "open"
