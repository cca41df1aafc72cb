"""The cases of a device: the outcome of what it handed in goes back as rows of its view."""

from typing import Any

from sqlalchemy import Select, String, case, func, literal, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from fieldops.kernel.views import TODAY, DeviceScope, document, view
from fieldops.sync import rules, wording
from fieldops.sync.models import Case, CaseEntry
from fieldops.sync.schemas import CaseOnDevice


def _name(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _words() -> dict[str, Any]:
    """Return why and how it stands, in each language (a technician's phone shows one)."""
    codes = [(Case.code == code, said) for code, said in sorted(wording.reasons().items())]
    why = func.json_build_object(
        _name("en"),
        func.concat(Case.message, " ", Case.advice),
        _name("zh_CN"),
        case(*codes, else_=wording.other_reason()),
    )
    ends = [
        (Case.state == state, func.json_build_object(*_pairs(said)))
        for state, said in sorted(wording.outcomes().items())
    ]
    return {"text": why, "outcome_text": case(*ends)}


def _pairs(said: dict[str, str]) -> list[Any]:
    return [part for name in wording.LANGUAGES for part in (_name(name), literal(said[name]))]


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
