"""The difference as Replicache's patch, with the mutations that it contains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Executable, Integer, Uuid, select

from fieldops.kernel.direct import Line, given, once
from fieldops.kernel.errors import NotFound
from fieldops.sync import cursor as cursors
from fieldops.sync import pull as native
from fieldops.sync import rules
from fieldops.sync.models import ReplicacheClient
from fieldops.sync.replicache.groups import Group
from fieldops.sync.replicache.shapes import (
    STATE_NOT_FOUND,
    Cookie,
    OtherVersion,
    ReplicachePull,
    not_supported,
    schema_of,
)
from fieldops.sync.schemas import PullLimit, PullRequest

WIPED = "wiped"
# The order of a cookie grows with every page and every command, and over a restore.
ORDERS_OF_AN_EPOCH = 2**40


@dataclass(frozen=True, slots=True)
class _Stand:
    """What a presented cookie says: native cursor, last command it knows of, erasures it heard."""

    order: float = 0
    cursor: str | None = None
    seq: int = -1
    erased: tuple[UUID, ...] = ()

    @classmethod
    def of(cls, cookie: Any) -> "_Stand":
        try:
            read = Cookie.model_validate(cookie)
        except ValueError:
            return cls()
        cursor, seq, told = [*read.cvr.split("."), "", ""][:3]
        if not cursor or not seq.isdecimal():
            return cls(read.order)
        try:
            return cls(read.order, cursor, int(seq), tuple(map(UUID, told.split(",")[:100])))
        except ValueError:
            return cls(read.order, cursor, int(seq))


async def pull(group: Group, request: ReplicachePull | OtherVersion) -> bytes:
    """Return the group's whole difference as JSON bytes: Replicache knows no pages.

    Raises what pull.pull raises.
    """
    if isinstance(request, OtherVersion):
        return not_supported("pull")
    schema = schema_of(request.schema_)
    if schema is None:
        return not_supported("schema")
    stand = _Stand.of(request.cookie)
    news = _News(group, stand)
    asked = PullRequest(
        device_id=group.id,
        schema=schema,
        cursor=None if stand.cursor == WIPED else stand.cursor,
        erased=list(stand.erased),
        limit=PullLimit.model_construct(rows=rules.VIEW_MOST_ROWS, bytes=2**40),
    )
    try:
        answer = await _page(group, asked, news)
    except NotFound:
        if await group.known():
            raise
        if request.cookie is not None:
            return STATE_NOT_FOUND
        await group.register(schema)
        answer = await _page(group, asked, news)
    clients, seq = news.clients, news.seq
    changes = {c.client_id: c.last_id for c in clients if c.epoch == answer["epoch"]}
    cookie = _cookie(group, schema, answer, stand, seq)
    if cookie is None:
        return to_json({"cookie": request.cookie, "lastMutationIDChanges": {}, "patch": []})
    patch = [] if answer.get("unchanged") else _patch(answer)
    return to_json({"cookie": cookie, "lastMutationIDChanges": changes, "patch": patch})


async def _page(group: Group, asked: PullRequest, news: "_News") -> dict[str, Any]:
    answer: dict[str, Any] = from_json(
        await native.pull(
            group.database, group.people, group.secret, group.caller, asked, news.read
        )
    )
    return answer


@dataclass(slots=True)
class _News:
    """How far the clients of a group came, read in the snapshot of the page they belong to."""

    group: Group
    stand: _Stand
    clients: Sequence[Any] = ()
    seq: int = 0

    async def read(self, line: Line, last_seq: int) -> None:
        """Read the clients whose mutations the presented cookie does not know of (pull.Beside)."""
        self.seq = last_seq
        self.clients = ()
        if self.stand.seq != last_seq:
            self.clients = await line.rows(
                once(_clients),
                region_id=self.group.actor.region_id,
                device_id=self.group.id,
                after=self.stand.seq if self.stand.seq < last_seq else -1,
            )


def _clients() -> Executable:
    return select(
        ReplicacheClient.client_id, ReplicacheClient.last_id, ReplicacheClient.epoch
    ).where(
        ReplicacheClient.region_id == given("region_id", Integer()),
        ReplicacheClient.device_id == given("device_id", Uuid()),
        ReplicacheClient.seq > given("after", BigInteger()),
    )


def _cookie(
    group: Group, schema: int, answer: dict[str, Any], stand: _Stand, seq: int
) -> dict[str, Any] | None:
    """Return the new cookie, None when the client keeps the one it has."""
    if answer.get("wipe"):
        if (stand.cursor, stand.seq) == (WIPED, seq):
            return None
        return {"order": stand.order + 1, "cvrID": f"{WIPED}.{seq}"}
    cursor = answer["cursor"]
    if cursor is None or (answer.get("unchanged") and stand.seq == seq):
        return None
    epoch = answer["epoch"]
    holder = cursors.Holder(group.actor.region_id, group.id, group.actor.id, schema, epoch)
    generation = cursors.read(group.secret, holder, cursor) or 0
    order = epoch * ORDERS_OF_AN_EPOCH + generation + seq
    # Presented again, the cookie says that the erasures told with it were carried out.
    told = sorted({row["erasure_id"] for row in answer.get("erase", ())})[:100]
    cvr = ".".join([cursor, str(seq), *([",".join(told)] if told else [])])
    return {"order": order, "cvrID": cvr}


def _patch(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a page as Replicache's patch: keys are type/id, values the rows.

    `erase` adds nothing: rows of an erased person leave as dels or come anew without words.
    """
    patch: list[dict[str, Any]] = [{"op": "clear"}] if answer.get("reset") else []
    patch += [
        {"op": "del", "key": f"{gone['type']}/{gone['id']}"} for gone in answer.get("dels", ())
    ]
    for type_, rows in answer.get("puts", {}).items():
        patch += [{"op": "put", "key": f"{type_}/{row['id']}", "value": row} for row in rows]
    return patch
