"""Declarative bases: the region first in every key of an operational table.

Region rules 1 to 3 and 9 of docs/architecture.md are carried out here, once: `link` writes the
composite foreign key and its index, the naming convention writes final names of at most 54
characters.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    inspect,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, declared_attr, mapped_column

from fieldops.kernel import clock
from fieldops.kernel.ids import new_id

NAME_LIMIT = 54


def final_name(*parts: str) -> str:
    """Join parts to a constraint name of at most 54 characters, stable across releases."""
    name = "_".join(parts)
    if len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: NAME_LIMIT - 7]}_{digest}"


def _columns_token(constraint: Any) -> str:
    names = [getattr(column, "name", None) or "expr" for column in constraint.columns]
    return "_".join(name for name in names if name != "region_id") or "region_id"


def _name(prefix: str) -> Any:
    def write(constraint: Any, table: Table) -> str:
        return final_name(prefix, table.name, _columns_token(constraint))

    return write


metadata = MetaData(
    naming_convention={
        "pk_name": lambda _constraint, table: final_name("pk", table.name),
        "uq_name": _name("uq"),
        "fk_name": _name("fk"),
        "ix_name": _name("ix"),
        "pk": "%(pk_name)s",
        "uq": "%(uq_name)s",
        "fk": "%(fk_name)s",
        "ix": "%(ix_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Base(DeclarativeBase):
    """The root of all tables; times are timestamptz, texts are text, dicts are jsonb."""

    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: JSONB(),
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__tablename__" in cls.__dict__:
            _write_keys(cls.__table__)  # type: ignore[arg-type]


class Versioned(Base):
    """A row with a version that counts its changes, and the times of first and last change.

    Class switches: `audited` False for rows that are only ever added and carry their own who
    and when; `masked` names columns whose values the audit does not keep (contact data);
    `prose` names columns with free words, which may speak of a customer, and `belongs_to` the
    column that names the record a row belongs to: an erasure (CU-07) finds both by them.
    """

    __abstract__ = True
    resource: ClassVar[str] = ""  # the name the API and the devices know the record by
    audited: ClassVar[bool] = True
    masked: ClassVar[frozenset[str]] = frozenset()
    prose: ClassVar[frozenset[str]] = frozenset()
    belongs_to: ClassVar[str | None] = None

    def __init__(self, **values: Any) -> None:
        """Take the columns' values; a missing id is made at once, so that others can name it."""
        values.setdefault("id", new_id())
        values.setdefault("version", 1)
        if unknown := values.keys() - _attributes(type(self)):
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        # Set one by one, each would be compared and remembered: a new row has no history.
        self.__dict__.update(values)

    version: Mapped[int] = mapped_column(Integer, nullable=False)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy hands the class in
        # The unit of work raises it once for every command that changed the row (kernel/db.py).
        return {"version_id_col": cls.version, "version_id_generator": False}


class Catalogue(Versioned):
    """A table without a region, written rarely, that refers to catalogue tables only."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Regional(Versioned):
    """An operational table: region_id is first in its primary key and all its other keys.

    `counted` is False for rows that no device holds.
    """

    __abstract__ = True
    counted: ClassVar[bool] = True

    region_id: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, sort_order=-2
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)


@lru_cache(maxsize=256)
def _attributes(model: type[Versioned]) -> frozenset[str]:
    """Return the names of a model's columns as attributes."""
    return frozenset(inspect(model).column_attrs.keys())


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition of a check constraint that a column holds one of some words."""
    return f"{column} in ({', '.join(repr(str(value)) for value in values)})"


def link(table: str, *, nullable: bool = False, index: bool = True) -> MappedColumn[Any]:
    """Make a column that refers to a row of an operational table in the same region.

    The composite foreign key (region_id, column) and its index are written for it.
    """
    return mapped_column(Uuid(), nullable=nullable, info={"link": table, "index": index})


def catalogue_link(table: str, *, nullable: bool = False) -> MappedColumn[Any]:
    """Make a column that refers to a catalogue row by its id; its index is written for it."""
    return mapped_column(Uuid(), ForeignKey(f"{table}.id"), nullable=nullable, info={"index": True})


def _write_keys(table: Table) -> None:
    regional = "region_id" in table.c
    for column in list(table.columns):
        target = column.info.get("link")
        if target is not None:
            table.append_constraint(
                ForeignKeyConstraint(
                    ["region_id", column.name], [f"{target}.region_id", f"{target}.id"]
                )
            )
        if column.info.get("index"):
            keys = [table.c.region_id, column] if regional else [column]
            Index(None, *keys)


def operational_tables() -> dict[str, Table]:
    """Return the tables that carry a region, by name."""
    return {name: table for name, table in metadata.tables.items() if "region_id" in table.c}
