"""Client groups: devices of the signed-in user, by an id made of the group's."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import select

from fieldops.kernel import clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.sync import pull
from fieldops.sync.errors import DeviceTaken
from fieldops.sync.models import Device

GROUPS = UUID("b16f461a-dea1-4e12-9563-422c5c48e248")
RELEASE = "replicache"  # the app does not say its own


@dataclass(frozen=True, slots=True)
class Group:
    """A client group of the signed-in user: a device, by an id made of the group's."""

    database: Database
    secret: bytes
    people: pull.People
    actor: Actor
    key_hash_of: Callable[[UUID], bytes]
    name: str

    @property
    def id(self) -> UUID:
        """The device's id: the same group of the same region is the same device."""
        return uuid5(GROUPS, f"{self.actor.region_id}/{self.name}")

    @property
    def caller(self) -> pull.Caller:
        """Who asks for the device of the group."""
        return pull.Caller(self.actor.id, self.actor.region_id, self.key_hash_of(self.id))

    async def known(self) -> bool:
        """Return whether the group is registered; raises NotFound when it is another user's."""
        async with self.database.transaction() as session:
            owner = await session.scalar(
                select(Device.person_id).where(
                    Device.region_id == self.actor.region_id, Device.id == self.id
                )
            )
        if owner not in {None, self.actor.id}:
            raise NotFound(thing="client group")
        return owner is not None

    async def register(self, schema: int) -> None:
        """Register the group as a device; doing it again is harmless."""
        args = {
            "id": str(self.id),
            "name": "Replicache",
            "app_version": RELEASE,
            "app_schema": schema,
            "key_hash": self.key_hash_of(self.id).hex(),
        }
        try:
            async with self.database.transaction() as session:
                envelope = Envelope(self.id, "device.register", args)
                await ledger.once(session, self.actor, envelope, clock.now())
        except DeviceTaken:
            # Two requests of a new group at once: the other one has registered it.
            await self.known()
