"""CU-07: the ledger of erasures outside the database, and what goes beside the rows."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from fieldops.customers.errors import CustomerErased, NoErasureLedger
from fieldops.customers.models import Customer, Premises
from fieldops.customers.pii import Contact
from fieldops.files.disk import Disk
from fieldops.files.models import FileLink
from fieldops.files.store import store_of
from fieldops.kernel import erasure, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.outside import LEDGER, Outside
from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import Outgoing
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.models import Message
from tests.support.factories.appointments import book, local
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.files import content, promise, sha256_of
from tests.support.factories.orders import make_order
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def erase(database: Database, world: World, customer_id: UUID) -> dict[str, Any]:
    return await run(
        database, world.ada, "customer.erase", customer_id=str(customer_id),
        ground="customer_request",
    )  # fmt: skip


async def customer_in(database: Database) -> Customer:
    async with database.transaction() as session:
        return await make_customer(session, name="Ilmatar Forgetmenot")


async def test_cu_07_an_erasure_stands_in_the_ledger_without_personal_data(
    database: Database, world: World
) -> None:
    """CU-07: who asked, when, on which ground, which rows; each line tied to the one before."""
    first, second = await customer_in(database), await customer_in(database)
    result = await erase(database, world, first.id)
    await erase(database, world, second.id)
    outside = database.outside
    one, two = outside.lines()[-2:]
    assert (one.subject_id, two.subject_id) == (first.id, second.id)
    assert str(one.erasure_id) == result["id"]
    assert (one.asked_by, one.ground) == (world.ada.id, "customer_request")
    assert ("customer_contact", first.id) in one.rows
    assert (two.number, two.before) == (one.number + 1, one.hash)
    assert "Ilmatar" not in (outside.folder / LEDGER).read_text(encoding="utf-8")
    assert outside.broken() == []


async def test_cu_07_only_an_administrator_erases_and_only_once(
    database: Database, world: World
) -> None:
    customer = await customer_in(database)
    with pytest.raises(Forbidden):
        await run(database, world.dora, "customer.erase", customer_id=str(customer.id),
                  ground="customer_request")  # fmt: skip
    await erase(database, world, customer.id)
    with pytest.raises(CustomerErased):
        await erase(database, world, customer.id)


async def test_cu_07_without_a_ledger_nothing_is_erased(
    database: Database, world: World, tmp_path: Path
) -> None:
    """CU-07: an erasure that a restore could take back is not confirmed."""
    customer = await customer_in(database)
    file = tmp_path / "file"
    file.touch()
    database.sessions.configure(info={"outside": Outside(file)})
    with pytest.raises(NoErasureLedger):
        await erase(database, world, customer.id)
    async with database.transaction() as session:
        assert await session.get(Contact, (1, customer.id)) is not None


async def lines(tmp_path: Path, count: int) -> tuple[Outside, Path]:
    outside = Outside(tmp_path)
    for number in range(count):
        await outside.record(
            erasure_id=UUID(int=number), region_id=1, subject_type="customer",
            subject_id=UUID(int=9), ground="legal_order", at="2026-11-23T06:00:00Z",
            asked_by=UUID(int=7), rows=[("customer", UUID(int=9))],
        )  # fmt: skip
    return outside, tmp_path / LEDGER


async def test_a_changed_or_missing_line_of_the_ledger_is_noticed(tmp_path: Path) -> None:
    """CU-07: the chain of hashes shows what was changed, taken out or put in between."""
    outside, path = await lines(tmp_path, 3)
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert outside.broken() == []
    changed = json.loads(whole[1]) | {"region_id": 2}
    path.write_text(whole[0] + json.dumps(changed) + "\n" + whole[2], encoding="utf-8")
    assert [b.line for b in outside.broken()] == [2]
    path.write_text(whole[0] + whole[2], encoding="utf-8")
    assert [b.line for b in outside.broken()] == [2]
    path.write_text(whole[0] + "what is this\n" + whole[1], encoding="utf-8")
    assert [b.line for b in outside.broken()] == [2]


async def test_a_line_torn_by_a_crash_was_never_confirmed(tmp_path: Path) -> None:
    """CU-07: what a crash left half written is cut off by the next line."""
    outside, path = await lines(tmp_path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert [line.number for line in outside.lines()] == [1]
    await lines(tmp_path, 1)
    assert [line.number for line in outside.lines()] == [1, 2]
    assert outside.broken() == []


async def test_cu_07_handwriting_and_sent_messages_lose_their_bytes(
    database: Database, world: World, settings: Settings, tmp_path: Path
) -> None:
    """CU-07: signatures and sent messages go from disk after the commit, photos stay."""
    settings = settings.model_copy(
        update={"files_path": tmp_path / "files", "outbox_path": tmp_path / "outbox"}
    )
    async with database.transaction() as session:
        customer, premises = await make_customer(session), await make_premises(session)
    made = await make_order(database, world.dora, customer=customer, premises=premises)
    await book(database, world.dora, made.visit_id, local(24, 10), "alice")
    signature, photo = content(seed=1), content(seed=2)
    for data, purpose in ((signature, "signature"), (photo, "photo")):
        await promise(database, world.alice, data, subject_id=made.visit_id,
                      visit_id=made.visit_id, purpose=purpose)  # fmt: skip
        path = Disk(settings.files_path, 1).content(sha256_of(data))
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    async with database.transaction() as session:
        messages = [str(id_) for id_ in await session.scalars(
            select(Message.id).where(Message.region_id == 1, Message.customer_id == customer.id)
        )]  # fmt: skip
    assert messages
    for name in messages:
        await OutboxChannel(settings.outbox_path).send(
            Outgoing(UUID(name), "+9990424242", "s", "Dear Ilmatar", "en")
        )
    await erase(database, world, customer.id)
    async with database.transaction() as session:
        args = await session.scalar(
            text("select args from procrastinate_jobs where task_name = 'kernel.remove_bytes'")
        )
        purposes = await session.scalars(
            select(FileLink.purpose).where(
                FileLink.region_id == 1, FileLink.visit_id == made.visit_id
            )
        )
        assert list(purposes) == ["photo"]
    jobs.use(jobs.Machine(database, settings))
    for _ in range(2):
        await erasure.remove_bytes(**args)
    assert list(settings.outbox_path.iterdir()) == []
    store = store_of(settings, 1)
    assert (store.holds(sha256_of(signature)), store.holds(sha256_of(photo))) == (False, True)


async def test_cu_07_access_notes_go_unless_others_live_there_too(
    database: Database, world: World
) -> None:
    """CU-07: the address is the plant's and stays; the notes go with the only customer."""
    async with database.transaction() as session:
        alone, shared = await make_premises(session), await make_premises(session)
        leaving, staying = await make_customer(session), await make_customer(session)
    for customer, premises in ((leaving, alone), (leaving, shared), (staying, shared)):
        await make_order(database, world.dora, customer=customer, premises=premises)
    await erase(database, world, leaving.id)
    async with database.transaction() as session:
        session.expire_all()
        notes = [(await session.get_one(Premises, (1, p.id))).access_notes for p in (alone, shared)]
    assert notes == [erasure.ERASED, "Ring the doorbell."]
