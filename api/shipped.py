"""Which commands phones in the field may still send: the record in openapi/shipped.json.

A phone hands in for months what an old release of its app captured, so a version of a command
that was shipped once is taken for 180 days after a newer one, or is lifted (SYNC section 2). The
record is the memory of that: each offline command with its arguments as they were shipped, the day
of it, and the day from which no new app makes it. The code cannot say this of itself, for what was
deleted from it is not there to be missed.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel

from fieldops.kernel import commands
from fieldops.kernel.commands import Spec

KEPT_DAYS = 180
Shape = dict[str, Any]
Record = dict[str, dict[str, Any]]

_SAYS_NOTHING = {"title", "description", "examples", "default", "$defs"}
_AT_MOST = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
_AT_LEAST = ("minLength", "minItems", "minimum", "exclusiveMinimum")
_AS_BEFORE = ("format", "pattern", "uniqueItems")


def shape_of(model: type[BaseModel]) -> Shape:
    """Return what a model takes, as a JSON schema without words and references."""
    schema = model.model_json_schema()
    found: Shape = _plain(schema, schema.get("$defs", {}))
    return found


def _plain(part: Any, shared: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_plain(inner, shared) for inner in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _plain(shared[part["$ref"].split("/")[-1]], shared)
    found = {
        k: _plain(v, shared) for k, v in part.items() if k not in _SAYS_NOTHING | {"properties"}
    }
    if "properties" in part:  # here a key is the name of an argument, which may be `title`
        found["properties"] = {k: _plain(v, shared) for k, v in part["properties"].items()}
    return found


def taken_no_more(former: Shape, present: Shape, where: str = "") -> Iterator[str]:
    """Yield, in words, what one shape took and the other does not; nothing when it takes all."""
    for branch in former.get("anyOf", ()):
        yield from taken_no_more(branch, present, where)
    if "anyOf" in former:
        return
    if "anyOf" in present:
        tries = [list(taken_no_more(former, branch, where)) for branch in present["anyOf"]]
        yield from min(tries, key=len)
        return
    values = _values(present)
    if values is not None:
        gone = [v for v in _values(former) or ["any other value"] if v not in values]
        yield from (f"{where} {v!r} is no longer a choice" for v in gone)
        return
    yield from _narrower(former, present, where)
    yield from _fields(former, present, where)
    for n, (old, new) in enumerate(_places(former, present)):
        yield from taken_no_more(old, new, f"{where}[{n}]")


def _values(shape: Shape) -> list[Any] | None:
    return [shape["const"]] if "const" in shape else shape.get("enum")


def _narrower(former: Shape, present: Shape, where: str) -> Iterator[str]:
    kinds = (former.get("type"), present.get("type"))
    if kinds[1] is not None and kinds[0] != kinds[1] and kinds != ("integer", "number"):
        yield f"{where} was {kinds[0] or 'anything'} and is {kinds[1]}"
    if _values(former) is not None:
        return  # a choice that became free: its kind is all there is to compare
    for bounds, sign in ((_AT_MOST, 1), (_AT_LEAST, -1)):
        for bound in bounds:
            old, new = former.get(bound), present.get(bound)
            if new is not None and (old is None or sign * new < sign * old):
                yield f"{where} {bound} was {old} and is {new}"
    for bound in _AS_BEFORE:
        if bound in present and present[bound] != former.get(bound):
            yield f"{where} {bound} was {former.get(bound)} and is {present[bound]}"


def _fields(former: Shape, present: Shape, where: str) -> Iterator[str]:
    old, new = former.get("properties", {}), present.get("properties", {})
    for name in sorted(set(present.get("required", ())) - set(former.get("required", ()))):
        yield f"{where}.{name} is needed now"
    closed = present.get("additionalProperties") is False
    if (
        closed
        and former.get("type") == "object"
        and former.get("additionalProperties") is not False
    ):
        yield f"{where} took any fields"
    for name, shape in old.items():
        if name in new:
            yield from taken_no_more(shape, new[name], f"{where}.{name}")
        elif closed:
            yield f"{where}.{name} is gone"


def _places(former: Shape, present: Shape) -> Iterator[tuple[Shape, Shape]]:
    if "items" in former and "items" in present:
        yield former["items"], present["items"]
    yield from zip(former.get("prefixItems", ()), present.get("prefixItems", ()), strict=False)


def taken(name: str, version: int) -> Spec | None:
    """Return what handles a version of a phone's command, lifted or not; None when nothing does."""
    spec = commands.taken_by(name, version)
    return spec if spec is not None and spec.offline else None


def broken(record: Record, today: date) -> list[str]:
    """Return, in words, each promise of the record that the code does not keep on a day."""
    found = []
    for key, entry in sorted(record.items()):
        name, version = _named(key)
        spec = taken(name, version)
        if spec is None:
            if not _is_over(entry, today):
                found.append(
                    f"{key} is not taken any more: handle or lift it (until {_until(entry)})"
                )
        elif spec.version == version:
            lost = taken_no_more(entry["args"], shape_of(spec.args), "args")
            found += [f"{key}: {what}; make it a new version" for what in lost]
    return found


def brought_up(record: Record, today: date) -> Record:
    """Return the record with what the code has new; what it promises is never narrowed here."""
    found = {key: dict(entry) for key, entry in record.items()}
    for (name, version), spec in sorted(commands.REGISTRY.items()):
        if not spec.offline or not spec.handler.__module__.startswith("fieldops."):
            continue
        key, shape = f"{name} v{version}", shape_of(spec.args)
        entry = found.setdefault(
            key, {"shipped": today.isoformat(), "superseded": None, "args": shape}
        )
        if not any(taken_no_more(entry["args"], shape)):
            entry["args"] = shape
        for former in range(1, version):
            older = found.get(f"{name} v{former}")
            if older is not None and older["superseded"] is None:
                older["superseded"] = today.isoformat()
    return {
        key: entry
        for key, entry in sorted(found.items())
        if taken(*_named(key)) is not None or not _is_over(entry, today)
    }


def _named(key: str) -> tuple[str, int]:
    name, version = key.split(" v")
    return name, int(version)


def _until(entry: Mapping[str, Any]) -> str:
    since = entry["superseded"]
    if since is None:
        return "180 days after a newer version or a day set as `superseded`"
    return (date.fromisoformat(since) + timedelta(days=KEPT_DAYS)).isoformat()


def _is_over(entry: Mapping[str, Any], today: date) -> bool:
    return entry["superseded"] is not None and today.isoformat() >= _until(entry)
