import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from api import documents, sync
from fieldops.kernel import commands
from fieldops.sync.schemas import CommandIn, PullRequest, PushRequest

FOLDER = Path(__file__).parents[2] / "openapi"


@pytest.mark.parametrize("name", ["fieldops.json", "commands.json", "shipped.json", "refusals.md"])
def test_the_committed_document_is_what_the_code_says(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == documents.documents()[name], "run `make openapi` and commit openapi/"


def test_every_operation_has_an_id_of_its_own_a_tag_and_a_summary() -> None:
    app = documents.create_app(documents.Settings(secret="x" * 40))
    operations = [op for path in app.openapi()["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    assert all(op.get("tags") and op.get("summary") for op in operations)


def test_generators_find_every_shape_and_no_path_of_a_module_in_a_name() -> None:
    document = documents.documents()["fieldops.json"]
    schemas = documents.create_app(documents.Settings(secret="x" * 40)).openapi()["components"][
        "schemas"
    ]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', document))
    assert named <= set(schemas)
    assert not [name for name in schemas if "__" in name.strip("_")]
    assert all(schema["title"] == name for name, schema in schemas.items())


@pytest.mark.parametrize(
    ("shape", "example"), [(PushRequest, sync.PUSH_EXAMPLE), (PullRequest, sync.PULL_EXAMPLE)]
)
def test_the_examples_of_push_and_pull_are_taken(
    shape: type[BaseModel], example: dict[str, object]
) -> None:
    parsed = shape.model_validate(example)
    if isinstance(parsed, PushRequest):
        (command,) = parsed.commands
        assert isinstance(command, CommandIn)  # what does not fit is kept as malformed
        commands.parse(*commands.find(command.name, command.v, command.args))


def test_the_examples_of_commands_are_taken_and_the_main_requests_have_one() -> None:
    shown = {}
    for spec in commands.REGISTRY.values():
        extra = spec.args.model_config.get("json_schema_extra")
        for example in extra["examples"] if isinstance(extra, dict) else ():
            shown[spec.name] = commands.parse(spec, example)  # type: ignore[arg-type]
    assert {"order.receive", "appointment.book", "visit.assign", "visit.arrive"} <= set(shown)
    schemas = documents.create_app(documents.Settings(secret="x" * 40)).openapi()["components"][
        "schemas"
    ]
    (body,) = schemas["VisitAssignBody"]["examples"]
    assert "visit_id" not in body  # it stands in the address
