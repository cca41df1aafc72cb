"""The cases of a device: the outcome of what it handed in goes back as rows of its view."""

import re
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from fieldops.kernel.views import TODAY, DeviceScope, document, view
from fieldops.sync import rules, wording
from fieldops.sync.models import Case, CaseEntry
from fieldops.sync.rules import Status
from fieldops.sync.schemas import CaseOnDevice


def _name(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _words() -> dict[str, Any]:
    """Return why and how it stands, in each language (a technician's phone shows one)."""
    reasons = sorted(wording.reasons().items())
    codes = [(Case.code == _name(code), _filled(said)) for code, said in reasons]
    why = func.json_build_object(
        _name("en"),
        func.concat(Case.message, " ", Case.advice),
        _name("zh_CN"),
        case(*codes, else_=_name(wording.other_reason())),
    )
    ends = [
        (Case.state == _name(state), func.json_build_object(*_pairs(said)))
        for state, said in sorted(wording.outcomes().items())
    ]
    refused = and_(Case.state == _name(rules.CaseState.OPEN), Case.status == _name(Status.REJECTED))
    to_do = (refused, func.json_build_object(*_pairs(wording.refused())))
    return {"text": why, "outcome_text": case(to_do, *ends)}


def _filled(said: str) -> ColumnElement[str]:
    """Return a sentence with the details of its case."""
    filled: ColumnElement[str] = _name(said)
    for name in re.findall(r"{(\w+)}", said):
        detail = func.coalesce(Case.details.op("->>")(_name(name)), _name("…"))
        filled = func.replace(filled, _name(f"{{{name}}}"), detail)
    return filled


def _pairs(said: dict[str, str]) -> list[Any]:
    return [part for name in wording.LANGUAGES for part in (_name(name), _name(said[name]))]


@view("case", rank=50, schema=CaseOnDevice, own=True)
def cases(scope: DeviceScope) -> Select[Any]:
    """Return the device's open cases, and decided ones for 14 days."""
    entry = CaseEntry.__table__.alias("entry")
    pairs = [
        part for c in ("id", "seq", "name", "status", "code") for part in (_name(c), entry.c[c])
    ]
    listed = func.json_agg(aggregate_order_by(func.json_build_object(*pairs), entry.c.seq))
    commands = (
        select(func.coalesce(listed, literal_column("'[]'::json")))  # a case may hold none
        .where(entry.c.region_id == scope.region_id, entry.c.case_id == Case.id)
        .scalar_subquery()
    )
    fields = {
        name: getattr(Case, name)
        for name in CaseOnDevice.model_fields
        if name not in {"id", "version", "commands", "text", "outcome_text"}
    }
    until = Case.decided_at + rules.CASES_KEPT
    return document(
        Case, {**fields, "commands": commands, **_words()}, tier=TODAY, until=until
    ).where(
        Case.region_id == scope.region_id,
        Case.device_id == scope.device_id,
        or_(Case.decided_at.is_(None), until > scope.now),
    )
