"""The documents in openapi/, written from the code: the API, the phones' commands, the refusals.

shipped.json alone is more than the code says: what phones were once promised is kept in it.
"""

import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from api import shipped
from api.app import create_app
from fieldops.kernel import clock, commands, errors, views
from fieldops.kernel.settings import Settings

FOLDER = Path(__file__).parents[1] / "openapi"


def write(folder: Path, *, only_check: bool = False) -> list[str]:
    """Write the documents into a folder; return the names of those that were out of date."""
    stale = []
    for name, content in documents(folder).items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
            if not only_check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
    return stale


def documents(folder: Path = FOLDER) -> dict[str, str]:
    """Return every document by file name; what was shipped is read from the folder first."""
    app = create_app(Settings(secret=SecretStr("only-to-write-the-documents-0123456789")))
    return {
        "fieldops.json": _as_json(app.openapi()),
        "commands.json": _as_json(_commands()),
        "shipped.json": _as_json(shipped.brought_up(recorded(folder), clock.now().date())),
        "refusals.md": _refusals(),
    }


def recorded(folder: Path = FOLDER) -> shipped.Record:
    """Return what was shipped so far, as the folder's shipped.json says."""
    path = folder / "shipped.json"
    found: shipped.Record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _commands() -> dict[str, Any]:
    offline = [spec for _, spec in sorted(commands.REGISTRY.items()) if spec.offline]
    return {
        "commands": [
            {
                "name": spec.name,
                "version": spec.version,
                "nature": spec.nature.value,
                "permission": spec.permission.value,
                "subject": spec.subject,
                "summary": spec.summary,
                "description": inspect.cleandoc(spec.handler.__doc__ or ""),
                "args": spec.args.model_json_schema(),
            }
            for spec in offline
        ],
        "rows": {
            view.name: {"rank": view.rank, "body": view.schema.model_json_schema()}
            for view in views.ordered()
        },
    }


def _refusals() -> str:
    lines = [
        "# Refusals and holds",
        "",
        "Every code the API and the sync answer with. A *refusal* did not take effect; a *hold*",
        "is kept and waits for a person at the late-work desk; a *caution* took effect and the",
        "answer's `warnings` carry it. Codes never change their meaning.",
        "",
        "| code | status | kind | meaning | what the technician should do |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code, refusal in sorted(errors.REGISTRY.items()):
        kind = _kind(refusal)
        meaning = " ".join((refusal.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{code}` | {refusal.status} | {kind} | {meaning} | {refusal.advice} |")
    return "\n".join(lines) + "\n"


def _kind(refusal: type[errors.Coded]) -> str:
    for base in (errors.Hold, errors.Caution):
        if issubclass(refusal, base):
            return base.__name__.lower()
    return "refusal"
