"""What every command, refusal, number, view and route must say of itself."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

import fieldops.modules
from api.app import create_app
from fieldops.kernel import commands, configuration, errors, views, visibility
from fieldops.kernel.base import Base
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.sync import queries
from tests.support.databases import SECRET

assert fieldops.modules.MODULES  # importing it registers everything that is walked here

RULE = re.compile(
    r"\b(ORG|CU|WO|AP|VI|CH|HR|RE|FA|EM|FO|CO|QA|KP|SY)-\d\d\b|\bSYNC (section )?\d|\bI\d\d?\b"
)
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
VERB = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")

# Taken when the tests are collected, and ours only: other tests register things of their own.
SPECS = sorted(
    (s for s in commands.REGISTRY.values() if s.handler.__module__.startswith("fieldops.")),
    key=lambda spec: (spec.name, spec.version),
)
COMMANDS = [pytest.param(s, id=f"{s.name}.v{s.version}") for s in SPECS]
OFFLINE = [pytest.param(s, id=f"{s.name}.v{s.version}") for s in SPECS if s.offline]
REFUSALS = [
    pytest.param(refusal, id=code)
    for code, refusal in sorted(errors.REGISTRY.items())
    if refusal.__module__.startswith(("fieldops.", "api."))
]
NUMBERS = list(configuration.REGISTRY.values())
VIEWS = [view for view in views.ordered() if view.build.__module__.startswith("fieldops.")]


@pytest.mark.parametrize("spec", COMMANDS)
def test_a_command_says_its_rule_or_its_refusals(spec: commands.Spec) -> None:
    doc = spec.handler.__doc__ or ""
    assert VERB.fullmatch(spec.name), "a command is called thing.verb"
    assert spec.summary.endswith("."), "the first line of the docstring is the command's summary"
    assert RULE.search(doc) or "raises " in doc.lower(), (
        "name the rule it carries out or what it raises"
    )


@pytest.mark.parametrize("spec", COMMANDS)
def test_a_commands_arguments_refuse_unknown_fields(spec: commands.Spec) -> None:
    assert spec.args.model_config.get("extra") == "forbid"
    assert spec.subject is None or spec.subject in spec.args.model_fields


@pytest.mark.parametrize("spec", OFFLINE)
def test_every_field_of_an_offline_command_has_bounds_and_a_description(
    spec: commands.Spec,
) -> None:
    """What a phone may send is bounded field by field; a limit is where it is enforced."""
    schema = spec.args.model_json_schema()
    assert not set(unbounded(schema, schema, "")) - BY_ITEM
    silent = [name for name, info in spec.args.model_fields.items() if not info.description]
    assert not silent, "fields without a description"


@pytest.mark.parametrize("spec", COMMANDS)
def test_a_record_that_a_command_is_about_has_a_rule_of_who_sees_it(spec: commands.Spec) -> None:
    """ORG-02: the desk shows the record of a case by this rule, and nothing without one."""
    model = queries.model_of((spec.subject or "").removesuffix("_id"))
    assert model is None or visibility.is_spoken_for(model)


ONE_VALUE = ".srid"  # its validator takes 4326 and nothing else
BY_ITEM = {".answers[].value: anything at all"}  # each item's type says what fits (CH-02)


def unbounded(part: dict[str, Any], root: dict[str, Any], where: str) -> Iterator[str]:
    """Yield the places of a JSON schema that take values of any size."""
    if "$ref" in part:
        part = root["$defs"][part["$ref"].split("/")[-1]]
    branches = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    for branch in branches:
        yield from unbounded(branch, root, where)
    if branches or "enum" in part or "const" in part:
        return
    check = {
        "string": _text,
        "integer": _number,
        "number": _number,
        "array": _list,
        "object": _object,
        "boolean": _nothing,
        "null": _nothing,
    }.get(part.get("type", ""), _anything)
    yield from check(part, root, where)


def _anything(_part: dict[str, Any], _root: dict[str, Any], where: str) -> Iterator[str]:
    yield f"{where}: anything at all"


def _nothing(_part: dict[str, Any], _root: dict[str, Any], _where: str) -> Iterator[str]:
    yield from ()


def _text(part: dict[str, Any], _root: dict[str, Any], where: str) -> Iterator[str]:
    fixed = part.get("format") in {"uuid", "date-time", "date", "time"}
    if not fixed and not part.keys() & {"maxLength", "pattern"}:
        yield f"{where}: a text without max_length"


def _number(part: dict[str, Any], _root: dict[str, Any], where: str) -> Iterator[str]:
    if where.endswith(ONE_VALUE):
        return
    if not part.keys() & {"minimum", "exclusiveMinimum"}:
        yield f"{where}: a number without a least value"
    if not part.keys() & {"maximum", "exclusiveMaximum"}:
        yield f"{where}: a number without a greatest value"


def _list(part: dict[str, Any], root: dict[str, Any], where: str) -> Iterator[str]:
    if "maxItems" not in part:
        yield f"{where}: a list without max_length"
    for item in (*part.get("prefixItems", ()), part.get("items")):
        if item:
            yield from unbounded(item, root, f"{where}[]")


def _object(part: dict[str, Any], root: dict[str, Any], where: str) -> Iterator[str]:
    for name, field in part.get("properties", {}).items():
        yield from unbounded(field, root, f"{where}.{name}")
    if part.get("additionalProperties", True) is not False and "maxProperties" not in part:
        yield f"{where}: an object of any fields"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_has_a_stable_code_a_message_and_advice(refusal: type[errors.Coded]) -> None:
    assert SNAKE.fullmatch(refusal.code)
    assert refusal.__doc__, "the docstring is the message"
    assert refusal.__doc__.split("\n\n")[0].strip().endswith(".")
    assert refusal.advice.endswith("."), "advice says what the technician should do"
    if issubclass(refusal, errors.Caution):
        assert refusal.status == 200
    else:
        assert 400 <= refusal.status < 600


def test_a_module_keeps_its_refusals_in_errors() -> None:
    """The kernel's own stand beside what raises them: they are few and it has no rules."""
    found = [
        f"{refusal.__module__}.{refusal.__name__}"
        for refusal in errors.REGISTRY.values()
        if refusal.__module__.startswith("fieldops.")
        and not refusal.__module__.startswith("fieldops.kernel.")
        and refusal.__module__.split(".")[2] != "errors"
    ]
    assert not found


def test_every_number_of_a_rule_names_its_rule_and_keeps_its_own_bounds() -> None:
    for number in NUMBERS:
        assert RULE.search(number.rule), f"{number.name} names no rule"
        assert number.meaning.endswith("."), f"{number.name}: its meaning is a sentence"
        assert number.least <= number.default <= number.most, number.name
        assert number.least < number.most, number.name


def test_every_view_describes_its_rows() -> None:
    for view in VIEWS:
        assert issubclass(view.schema, BaseModel), view.name
        assert {"id", "version"} <= view.schema.model_fields.keys(), view.name


def test_cu_07_every_view_is_named_like_the_record_it_shows() -> None:
    """CU-07: an erasure names records; a phone finds them under the same word."""
    models = (mapper.class_ for mapper in Base.registry.mappers)
    resources = {getattr(model, "resource", None) for model in models}
    assert [view.name for view in VIEWS if view.name not in resources] == []


def routes() -> list[tuple[str, APIRoute]]:
    settings = Settings.model_validate({"secret": SECRET, "environment": "test"})
    return [
        (f"{'/'.join(sorted(context.methods or ()))} {context.path}", context.original_route)
        for context in iter_route_contexts(create_app(settings).routes)
        if isinstance(context.original_route, APIRoute)
    ]


def declared(dependant: Dependant) -> Iterator[object]:
    """Yield the permission or the reason for none that a route's dependencies declare."""
    for name in ("permission", "public_reason"):
        if hasattr(dependant.call, name):
            yield getattr(dependant.call, name)
    for inner in dependant.dependencies:
        yield from declared(inner)


def test_every_route_declares_its_permission_or_why_it_needs_none() -> None:
    walked = routes()
    assert len(walked) > 10
    silent = [name for name, route in walked if not list(declared(route.dependant))]
    assert not silent, "make it with verb(), reads(), writes() or public(reason)"


def test_a_public_route_gives_its_reason_in_words() -> None:
    for name, route in routes():
        for given in declared(route.dependant):
            assert isinstance(given, Permission) or len(str(given).split()) > 3, name
