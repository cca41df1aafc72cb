"""What the answer `unchanged` must know of (SYNC section 3): parts of its key that stand alone."""

import pytest

from fieldops.kernel.db import Database
from fieldops.organisation.models import Unit
from tests.support.device import Phone
from tests.support.world import NORTH, SOUTH
from tests.sync import trial
from tests.sync.test_pull import statements

pytestmark = pytest.mark.anyio


async def looked(phone: Phone, database: Database) -> bool:
    """Pull, and return whether the view was looked through."""
    with statements(database) as seen:
        await phone.pull_once()
    return len([s for s in seen if "sync_" in s]) > 1  # without news it is one statement


async def test_a_changed_catalogue_makes_every_phone_look(phone: Phone, database: Database) -> None:
    """I5: a new template, reason or unit may be in anybody's view."""
    await phone.pull()
    assert not await looked(phone, database)
    async with database.transaction() as session:
        (await session.get_one(Unit, NORTH)).name = "North and harbour"
    assert await looked(phone, database)


async def test_what_a_phone_did_in_a_centre_it_holds_nothing_of_is_shown_to_it(
    phone: Phone, database: Database
) -> None:
    """I8: last_seq is part of the key, for no counter of its centres tells of this row."""
    elsewhere = await trial.make(database, "carol", centre=SOUTH)
    await phone.pull()
    phone.capture("trial.remark", trial_id=elsewhere, text="helped out")
    await phone.push()
    await phone.pull()
    assert [row["text"] for row in phone.rows("trial_remark")] == ["helped out"]


async def test_a_row_that_moves_to_a_centre_the_phone_knows_nothing_of_is_found(
    phone: Phone, database: Database
) -> None:
    """I5: the centre it leaves is counted too."""
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, centre_id=SOUTH)
    await phone.pull()
    assert [row["version"] for row in phone.rows("trial")] == [2]
