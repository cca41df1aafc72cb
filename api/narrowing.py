"""Filters of a list by the columns of its records: a line for each list instead of a block."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import AwareDatetime, Field
from sqlalchemy import ColumnElement, Select

from fieldops.kernel.base import Versioned
from fieldops.kernel.commands import Text

S = TypeVar("S", bound=Select[Any])

_Word = Annotated[Text, Field(max_length=200)]
_RANGES: dict[type, Any] = {datetime: AwareDatetime, date: date}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What was asked for of a list; called with its statement, it gives the narrowed one."""

    conditions: Sequence[ColumnElement[bool]]

    def __call__(self, statement: S) -> S:
        return statement.where(*self.conditions)


def narrow_by(model: type[Versioned], *names: str, **values: Any) -> Any:
    """Return the dependency that reads a list's filters, one for each of these columns.

    A time or a day gives two filters, `<name>_from` (at or after) and `<name>_before`; every other
    column one of its own name. `values` are columns with the type of what they may be, an enum for
    instance, so that a word nobody knows is refused and not answered by an empty list.
    """
    table: Any = model.__table__
    filters: dict[str, tuple[Any, Callable[[Any], ColumnElement[bool]]]] = {}
    for name in (*names, *values):
        column = table.c[name]
        kind = values.get(name) or column.type.python_type
        if kind in _RANGES:
            moment = _RANGES[kind]
            from_ = Query(description=f"Only with `{name}` at or after this.")
            before = Query(description=f"Only with `{name}` before this.")
            filters[f"{name}_from"] = (Annotated[moment | None, from_], column.__ge__)
            filters[f"{name}_before"] = (Annotated[moment | None, before], column.__lt__)
        else:
            own = Query(description=f"Only with this `{name}`.")
            wanted = _Word if kind is str else kind
            filters[name] = (Annotated[wanted | None, own], column.__eq__)

    def gather(**given: Any) -> Narrowing:
        asked = [(name, value) for name, value in given.items() if value is not None]
        return Narrowing([filters[name][1](value) for name, value in asked])

    gather.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=shape, default=None)
            for name, (shape, _) in filters.items()
        ]
    )
    return Depends(gather)
