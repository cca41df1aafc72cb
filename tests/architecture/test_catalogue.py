"""The region rules 1, 2, 3 and 9, read from the migrated database's own catalogue.

What breaks them works on one PostgreSQL and fails the day the same schema is distributed by
region_id, so it must fail here. docs/architecture.md has the rules.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

import fieldops.modules
from fieldops.kernel.base import NAME_LIMIT, Catalogue
from fieldops.kernel.db import Database

pytestmark = pytest.mark.anyio

assert fieldops.modules.MODULES  # importing it declares every table

FOREIGN = "(t.relname like 'procrastinate%' or t.relname in ('spatial_ref_sys', 'alembic_version'))"

COLUMNS = f"""
    select t.relname as table, a.attname as name, a.attnum as number, a.attnotnull as required,
           format_type(a.atttypid, a.atttypmod) as type, a.atthasdef as has_default
    from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0
         and not a.attisdropped
    where t.relnamespace = 'public'::regnamespace and t.relkind in ('r', 'p') and not {FOREIGN}
"""

CONSTRAINTS = f"""
    select t.relname as table, c.conname as name, c.contype::text as kind,
           c.confdeltype::text as on_delete, c.confupdtype::text as on_update,
           r.relname as target,
           array(select attname::text from unnest(c.conkey) with ordinality k(n, o)
                 join pg_attribute on attrelid = t.oid and attnum = n order by o) as columns,
           array(select attname::text from unnest(c.confkey) with ordinality k(n, o)
                 join pg_attribute on attrelid = r.oid and attnum = n order by o) as targets,
           array(select oprname::text from unnest(c.conexclop) with ordinality k(n, o)
                 join pg_operator p on p.oid = n order by o) as operators
    from pg_constraint c join pg_class t on t.oid = c.conrelid
         left join pg_class r on r.oid = c.confrelid
    where t.relnamespace = 'public'::regnamespace and c.contype in ('p', 'u', 'f', 'x', 'c')
          and not {FOREIGN}
"""

INDEXES = f"""
    select t.relname as table, i.relname as name, x.indisunique as is_unique,
           x.indpred is not null as partial,
           array(select coalesce(attname::text, '(expression)')
                 from unnest(x.indkey::int2[]) with ordinality k(n, o)
                 left join pg_attribute on attrelid = t.oid and attnum = n order by o) as columns
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where t.relnamespace = 'public'::regnamespace and not {FOREIGN}
"""

TRIGGERS = f"""
    select t.relname as table, g.tgname as name
    from pg_trigger g join pg_class t on t.oid = g.tgrelid
    where t.relnamespace = 'public'::regnamespace and not g.tgisinternal and not {FOREIGN}
"""

QUEUE_LINKS = """
    select c.conname from pg_constraint c
    join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid
    where (t.relname like 'procrastinate%') <> (r.relname like 'procrastinate%')
"""


@dataclass(frozen=True)
class Schema:
    """What the catalogue says of our tables."""

    columns: list[Any]
    constraints: list[Any]
    indexes: list[Any]
    triggers: list[Any]
    queue_links: list[Any]

    @property
    def tables(self) -> set[str]:
        return {column.table for column in self.columns}

    @property
    def operational(self) -> set[str]:
        return {column.table for column in self.columns if column.name == "region_id"}

    def of_kind(self, *kinds: str) -> list[Any]:
        return [c for c in self.constraints if c.kind in kinds]

    @property
    def foreign_keys(self) -> list[Any]:
        return self.of_kind("f")


@pytest.fixture
async def schema(database: Database) -> Schema:
    async with database.transaction() as session:
        found = [
            list((await session.execute(text(query))).all())
            for query in (COLUMNS, CONSTRAINTS, INDEXES, TRIGGERS, QUEUE_LINKS)
        ]
    return Schema(*found)


async def test_rule_1_an_operational_table_has_an_integer_region_first_in_its_primary_key(
    schema: Schema,
) -> None:
    keys = {c.table: c.columns for c in schema.of_kind("p")}
    regions = {c.table: c for c in schema.columns if c.name == "region_id"}
    assert len(regions) > 20
    for table, region in regions.items():
        assert region.type == "integer", table
        assert region.required, table
        assert keys[table][0] == "region_id", table


async def test_rule_1_the_region_is_first_in_every_unique_and_exclusion_constraint(
    schema: Schema,
) -> None:
    """Unique indexes too; an exclusion compares the region with `=`."""
    for constraint in schema.of_kind("u", "x"):
        if constraint.table in schema.operational:
            assert constraint.columns[0] == "region_id", constraint.name
        if constraint.table in schema.operational and constraint.kind == "x":
            assert constraint.operators[0] == "=", constraint.name
    for index in schema.indexes:
        if index.table in schema.operational and index.is_unique:
            assert index.columns[0] == "region_id", index.name


async def test_rule_1_a_foreign_key_between_operational_tables_begins_with_the_region(
    schema: Schema,
) -> None:
    inside = [k for k in schema.foreign_keys if {k.table, k.target} <= schema.operational]
    assert len(inside) > 10
    for key in inside:
        assert key.columns[0] == key.targets[0] == "region_id", key.name


async def test_rule_2_every_table_has_a_region_or_is_declared_a_catalogue(schema: Schema) -> None:
    declared = {
        mapper.class_.__tablename__
        for mapper in Catalogue.registry.mappers
        if issubclass(mapper.class_, Catalogue)
    }
    assert schema.tables - schema.operational == declared


async def test_rule_2_a_catalogue_refers_to_catalogues_only(schema: Schema) -> None:
    wrong = [
        key.name
        for key in schema.foreign_keys
        if key.table not in schema.operational and key.target in schema.operational
    ]
    assert not wrong


async def test_rule_3_no_foreign_key_acts_by_itself(schema: Schema) -> None:
    """No ON DELETE or ON UPDATE but the refusal ('a' no action, 'r' restrict)."""
    acting = [
        key.name for key in schema.foreign_keys if not {key.on_delete, key.on_update} <= {"a", "r"}
    ]
    assert not acting


async def test_rule_3_our_tables_have_no_triggers_and_no_keys_to_the_queue(schema: Schema) -> None:
    assert not schema.triggers
    assert not schema.queue_links


async def test_columns_have_no_server_defaults(schema: Schema) -> None:
    """Values come from the program: the database makes no id and knows no time."""
    assert not [f"{c.table}.{c.name}" for c in schema.columns if c.has_default]


async def test_rule_9_names_are_final_and_at_most_54_characters(schema: Schema) -> None:
    prefixes = {"p": "pk_", "u": "uq_", "f": "fk_", "c": "ck_", "x": "ex_"}
    for thing in (*schema.constraints, *schema.indexes):
        assert len(thing.name) <= NAME_LIMIT, thing.name
    for constraint in schema.constraints:
        assert constraint.name.startswith(prefixes[constraint.kind]), constraint.name


async def test_every_foreign_key_has_an_index(schema: Schema) -> None:
    """An index whose first columns, after the region, are the key's columns."""
    for key in schema.foreign_keys:
        wanted = {name for name in key.columns if name != "region_id"}
        covering = [
            index
            for index in schema.indexes
            if index.table == key.table
            and not index.partial
            and set([c for c in index.columns if c != "region_id"][: len(wanted)]) == wanted
        ]
        assert covering, f"{key.name} on {key.table} has no index on {sorted(wanted)}"


async def test_every_table_carries_its_modules_name(schema: Schema) -> None:
    owners = ("kernel", *fieldops.modules.MODULES)
    assert not [t for t in schema.tables if not t.startswith(tuple(f"{o}_" for o in owners))]
