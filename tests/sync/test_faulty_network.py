"""The phone of tests/support/device.py over real TCP to a real server, through a faulty network."""

import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.conftest import MONDAY_MORNING
from tests.support import device
from tests.support.device import Phone, Refused
from tests.support.faulty_network import Fault, between
from tests.support.servers import server_process
from tests.sync.morning import Morning

pytestmark = pytest.mark.anyio

EACH = 2  # how often each fault happens


async def test_a_days_queue_arrives_whole_and_once_through_a_faulty_network(
    morning: Morning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1, I2, I3, I5: cut, lost, late, slow, half open and doubled connections."""
    monkeypatch.setattr(device, "MOST_COMMANDS", 1)  # many requests of few commands
    plan = [fault for fault in Fault for _ in range(EACH)]
    random.Random(1).shuffle(plan)
    phone = morning.phone
    phone.limit["rows"] = 7
    phone.put(cursor=None)
    with server_process(morning.settings, tmp_path, now=MONDAY_MORNING) as server:
        async with between(server.url, plan) as proxy:
            while proxy.plan or phone.queued():
                await try_to_sync(phone, proxy.url)
            met = Counter(proxy.met)
    assert all(met[fault] >= EACH for fault in Fault)
    phone.client = morning.client
    await phone.pull()
    await morning.is_as_undisturbed()
    fresh = Phone(morning.client)
    kept = ("device_id", "key", "token", "epoch")
    fresh.put(**{name: phone.get(name) for name in kept}, next_seq=1)
    await fresh.pull()
    assert fresh.everything() == phone.everything()
    fresh.db.close()


async def try_to_sync(phone: Phone, url: str) -> None:
    """Sync once as an app does: a failure is no reason to do anything but to try again later."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=3, limits=limits) as client:
        phone.client = client
        try:
            await phone.sync()
        except (httpx.HTTPError, Refused):
            return
