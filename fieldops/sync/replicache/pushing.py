"""Mutations into the engine: numbered under the device's lock, then one push as any other."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import clock
from fieldops.kernel.errors import Unavailable
from fieldops.sync import push as native
from fieldops.sync import queries, rules
from fieldops.sync.errors import MutationGap
from fieldops.sync.models import Device, ReplicacheClient
from fieldops.sync.replicache.groups import RELEASE, Group
from fieldops.sync.replicache.shapes import (
    STATE_NOT_FOUND,
    Mutation,
    OtherVersion,
    ReplicachePush,
    not_supported,
    schema_of,
)
from fieldops.sync.schemas import AnyCommand, App, ClockReading, CommandIn, Malformed, PushRequest

BOOT = "replicache"  # it sends no clock with a push: of a capture only the wall time counts
# A mutation that does not say when it was captured gets a time that cannot be yet, so that
# the estimate is the moment of receipt, and of low confidence.
_NOT_YET = timedelta(milliseconds=1)

_COMMAND: TypeAdapter[CommandIn | Malformed] = TypeAdapter(AnyCommand)
_ENVELOPE = {"args", "v", "base", "depends_on", "captured", "attachments"}


def command_id(device_id: UUID, client_id: str, mutation_id: int) -> UUID:
    """Return the id of a mutation's command: the same for every repeat."""
    return uuid5(device_id, f"{client_id}/{mutation_id}")


@dataclass(slots=True)
class _Queue:
    """A group's mutations on their way into the engine (push.Source)."""

    mutations: list[Mutation]
    batch: list[tuple[Mutation, int]] = field(default_factory=list)
    left: int = 0
    epoch: int = 1

    async def commands(self, session: AsyncSession, device: Device) -> list[CommandIn | Malformed]:
        """Return the next commands, numbered; raises MutationGap before anything is taken."""
        self.epoch = await queries.epoch(session, device.region_id)
        known = {
            client.client_id: client
            for client in await session.scalars(
                select(ReplicacheClient).where(
                    ReplicacheClient.region_id == device.region_id,
                    ReplicacheClient.device_id == device.id,
                    ReplicacheClient.client_id.in_({m.client_id for m in self.mutations}),
                )
            )
        }
        fresh = self._fresh(known)
        taken = fresh[: rules.MOST_COMMANDS]
        self.left = len(fresh) - len(taken)
        self.batch = [(m, device.last_seq + n) for n, m in enumerate(taken, start=1)]
        now = clock.now()
        return [
            _COMMAND.validate_python(
                {
                    "id": command_id(device.id, mutation.client_id, mutation.id),
                    "seq": seq,
                    "name": mutation.name,
                    "captured": {"wall": now + _NOT_YET, "mono_ms": 0, "boot_id": "unknown"},
                    **_content(mutation, device.id),
                }
            )
            for mutation, seq in self.batch
        ]

    def _fresh(self, known: dict[str, ReplicacheClient]) -> list[Mutation]:
        """Return the mutations that were not taken yet, each following on the one before."""
        last = {client_id: client.last_id for client_id, client in known.items()}
        # What a restore lost leaves a gap that nobody can fill: it is passed over, once.
        whole = {c.client_id for c in known.values() if c.epoch == self.epoch}
        fresh = []
        for mutation in self.mutations:
            client_id, before = mutation.client_id, last.get(mutation.client_id, 0)
            if mutation.id <= before:
                continue
            if mutation.id > before + 1 and (self.epoch == 1 or client_id in whole):
                raise MutationGap(sent=mutation.id, expected=before + 1)
            last[client_id] = mutation.id
            whole.add(client_id)
            fresh.append(mutation)
        return fresh

    async def written(self, session: AsyncSession, device: Device, last_seq: int) -> None:
        """Note how far each client came, in the transaction of its commands."""
        last = {m.client_id: (m.id, seq) for m, seq in self.batch if seq <= last_seq}
        if not last:
            return
        statement = insert(ReplicacheClient).values(
            [
                {
                    "region_id": device.region_id,
                    "device_id": device.id,
                    "client_id": client_id,
                    "last_id": last_id,
                    "seq": seq,
                    "epoch": self.epoch,
                }
                for client_id, (last_id, seq) in last.items()
            ]
        )
        new = statement.excluded
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["region_id", "device_id", "client_id"],
                set_={"last_id": new.last_id, "seq": new.seq, "epoch": new.epoch},
            )
        )


def _content(mutation: Mutation, device_id: UUID) -> dict[str, Any]:
    """Return the parts of a command that a mutation's args carry, wrapped or plain."""
    args = {} if mutation.args is None else mutation.args
    if not isinstance(args, dict) or "args" not in args or not args.keys() <= _ENVELOPE:
        return {"args": args}
    named = args.get("depends_on", [])
    if isinstance(named, list):
        client_id = mutation.client_id
        args = args | {
            "depends_on": [
                command_id(device_id, client_id, n) if isinstance(n, int) else n for n in named
            ]
        }
    return args


async def push(group: Group, request: ReplicachePush | OtherVersion) -> bytes:
    """Take a group's mutations and return the answer as JSON bytes.

    Raises MutationGap when a mutation is missing, and then nothing is taken; NotFound for
    another user's group; Unavailable when the engine stopped before the end: what came before
    is taken, and the client sends the rest again by itself.
    """
    if isinstance(request, OtherVersion):
        return not_supported("push")
    schema = schema_of(request.schema_)
    if schema is None:
        return not_supported("schema")
    if not await group.known():
        if _begins_late(request.mutations):
            return STATE_NOT_FOUND
        await group.register(schema)
    now = clock.now()
    envelope = PushRequest(
        device_id=group.id,
        app=App(version=RELEASE, schema=schema),
        clock=ClockReading(wall=now, mono_ms=0, boot_id=BOOT),
        commands=[],
    )
    queue = _Queue(request.mutations)
    while True:
        answer = from_json(
            await native.push(
                group.database, group.actor, envelope, group.key_hash_of(group.id), queue
            )
        )
        stop = answer["stop"]
        if stop is not None:
            raise Unavailable(retry_after=max(1, stop["retry_after_ms"] // 1000))
        if not queue.left:
            return b"{}"


def _begins_late(mutations: list[Mutation]) -> bool:
    """Return whether a client's first mutation is not its number 1: what we knew of it is gone."""
    first: dict[str, int] = {}
    for mutation in mutations:
        first.setdefault(mutation.client_id, mutation.id)
    return any(id_ > 1 for id_ in first.values())
