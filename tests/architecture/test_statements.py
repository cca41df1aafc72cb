"""Where SQL, commits, clocks and contact data may stand."""

from pathlib import Path

import pytest

from tests.architecture import source

SQL = {"select", "text", "insert", "update", "delete", "exists", "union", "union_all", "values"}

# The pieces of a module that may hold SQL, and the modules that are SQL through and through.
SQL_PIECES = {"queries", "views", "policy", "pii"}
SQL_MODULES = {"reports", "sync", "kernel"}

# Single files beside them, each with its reason.
SQL_FILES = {
    "api/kernel.py": "asks whether the database answers; no table is in it",
    "fieldops/customers/standards.py": "lays down a catalogue's default rows; no scope applies",
}

# The demo writes a city; what prepares the machine runs before the kernel can be imported.
OWN_CLOCK = ("fieldops/demo/", "fieldops/bootstrap.py", "fieldops/cluster.py")
CLOCKS = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
}

CONTACT_TABLES = {"Contact", "FormerContact"}
CONTACT_FILES = {
    "fieldops/customers/pii.py": "the one place",
    "fieldops/customers/commands.py": "names the row its verb hands back, opens none",
    "fieldops/demo/standing.py": "writes the invented people of the sample city",
}


def _may_hold_sql(path: Path) -> bool:
    name = source.shown(path)
    parts = name.split("/")
    if parts[0] != "fieldops" or len(parts) < 3:
        return name in SQL_FILES
    return (
        parts[1] in SQL_MODULES | {"demo"}
        or parts[2].removesuffix(".py") in SQL_PIECES
        or name in SQL_FILES
    )


def test_sql_stands_only_where_scopes_are_kept() -> None:
    found = [
        f"{source.shown(path, line)} {name}"
        for path in source.files("fieldops", "api")
        if not _may_hold_sql(path)
        for name, line in source.calls(path)
        if name.startswith("sqlalchemy.") and name.split(".")[-1] in SQL
        if (name, path.name) != ("sqlalchemy.text", "models.py")  # the condition of an index
    ]
    assert not found, "move to queries.py (or policy, views, pii):\n" + "\n".join(found)


def test_the_exceptions_still_exist() -> None:
    for name in (*SQL_FILES, *CONTACT_FILES):
        assert (source.ROOT / name).is_file(), f"{name} is gone: take it off the list"


def test_no_statement_is_written_as_plain_text() -> None:
    """`text()` hides tables from the checks of region and scope; only the kernel may use it."""
    found = [
        source.shown(path, line)
        for path in source.files("fieldops", "api")
        for name, line in source.calls(path)
        if name in {"sqlalchemy.text", "sqlalchemy.sql.text"}
        and path.name != "models.py"
        and not source.shown(path).startswith(("fieldops/kernel/", "fieldops/demo/"))
        and source.shown(path) not in SQL_FILES
    ]
    assert not found


def test_only_the_kernel_commits() -> None:
    found = [
        source.shown(path, line)
        for path in source.files("fieldops", "api")
        if source.shown(path) != "fieldops/kernel/db.py"
        for name, line in source.calls(path)
        if name.split(".")[-1] == "commit"
    ]
    assert not found, "the one place where a transaction ends is Database.transaction"


def test_only_the_kernels_clock_asks_for_the_time() -> None:
    found = [
        f"{source.shown(path, line)} {name}"
        for path in source.files("fieldops", "api")
        if source.shown(path) != "fieldops/kernel/clock.py"
        and not source.shown(path).startswith(OWN_CLOCK)
        for name, line in source.calls(path)
        if name in CLOCKS
    ]
    assert not found, "use fieldops.kernel.clock.now (or ctx.now in a handler)"


@pytest.mark.parametrize("piece", ["rules", "models", "schemas", "events"])
def test_pure_furniture_has_no_clock(piece: str) -> None:
    found = [
        source.shown(path, line)
        for _module, of, path in source.module_files()
        if of == piece
        for name, line in source.calls(path)
        if name.endswith("clock.now")
    ]
    assert not found, "hand the moment in as an argument"


def test_cu_04_contact_data_is_touched_by_pii_alone() -> None:
    """CU-04: whoever wants contact data asks a function of customers/pii.py, which registers it."""
    found = [
        f"{source.shown(path, line)} {full}"
        for path in source.files("fieldops", "api")
        if source.shown(path) not in CONTACT_FILES
        for full, line in source.references(path)
        if full.startswith("fieldops.customers.") and full.split(".")[-1] in CONTACT_TABLES
    ]
    assert not found


def test_cu_04_only_pii_writes_the_register() -> None:
    """CU-04: the register of readings is added to where contact data is read, nowhere else."""
    found = [
        source.shown(path, line)
        for path in source.files("fieldops", "api")
        if source.shown(path) != "fieldops/customers/pii.py"
        for name, line in source.calls(path)
        if name == "fieldops.customers.pii.ContactReading"
    ]
    assert not found


def test_no_table_has_an_orm_relationship() -> None:
    found = [
        source.shown(path, line)
        for path in source.files("fieldops")
        for name, line in source.calls(path)
        if name.endswith(("orm.relationship", "orm.backref"))
    ]
    assert not found
