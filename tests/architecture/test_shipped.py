"""What phones in the field may still send is taken: openapi/shipped.json against the code."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

import fieldops.modules
from api import documents, shipped
from fieldops.kernel import clock, commands

assert fieldops.modules.MODULES  # importing it registers every command
RECORD = documents.recorded()
TODAY = date(2026, 11, 23)
KEPT = timedelta(days=shipped.KEPT_DAYS)


class Place(BaseModel):
    x: float = Field(ge=-180, le=180)


class Former(BaseModel):
    """Arguments as a release of the app sent them."""

    model_config = ConfigDict(extra="forbid")
    visit_id: UUID
    kind: Literal["one", "two"]
    note: Annotated[str, Field(max_length=500)] | None = None
    count: int = Field(ge=0, le=10)
    code: str = Field("ab", pattern="^[a-z]+$", max_length=10)
    photos: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=10)
    place: Place | None = None


def changed(**fields: Any) -> type[BaseModel]:
    """Return the arguments with some fields changed, added, or (by None) removed."""
    kept = {n: (info.annotation, info) for n, info in Former.model_fields.items()}
    made = {name: field for name, field in {**kept, **fields}.items() if field is not None}
    body = {
        "__annotations__": {name: type_ for name, (type_, _) in made.items()},
        "model_config": Former.model_config,
        **{name: field for name, (_, field) in made.items()},
    }
    return type("Changed", (BaseModel,), body)


def lost(present: type[BaseModel]) -> list[str]:
    return list(shipped.taken_no_more(shipped.shape_of(Former), shipped.shape_of(present), "args"))


def test_sync_2_every_version_that_was_shipped_is_taken_as_it_was_shipped() -> None:
    """I11: a version lives 180 days after the next one, or is lifted; its arguments still fit."""
    assert len(RECORD) > 20
    assert shipped.broken(RECORD, clock.now().date()) == []


def test_every_command_of_phones_is_on_record() -> None:
    offline = {
        f"{spec.name} v{spec.version}"
        for spec in commands.REGISTRY.values()
        if spec.offline and spec.handler.__module__.startswith("fieldops.")
    }
    assert offline <= RECORD.keys(), "run `make openapi` and commit openapi/"


NARROWER = {
    "a field gone": ({"note": None}, "args.note is gone"),
    "another name": ({"note": None, "remark": (str | None, None)}, "args.note is gone"),
    "a new field that is needed": ({"extra": (int, Field(ge=0))}, "args.extra is needed now"),
    "a field that is needed now": (
        {"note": (Annotated[str, Field(max_length=500)] | None, Field(...))},
        "args.note is needed now",
    ),
    "null refused": (
        {"note": (Annotated[str, Field(max_length=500)], Field(""))},
        "args.note was null and is string",
    ),
    "a shorter text": (
        {"note": (Annotated[str, Field(max_length=300)] | None, None)},
        "args.note maxLength was 500 and is 300",
    ),
    "a smaller number": (
        {"count": (int, Field(ge=1, le=10))},
        "args.count minimum was 0 and is 1",
    ),
    "a choice gone": ({"kind": (Literal["one"], ...)}, "args.kind 'two' is no longer a choice"),
    "a choice where there was none": (
        {"code": (Literal["ab"], "ab")},
        "args.code 'any other value' is no longer a choice",
    ),
    "another type": ({"count": (str, ...)}, "args.count was integer and is string"),
    "another pattern": (
        {"code": (str, Field("ab", pattern="^[a-c]+$", max_length=10))},
        "args.code pattern was ^[a-z]+$ and is ^[a-c]+$",
    ),
    "fewer items": (
        {"photos": (list[Annotated[str, Field(max_length=64)]], Field([], max_length=5))},
        "args.photos maxItems was 10 and is 5",
    ),
    "shorter items": (
        {"photos": (list[Annotated[str, Field(max_length=32)]], Field([], max_length=10))},
        "args.photos[0] maxLength was 64 and is 32",
    ),
}
WIDER: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a field that may be left out": {"extra": (int | None, None)},
    "a longer text": {"note": (Annotated[str, Field(max_length=900)] | None, None)},
    "one more choice": {"kind": (Literal["one", "two", "three"], ...)},
    "a choice become free": {"kind": (str, Field(max_length=20))},
    "a whole number become any": {"count": (float, Field(ge=-1, le=10))},
    "null allowed": {"count": (Annotated[int, Field(ge=0, le=10)] | None, ...)},
    "any pattern": {"code": (str, Field("ab", max_length=10))},
    "words": {"kind": (Literal["one", "two"], Field(description="Other words."))},
}


@pytest.mark.parametrize(("fields", "said"), NARROWER.values(), ids=NARROWER.keys())
def test_a_change_that_refuses_what_was_taken_is_noticed(fields: dict[str, Any], said: str) -> None:
    assert said in lost(changed(**fields))


@pytest.mark.parametrize("fields", WIDER.values(), ids=WIDER.keys())
def test_a_change_that_takes_all_that_was_taken_is_free(fields: dict[str, Any]) -> None:
    assert lost(changed(**fields)) == []


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, int], Any]]:
    """The registry of commands, to be changed by a test."""
    for name in ("REGISTRY", "_upcasters"):
        monkeypatch.setattr(commands, name, dict(getattr(commands, name)))
    return commands.REGISTRY


ARRIVE = "visit.arrive v1"


def test_a_deleted_handler_is_missed_until_180_days_after_it_was_superseded(
    registry: dict[tuple[str, int], Any],
) -> None:
    del registry["visit.arrive", 1]
    (said,) = shipped.broken(RECORD, TODAY)
    assert said.startswith(f"{ARRIVE} is not taken any more")
    superseded = {**RECORD, ARRIVE: {**RECORD[ARRIVE], "superseded": TODAY.isoformat()}}
    (said,) = shipped.broken(superseded, TODAY + KEPT - timedelta(days=1))
    assert "2027-05-22" in said
    assert shipped.broken(superseded, TODAY + KEPT) == []
    assert ARRIVE in shipped.brought_up(superseded, TODAY), "its day has not come"
    assert ARRIVE not in shipped.brought_up(superseded, TODAY + KEPT)


def test_a_command_that_phones_may_no_longer_send_is_missed(
    registry: dict[tuple[str, int], Any],
) -> None:
    spec = registry.pop(("visit.arrive", 1))
    commands.command("visit.arrive", permission=spec.permission, subject=spec.subject)(spec.handler)
    assert len(shipped.broken(RECORD, TODAY)) == 1


def test_a_version_that_is_lifted_is_taken_and_superseded_from_that_day(
    registry: dict[tuple[str, int], Any],
) -> None:
    spec = registry.pop(("visit.arrive", 1))
    again = commands.command(
        "visit.arrive", permission=spec.permission, offline=True, subject=spec.subject, version=2
    )
    again(spec.handler)
    assert shipped.broken(RECORD, TODAY), "a newer version alone does not read the older one"
    commands.upcast("visit.arrive", version=1)(lambda args: args)
    assert shipped.broken(RECORD, TODAY) == []
    kept = shipped.brought_up(RECORD, TODAY)
    assert kept[ARRIVE]["superseded"] == kept["visit.arrive v2"]["shipped"] == TODAY.isoformat()
    assert shipped.brought_up(kept, TODAY + KEPT)[ARRIVE]["superseded"] == TODAY.isoformat()


def test_the_record_is_widened_by_itself_and_never_narrowed() -> None:
    args = RECORD[ARRIVE]["args"]
    fewer = {k: v for k, v in args["properties"].items() if k != "accuracy_m"}
    former = {**RECORD, ARRIVE: {**RECORD[ARRIVE], "args": {**args, "properties": fewer}}}
    assert shipped.brought_up(former, TODAY)[ARRIVE]["args"] == args
    more = {**args["properties"], "by_bike": {"type": "boolean"}}
    former = {**RECORD, ARRIVE: {**RECORD[ARRIVE], "args": {**args, "properties": more}}}
    assert shipped.brought_up(former, TODAY)[ARRIVE]["args"]["properties"] == more
    assert shipped.broken(former, TODAY) == [
        f"{ARRIVE}: args.by_bike is gone; make it a new version"
    ]
