"""What travels: Replicache's requests and answers of version 1."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag
from pydantic_core import to_json

from fieldops.kernel.commands import Text

LONGEST_SCHEMA = 6  # digits; a device's schema is at most 1,000,000

Id = Annotated[Text, Field(min_length=1, max_length=100)]
MutationId = Annotated[int, Field(ge=1, le=2**53)]


class Mutation(BaseModel):
    """One mutation: `name` is a command's, `args` its arguments or what wraps them.

    Wrapped: {args, v, base, depends_on, captured, attachments}, all but `args` optional and as
    in a native command; `depends_on` names mutations of the same client by number.
    """

    client_id: Id = Field(alias="clientID")
    id: MutationId
    name: Text
    args: Any = None
    timestamp: float = 0


class ReplicachePush(BaseModel):
    """Replicache's PushRequestV1."""

    version: Literal[1] = Field(alias="pushVersion")
    group: Id = Field(alias="clientGroupID")
    profile: Text = Field("", alias="profileID", max_length=200)
    schema_: Text = Field("", alias="schemaVersion", max_length=200)
    mutations: list[Mutation]


class Cookie(BaseModel):
    """Where a client group stands: `order` only grows, `cvrID` names what it holds."""

    order: int | float
    cvr: Annotated[Text, Field(max_length=4_000)] = Field("", alias="cvrID")


class ReplicachePull(BaseModel):
    """Replicache's PullRequestV1; a cookie that is none of ours is one that is unknown."""

    version: Literal[1] = Field(alias="pullVersion")
    group: Id = Field(alias="clientGroupID")
    profile: Text = Field("", alias="profileID", max_length=200)
    schema_: Text = Field("", alias="schemaVersion", max_length=200)
    cookie: Any = None


class OtherVersion(BaseModel):
    """A request of another version of the contract, which is answered VersionNotSupported."""

    push: Any = Field(None, alias="pushVersion")
    pull: Any = Field(None, alias="pullVersion")


def _spoken(name: str) -> Callable[[Any], str]:
    def version(value: Any) -> str:
        given = value.get(name) if isinstance(value, dict) else None
        return "one" if given is None or (type(given) is int and given == 1) else "other"

    return version


AnyPush = Annotated[
    Annotated[ReplicachePush, Tag("one")] | Annotated[OtherVersion, Tag("other")],
    Discriminator(_spoken("pushVersion")),
]
AnyPull = Annotated[
    Annotated[ReplicachePull, Tag("one")] | Annotated[OtherVersion, Tag("other")],
    Discriminator(_spoken("pullVersion")),
]


class ReplicachePushAnswer(BaseModel):
    """Empty when all mutations were taken; else why the client group cannot go on."""

    error: Literal["VersionNotSupported", "ClientStateNotFound"] | None = None
    version_type: Literal["push", "schema"] | None = Field(None, alias="versionType")


class ReplicachePullAnswer(BaseModel):
    """Replicache's PullResponseV1, in any of its three forms."""

    cookie: Any = None
    changes: dict[str, int] | None = Field(None, alias="lastMutationIDChanges")
    patch: list[dict[str, Any]] | None = None
    error: Literal["VersionNotSupported", "ClientStateNotFound"] | None = None
    version_type: Literal["pull", "schema"] | None = Field(None, alias="versionType")


def not_supported(what: str) -> bytes:
    """Return the answer to a version that is not spoken here: push, pull or schema."""
    return to_json({"error": "VersionNotSupported", "versionType": what})


STATE_NOT_FOUND = to_json({"error": "ClientStateNotFound"})


def schema_of(text: str) -> int | None:
    """Return the schema's number, 1 for the empty text, None for what is no number."""
    if not text:
        return 1
    if not text.isdecimal() or len(text) > LONGEST_SCHEMA:
        return None
    return int(text) or None
