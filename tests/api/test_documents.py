import re
from pathlib import Path

import pytest

from api import documents

FOLDER = Path(__file__).parents[2] / "openapi"


@pytest.mark.parametrize("name", ["fieldops.json", "commands.json", "refusals.md"])
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
