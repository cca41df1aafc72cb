"""Where things stand: the furniture of modules, the order of imports, the size of files."""

import ast
import re
import sys
import tomllib
import warnings

import pytest

from fieldops.modules import MODULES
from tests.architecture import source

FURNITURE = {
    "__init__",
    "errors",
    "rules",
    "schemas",
    "events",
    "models",
    "policy",
    "queries",
    "views",
    "commands",
    "reactions",
    "jobs",
}

# Files beside the furniture, each an algorithm or a store of its own, with the reason it stands
# apart. Add to this only what has a name in the field or in computing.
OWN_FILES = {
    "appointments/ladders": "the steps before and after a visit as data, and what makes them whole",
    "appointments/links": "the customer's signed links, pure",
    "appointments/situations": "what a customer's link shows and allows, pure",
    "appointments/slots": "the search for free windows and the decoder that checks it, pure",
    "checklists/drafting": "what is wrong with a draft of a template, what a version changed, pure",
    "checklists/opening": "what failed items open by their template's rules",
    "checklists/standard": "the templates of CH-03 and CH-04, as data",
    "complaints/report": "the report of a complaint on paper, for its customer",
    "customers/pii": "the only place that touches contact data (CU-04)",
    "customers/standards": "which row of the standard table wins (CU-02), pure",
    "dispatch/prediction": "when technicians will be where, by the state of the day, pure",
    "dispatch/watching": "running days predicted, warned of with ways out, settled",
    "dispatch/ways_out": "what may be done about a late visit, read and put in order",
    "dispatch/delays": "which delays of a running day call for a replan, pure",
    "dispatch/exchanging": "a technician's own visits in another order, pure",
    "dispatch/ranking": "who can do one job and who should, with reasons, pure",
    "dispatch/wording": "what dispatchers read of candidates and late visits, in both languages",
    "dispatch/day": "what is known of a centre's day, in minutes, pure",
    "dispatch/engine": "the compiled search for day plans and the decoder that checks it, pure",
    "dispatch/line_wording": "what a plan's lines say, in both languages",
    "dispatch/problem": "a centre's day as the problem the search works on, pure",
    "dispatch/proposal": "what a found plan changes, and what it would break, pure",
    "dispatch/search_process": "the search program as the worker holds it",
    "dispatch/searching": "the search as a program of its own",
    "dispatch/timeline": "a day walked through minute by minute, pure",
    "materials/standard": "the shipped list of usual materials, as data",
    "measurements/quality": "what line tests say of plant, read for the ranking of what is free",
    "network/drawing": "a change that waits for a steward, drawn; pure",
    "network/ranking": "what is free in the place of another, by tests and nearness, with reasons",
    "faults/wording": "what the hotline is told: the facts that fill the advice of intake",
    "followups/wording": "the call's script, filled with what is known of a matter",
    "files/disk": "bytes on the disk: written once, synced, named by their hash",
    "files/promises": "what a phone's commands promise as attachments",
    "files/s3": "bytes in a bucket of any S3-compatible store",
    "files/store": "the port of the two stores of bytes",
    "files/sweeping": "what of files is swept, and what is compared and never swept",
    "files/uploading": "the tus protocol's state machine",
    "health/charting": "the chart of one line, pure",
    "retention/charting": "the churn figures as pictures, pure",
    "health/decline": "which lines get worse, alone or with their box, pure",
    "health/wording": "what findings about lines say, in both languages",
    "health/places": "where a flagged line's trouble likely lies, by rules that are data, pure",
    "network/geopackage": "GeoPackages written, and read as files of strangers",
    "network/importing": "what a file of plant would do to the record, pure",
    "network/linking": "what a file's ties and services would do to the record, pure",
    "network/plant_files": "plant in a file, GeoJSON or GeoPackage, as the same pieces, pure",
    "notifications/channels": "one adapter per way out: text message, e-mail, outbox",
    "notifications/push": "web push to a browser: encrypted, signed, sent",
    "notifications/replies": "what the words of a customer's reply mean, pure",
    "notifications/segments": "how a text splits into short-message segments, and back, pure",
    "notifications/wording": "the message texts in both languages",
    "orders/importing": "orders out of JSON lines",
    "quality/drawing": "the draw of visits by lot, share and risk, repeatable, pure",
    "quality/duty": "who inspects whom how often, and since when it is overdue, pure",
    "quality/forms": "scored forms and their scores, as data, pure",
    "quality/prints": "the difference hash of a photo, pure",
    "quality/wording": "why a flag was raised, in both languages",
    "reports/board": "a centre's day, put together from what was read",
    "reports/disruptions": "the statements for emergency plans and area faults on the board",
    "reports/facts": "the statements of the indicators, one row a record, all of one shape",
    "reports/promised": "kept appointments and each reason why not, as a statement",
    "reports/care": "those of care and upkeep among them",
    "reports/asked": "what they are asked for, and that shape",
    "reports/closing": "closed months: their figures kept, corrections beside them",
    "reports/weekly": "a centre's week on paper, and indicators as pictures",
    "reports/ranking": "who stands where in an indicator, over all regions somebody reads",
    "reports/scores": "the scores of inspections, weighed",
    "reports/rollups": "sums by day, made from the facts and read in their place",
    "reports/touched": "which days a change touches, by the log of changes",
    "reports/figures": "any indicator cut by anything, weighed, with its records",
    "reports/months": "targets and weights by month",
    "reports/registry": "the indicators as data, and their sums, pure",
    "reports/kept": "the kept-appointment indicator (KP-01), with the records behind it",
    "travel/building": "a region's table of road times, made from the best source there is",
    "travel/extract": "roads out of an OpenStreetMap extract",
    "travel/roads": "the road graph and the ways in it, pure",
    "travel/streets": "the streets of a road graph in a box of the map",
    "travel/server": "the matrix dialects of OSRM and Valhalla",
    "reports/one_visit": "the share of orders served in one visit (WO-02), with its orders",
    "reports/visit_report": "the report of one visit: read, said, drawn, written down",
    "reports/served": "the statements behind that share",
    "visits/wording": "what notices say to technicians, in both languages",
    "sync/answers": "what a phone is answered: of a command, of its device, of a push",
    "sync/transience": "which errors pass by themselves",
    "sync/carrying": "a device's queue in a file, and a command tried without effect",
    "sync/admission": "how many phones are served at once, and what the others are told",
    "sync/cases": "which commands are blocked by an open case, and how a case is opened",
    "sync/clones": "how two phones under one registration give themselves away",
    "sync/cursor": "the signed cursor of a pull",
    "sync/erasures": "who has to erase what of an erased person, and who has done so",
    "sync/envelopes": "the phone's command shape, with its capture time estimated",
    "sync/field": "what phones hold of one record, and what of it may be unsent",
    "sync/explaining": "why a row is or is not on a device, in words",
    "sync/grants": "what a device's user was allowed when it was last seen, pure",
    "sync/following": "a pull that looks only where the log of changes says",
    "sync/positions": "where a device stands, and whether there are news",
    "sync/reading": "which tables and columns decide what a view holds",
    "sync/held": "which rows a device holds, in two phases",
    "sync/inflate": "request bodies unpacked with a cap",
    "sync/pokes": "which connected phones a change concerns, and when they are told",
    "sync/timeline": "the guard that notices a database that went back in time",
    "sync/prepared": "the statement of all views, built over placeholders and compiled once",
    "sync/pull": "the difference between two views",
    "sync/receipt": "what a push promised as attachments, and what is still wanted",
    "sync/wording": "what technicians read of their cases, in both languages",
    "sync/push": "a queue of commands replayed in order",
    "sync/replicache": "Replicache's contract, as a way in and out of push and pull",
}

FORBIDDEN_NAMES = {"service", "utils", "util", "helpers", "helper", "manager", "repository"}
STATUS = re.compile(r"Status: (proposed|accepted|superseded by \d{4}), \d{4}-\d\d-\d\d")
FILE_GUIDE, FUNCTION_GUIDE = 400, 40


def contract(name: str) -> dict[str, list[str]]:
    with (source.ROOT / "pyproject.toml").open("rb") as file:
        linter = tomllib.load(file)["tool"]["importlinter"]
    return next(c for c in linter["contracts"] if c["id"] == name)


def layers(name: str) -> list[str]:
    """Return a contract's layers, lowest first."""
    return [layer.strip("()") for layer in reversed(contract(name)["layers"])]


def test_the_linter_stacks_the_modules_in_the_order_they_are_registered_in() -> None:
    stacked = [layer for layer in layers("modules") if layer in MODULES]
    assert stacked == list(MODULES)


def test_the_linter_knows_the_furniture_of_every_module() -> None:
    listed = {
        container.removeprefix("fieldops.") for container in contract("furniture")["containers"]
    }
    existing = {m for m in MODULES if (source.ROOT / "fieldops" / m / "__init__.py").exists()}
    assert listed == existing
    assert set(layers("furniture")) == FURNITURE - {"__init__"} | {"pii"}


def test_sync_may_know_only_the_kernel_and_files() -> None:
    forbidden = {
        name.removeprefix("fieldops.") for name in contract("sync-wing")["forbidden_modules"]
    }
    assert forbidden == {m for m in MODULES if m not in {"files", "sync", "reports"}}


def test_a_module_has_only_known_furniture() -> None:
    odd = {
        f"{module}/{piece}"
        for module, piece, _path in source.module_files()
        if piece not in FURNITURE and f"{module}/{piece}" not in OWN_FILES
    }
    assert not odd, f"neither furniture nor named in OWN_FILES with a reason: {sorted(odd)}"


def test_every_own_file_exists() -> None:
    existing = {f"{module}/{piece}" for module, piece, _path in source.module_files()}
    assert OWN_FILES.keys() <= existing


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_owns(module: str) -> None:
    doc = ast.get_docstring(source.tree(source.ROOT / "fieldops" / module / "__init__.py"))
    assert doc, f"fieldops/{module}/__init__.py has no docstring"
    assert len(doc.split()) >= 12, f"{module}: name what it owns, its verbs, events, neighbours"


def test_the_map_shows_every_module() -> None:
    page = (source.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = [name for name in ("kernel", *MODULES) if f"\n| {name} | " not in page]
    assert not missing, "give it a row in docs/architecture.md"


def test_a_decision_has_a_number_a_status_and_a_day() -> None:
    records = sorted((source.ROOT / "docs" / "decisions").glob("*.md"))
    assert [r.name[:4] for r in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for record in records:
        lines = record.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {record.name[:4]} "), record.name
        assert STATUS.fullmatch(lines[2]), f"{record.name}: Status: accepted, 2026-11-21"
        assert len(lines) < 60, f"{record.name} is longer than a page"


def test_no_file_is_called_by_a_name_that_says_nothing() -> None:
    found = [
        source.shown(path)
        for path in source.files("fieldops", "api")
        if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES
    ]
    assert not found


@pytest.mark.parametrize("island", ["bootstrap", "cluster", "postgresql"])
def test_what_prepares_the_machine_needs_the_standard_library_only(island: str) -> None:
    path = source.ROOT / "fieldops" / f"{island}.py"
    roots = {full.split(".")[0] for full in source.imported(path).values()}
    others = {
        full
        for full in source.imported(path).values()
        if full.startswith("fieldops.") and full.split(".")[1] not in {"cluster", "postgresql"}
    }
    assert roots <= {*sys.stdlib_module_names, "fieldops"}
    assert not others


def test_migrations_know_no_model() -> None:
    found = [
        source.shown(path)
        for path in source.files("migrations/versions")
        if any(full.split(".")[0] in {"fieldops", "api"} for full in source.imported(path).values())
    ]
    assert not found


@pytest.mark.filterwarnings("default")
def test_sizes_are_near_their_guides() -> None:
    """Guides, not walls: what is longer is listed in one warning."""
    long = []
    for path in source.files("fieldops", "api"):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > FILE_GUIDE:
            long.append(f"{source.shown(path)}: {length} lines")
        long += [
            f"{source.shown(path, node.lineno)} {node.name}: {lines} lines"
            for node in ast.walk(source.tree(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_GUIDE
        ]
    if long:
        warnings.warn("longer than the guides:\n  " + "\n  ".join(long), stacklevel=1)
