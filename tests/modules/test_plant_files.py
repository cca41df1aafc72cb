"""Plant as a file: what leaves and comes back changes nothing; what is wrong stays outside."""

import json
import random
import sqlite3
import struct
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python
from sqlalchemy import func, select

from api import plant as routes
from fieldops.customers.models import Export
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Role
from fieldops.kernel.settings import Settings
from fieldops.network import geopackage, plant_files
from fieldops.network.commands import importing
from fieldops.network.errors import PlantFileUnreadable
from fieldops.network.models import NetworkFeature
from fieldops.network.plant_files import PlantFormat
from fieldops.organisation.models import RoleGrant
from tests.support.clients import application, bearer
from tests.support.factories.network import Plant, make_feature, make_plant, make_service
from tests.support.gdal import ogr2ogr, ogrinfo, rewritten
from tests.support.world import NORTH, SOUTH, World, id_of

at_once = pytest.mark.anyio
FORMATS = pytest.mark.parametrize("kind", list(PlantFormat))
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
PLACE = {"type": "Point", "coordinates": [24.94, 60.17]}
BOX = {"type": "Point", "coordinates": [24.9408, 60.17]}


@pytest.fixture
async def plant(database: Database, world: World) -> Plant:
    """Plant of North with a service on it, and a pole of South."""
    async with database.transaction() as session:
        plant = await make_plant(session)
        plant.box.attributes = {"length_m": 12.5, "old": True, "note": "Kaapeli 東 'x'", "n": None}
        await make_service(session, plant)
        await make_feature(session, "pole", centre_id=SOUTH)
        return plant


@pytest.fixture
async def client(
    database: Database, settings: Settings, world: World
) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as made:
        made.headers.update(bearer(settings, world.sam))
        yield made


async def exported(client: httpx.AsyncClient, kind: str = "geojson", **body: Any) -> bytes:
    body = {"format": kind, "reason": "for the test", **body}
    answer = await client.post("/v1/network/plant/export", json=body)
    assert answer.status_code == 200, answer.text
    return answer.content


async def imported(
    client: httpx.AsyncClient, content: bytes | dict[str, Any], **query: Any
) -> httpx.Response:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    query = {"reason": "a survey", **query}
    return await client.post("/v1/network/plant/import", params=query, content=sent)


def collection(*features: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def pole(name: str, shape: Any = PLACE, **properties: Any) -> dict[str, Any]:
    of = {"kind": "pole", "name": name, "centre_id": str(NORTH), **properties}
    return {"type": "Feature", "geometry": shape, "properties": of}


def codes(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "plant_refused", answer.text
    return [refused["code"] for refused in answer.json()["report"]["refused"]]


async def number(database: Database) -> int:
    async with database.transaction() as session:
        found = await session.scalar(
            select(func.count()).select_from(NetworkFeature).where(NetworkFeature.region_id == 1)
        )
    assert found is not None
    return found


@at_once
@FORMATS
async def test_re_01_what_leaves_and_comes_back_changes_nothing(
    client: httpx.AsyncClient, database: Database, plant: Plant, kind: PlantFormat
) -> None:
    """RE-01: the whole record goes out and in as it was, its ties, services and ways too."""
    content = await exported(client, kind, services=True)
    before = await number(database)
    async with database.transaction() as session:
        audits = await session.scalar(
            select(func.count()).select_from(Audit).where(Audit.region_id == 1)
        )
    for dry_run in (True, False):
        answer = await imported(client, content, dry_run=dry_run)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "dry_run": dry_run, "added": 0, "changed": 0, "unchanged": before,
            "ties_added": 0, "ties_unchanged": 6, "services_added": 0, "services_unchanged": 1,
            "refused_number": 0, "refused": [], "ignored_tables": [],
        }  # fmt: skip
    assert await number(database) == before
    async with database.transaction() as session:
        assert audits == await session.scalar(
            select(func.count()).select_from(Audit).where(Audit.region_id == 1)
        )


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20
)
degrees = st.floats(-89, 89, allow_nan=False).map(lambda value: round(value, 7))
places = st.tuples(degrees, degrees).map(list)
shapes = st.one_of(
    st.none(),
    places.map(lambda place: {"type": "Point", "coordinates": place}),
    st.lists(places, min_size=2, max_size=5).map(
        lambda line: {"type": "LineString", "coordinates": line}
    ),
)
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), texts,
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "version": st.integers(1, 9999),
        "centre_id": st.uuids(),
        "kind": st.sampled_from(["pole", "cable", "pair"]),
        "name": texts,
        "parent_id": st.none() | st.uuids(),
        "state": st.none() | st.sampled_from(["free", "bad"]),
        "attributes": st.dictionaries(texts, values, max_size=4),
        "shape": shapes,
    }
)


ties = st.fixed_dictionaries(
    {
        "id": st.uuids(), "kind": st.sampled_from(["feeds", "spliced"]),
        "from_id": st.uuids(), "to_id": st.uuids(),
    }
)  # fmt: skip
services = st.fixed_dictionaries(
    {
        "id": st.uuids(), "version": st.integers(1, 9999), "premises_id": st.uuids(),
        "customer_id": st.uuids(), "kind": st.just("broadband"),
        "technology": st.sampled_from(["copper", "fibre"]),
        "sold_down_mbps": st.none() | st.integers(1, 1000), "sold_up_mbps": st.none(),
        "account": st.none() | texts, "state": st.just("active"),
        "path": st.lists(st.uuids(), min_size=1, max_size=4),
    }
)  # fmt: skip


@FORMATS
@given(
    st.lists(rows, max_size=6, unique_by=lambda row: row["id"]),
    st.lists(ties, max_size=3, unique_by=lambda row: row["id"]),
    st.lists(services, max_size=3, unique_by=lambda row: row["id"]),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_file_gives_back_what_was_written_to_it(
    kind: PlantFormat,
    written: list[dict[str, Any]],
    ties: list[dict[str, Any]],
    services: list[dict[str, Any]],
) -> None:
    contents = plant_files.read(plant_files.written(written, ties, services, kind, NOW))
    for read, given_rows in ((contents.ties, ties), (contents.services, services)):
        said = [piece.values for piece in read]
        kept = [{name: v for name, v in row.items() if v is not None} for row in given_rows]
        assert to_jsonable_python(said) == to_jsonable_python(kept)
        assert not [piece for piece in read if piece.fault]
    assert contents.ignored == []
    assert not [piece for piece in contents.pieces if piece.fault]
    back = {piece.values["id"]: piece.values for piece in contents.pieces}
    assert len(back) == len(written)
    for row in written:
        said = back[str(row["id"])]
        for name, value in row.items():
            expected = str(value) if name in {"id", "centre_id", "parent_id"} and value else value
            assert said.get(name) == expected, name


@at_once
async def test_a_geopackage_is_one_to_a_real_client(
    client: httpx.AsyncClient, plant: Plant, tmp_path: Path
) -> None:
    file = tmp_path / "plant.gpkg"
    file.write_bytes(await exported(client, "gpkg", centre_id=str(NORTH)))
    assert file.read_bytes()[68:72] == b"GPKG"
    said = ogrinfo("-so", "-al", file)
    assert "GPKG" in said
    for layer, count in (
        ("plant_points", 4),
        ("plant_lines", 3),
        ("plant_parts", 12),
        ("plant_ties", 6),
    ):
        assert f"Layer name: {layer}" in said
        assert f"Feature Count: {count}" in said
    assert "Geometry: Line String" in said
    assert 'ID["EPSG",4326]' in said
    points = ogr2ogr(file, "plant_points")["features"]
    box = next(f for f in points if f["properties"]["id"] == str(plant.box.id))
    assert box["geometry"]["coordinates"] == [24.9408, 60.17]
    assert box["properties"]["name"] == plant.box.name


@at_once
async def test_re_05_a_file_adds_and_changes_plant_with_parents_in_any_order(
    client: httpx.AsyncClient, database: Database, world: World, plant: Plant, tmp_path: Path
) -> None:
    """RE-05: what a file changes stands in the history with why and by whom."""
    cabinet, box, cable, pair = (str(uuid4()) for _ in range(4))
    line = {"type": "LineString", "coordinates": [[24.95, 60.17], [24.951, 60.17]]}
    content = collection(
        {**pole("p1", None, kind="pair", parent_id=cable), "id": pair},
        {**pole("c", line, kind="cable", parent_id=box), "id": cable},
        {**pole("b", kind="distribution_box", parent_id=cabinet), "id": box},
        {**pole("k", kind="cross_connect_cabinet"), "id": cabinet},
        {**pole("Box anew", BOX, kind="distribution_box", version=plant.box.version,
                attributes={"doors": 2}), "id": str(plant.box.id)},
        pole("without an id"),
    )  # fmt: skip
    answer = await imported(client, content)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["added"], answer.json()["changed"]) == (5, 1)
    async with database.transaction() as session:
        found = {
            row.name: row
            for row in await session.scalars(
                select(NetworkFeature).where(NetworkFeature.region_id == 1)
            )
        }
        history = (
            await session.scalars(
                select(Audit).where(Audit.region_id == 1, Audit.entity_id == plant.box.id)
            )
        ).all()
    assert (str(found["p1"].id), found["p1"].state) == (pair, "free")
    assert found["Box anew"].attributes == {"doors": 2}
    last = max(history, key=lambda entry: entry.entity_version)
    assert (last.command, last.reason, last.actor_id) == (
        "network.import_plant", "a survey", world.sam.id,
    )  # fmt: skip
    assert last.after == {"name": "Box anew", "attributes": {"doors": 2}}


@at_once
async def test_re_01_plant_with_ties_services_and_ways_is_built_anew_from_a_file(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    """The same plant with other ids and names, beside the first one, for the same home."""
    content = json.loads(await exported(client, services=True, centre_id=str(NORTH)))
    old = [row["id"] for name in ("features", "ties", "services") for row in content[name]]
    text = json.dumps(content)
    for id_ in old:
        text = text.replace(id_, str(uuid5(NORTH, id_)))
    anew = json.loads(text)
    (service,) = anew["services"]
    service["account"] = "A-anew"
    for feature in anew["features"]:
        feature["properties"]["name"] += " anew"
    answer = await imported(client, anew)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["added"], report["ties_added"], report["services_added"]) == (
        len(content["features"]), 6, 1,
    )  # fmt: skip
    back = json.loads(await exported(client, services=True, centre_id=str(NORTH)))
    new = {str(uuid5(NORTH, id_)) for id_ in old}

    def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The new rows by id; versions count what was done to a record, and differ."""
        found = sorted((row for row in rows if row["id"] in new), key=lambda row: str(row["id"]))
        for row in found:
            row.get("properties", row).pop("version", None)
        return found

    for name in ("features", "ties", "services"):
        assert told(back[name]) == told(anew[name]), name
    traced = await client.get(f"/v1/network/services/{service['id']}/trace")
    assert traced.json()["reaches_exchange"] is True
    async with database.transaction() as session:
        pair = await session.get_one(NetworkFeature, (1, uuid5(NORTH, str(plant.pairs[0].id))))
    assert (pair.state, str(pair.service_id)) == ("occupied", service["id"])


@at_once
async def test_every_refused_tie_and_service_is_named_with_its_reason(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    content = json.loads(await exported(client, services=True))
    (known,) = content["services"]
    free, used = str(plant.pairs[2].id), str(plant.pairs[0].id)
    box, drop = str(plant.box.id), str(plant.drop.id)
    new = {**known, "account": "A-new", "path": [box]}

    def tie(kind: str, start: str, end: str, **more: Any) -> dict[str, Any]:
        return {"kind": kind, "from_id": start, "to_id": end, **more}

    def other(**more: Any) -> dict[str, Any]:
        return {**new, "id": str(uuid4()), **more}

    ties: list[tuple[Any, str | None]] = [
        (7, "piece_unreadable"),
        (tie("welded", free, used), "invalid_arguments"),
        (tie("feeds", box, str(uuid4())), "not_found"),
        (tie("feeds", box, box), "invalid_arguments"),
        (tie("feeds", free, box), "connection_refused"),
        (tie("spliced", box, free, id=content["ties"][0]["id"]), "piece_fixed"),
        (tie("spliced", free, drop), None),
        (tie("spliced", free, drop), "connection_known"),
    ]
    services: list[tuple[Any, str | None]] = [
        (other(premises_id=str(uuid4())), "not_found"),
        (other(customer_id=str(uuid4())), "not_found"),
        (other(account=known["account"]), "service_known"),
        (other(state="ceased"), "invalid_arguments"),
        (other(path=[box, used]), "resource_state"),
        (other(path=[str(uuid4())]), "not_found"),
        (other(path=[free]), None),
        (other(account="A-2", path=[free]), "resource_state"),
        ({**known, "sold_down_mbps": 7}, "piece_fixed"),
    ]
    rows = {"ties": [row for row, _ in ties], "services": [row for row, _ in services]}
    answer = await imported(client, {**collection(), **rows})
    expected = [code for _row, code in (*ties, *services) if code]
    assert sorted(codes(answer)) == sorted(expected)
    refused = answer.json()["report"]["refused"]
    assert {row["where"].split()[0] for row in refused} == {"tie", "service"}
    moved = {**known, "path": known["path"][:-1]}
    assert codes(await imported(client, {**collection(), "services": [moved]})) == ["piece_fixed"]


@at_once
async def test_a_file_edited_in_a_real_client_comes_back(
    client: httpx.AsyncClient, database: Database, plant: Plant, tmp_path: Path
) -> None:
    """A GeoPackage as GDAL writes it (its triggers, its index, its own column names) is taken."""
    file, edited = tmp_path / "out.gpkg", tmp_path / "in.gpkg"
    file.write_bytes(await exported(client, "gpkg"))
    sql = (
        "select geom, id, version, centre_id, kind, name || ' new' as name, parent_id, attributes"
        f" from plant_points where id = '{plant.box.id}'"
    )
    options = ("-lco", "GEOMETRY_NAME=wkb_geometry", "-lco", "FID=ogc_fid")
    rewritten(file, edited, "-sql", sql, "-nln", "my layer", *options)
    assert b"CREATE TRIGGER" in edited.read_bytes()
    answer = await imported(client, edited.read_bytes())
    assert answer.status_code == 200, answer.text
    assert (answer.json()["changed"], answer.json()["unchanged"]) == (1, 0)
    async with database.transaction() as session:
        box = await session.get_one(NetworkFeature, (1, plant.box.id))
    assert box.name == f"{plant.box.name} new"


@at_once
async def test_one_refused_piece_keeps_the_whole_file_out(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    before = await number(database)
    content = collection(
        pole("good"),
        pole("line", {"type": "LineString", "coordinates": [[24.9, 60.1], [24.8, 60.1]]}),
        {**pole("moved", kind="distribution_box"), "id": str(plant.box.id)},
    )
    answer = await imported(client, content)
    assert codes(answer) == ["shape_refused"]
    report = answer.json()["report"]
    assert report["refused"][0]["where"] == "feature 2"
    assert (report["added"], report["changed"]) == (1, 1)
    assert await number(database) == before
    async with database.transaction() as session:
        assert (await session.get_one(NetworkFeature, (1, plant.box.id))).name == plant.box.name
    dry = await imported(client, content, dry_run=True)
    assert dry.status_code == 200
    assert dry.json()["refused"] == report["refused"]


@at_once
async def test_every_refused_piece_is_named_with_its_reason(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    box, pair = str(plant.box.id), str(plant.pairs[1].id)
    there: Any = {"kind": "distribution_box", "parent_id": str(plant.cabinet.id)}
    known = {**pole(plant.box.name, BOX, **there), "id": box}

    def changed(**properties: Any) -> dict[str, Any]:
        return {**known, "properties": {**known["properties"], **properties}}

    occupied = {**pole(plant.pairs[1].name, None, kind="pair", state="bad"), "id": pair}
    twice = {**pole("one"), "id": str(uuid4())}
    wrong: list[tuple[Any, str]] = [
        (3, "piece_unreadable"),
        ({"type": "Feature", "geometry": None, "properties": None}, "piece_unreadable"),
        (pole(""), "invalid_arguments"),
        (pole("x" * 121), "invalid_arguments"),
        (pole("nul \x00"), "invalid_arguments"),
        (pole("kind", kind="antenna"), "invalid_arguments"),
        (pole("far", {"type": "Point", "coordinates": [190.0, 60.0]}), "invalid_arguments"),
        (pole("high", {"type": "Point", "coordinates": [24.9, 60.0, 5.0]}), "invalid_arguments"),
        (pole("area", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [0, 0]]]}),
         "invalid_arguments"),
        (pole("deep", attributes={"a": {"b": 1}}), "invalid_arguments"),
        ({**pole("no id"), "id": "7"}, "invalid_arguments"),
        (pole("nowhere", None), "shape_refused"),
        (pole("homeless", centre_id=None), "invalid_arguments"),
        (pole("of nobody", centre_id=str(new_id())), "not_found"),
        (pole("orphan", kind="onu", parent_id=str(new_id())), "not_found"),
        (pole("child of a pole", kind="pole", parent_id=box), "nesting_refused"),
        (pole("occupied", None, kind="pair", parent_id=str(plant.cable.id), state="occupied"),
         "piece_fixed"),
        (pole(plant.box.name, kind="distribution_box", parent_id=str(plant.cabinet.id)),
         "name_taken"),
        (pole("same"), None),
        (pole("same"), "name_taken"),
        (twice, None),
        (twice, "piece_twice"),
    ]  # fmt: skip
    later: list[tuple[Any, str]] = [
        (changed(kind="manhole"), "piece_fixed"),
        (changed(parent_id=None), "piece_fixed"),
        (changed(centre_id=str(SOUTH)), "piece_fixed"),
        (changed(name="older", version=plant.box.version + 5), "piece_stale"),
        (occupied, "piece_fixed"),
    ]
    answer = await imported(client, collection(*(piece for piece, _code in wrong)))
    assert sorted(codes(answer)) == sorted(code for _piece, code in wrong if code)
    for piece, code in later:
        assert codes(await imported(client, collection(piece))) == [code]
    untouched = await imported(client, collection(changed(version=plant.box.version + 5)))
    assert untouched.json()["unchanged"] == 1  # nothing differs: its age does not matter


@at_once
async def test_org_02_a_file_reaches_no_further_than_its_sender(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, plant: Plant
) -> None:
    """ORG-02: a neighbour's plant is neither in the file nor changed by one."""
    for actor in (world.dora, world.alice, world.ann, world.mia):
        client.headers.update(bearer(settings, actor))
        assert (await imported(client, collection())).status_code == 403
        body = {"format": "gpkg", "reason": "for the test"}
        assert (await client.post("/v1/network/plant/export", json=body)).status_code == 403
    unit = id_of("south")
    async with database.transaction() as session:
        grant = RoleGrant(person_id=world.dan.id, unit_id=unit, role=Role.SUPERVISOR.value)
        session.add(grant)
    client.headers.update(bearer(settings, world.dan))  # he looks after South now
    (pole_of_south,) = json.loads(await exported(client))["features"]
    assert pole_of_south["properties"]["centre_id"] == str(SOUTH)
    hidden = {**pole("mine", BOX, kind="distribution_box"), "id": str(plant.box.id)}
    child = pole("child", kind="onu", parent_id=str(plant.box.id), centre_id=str(SOUTH))
    assert (
        codes(await imported(client, collection(hidden, child, pole("in North"))))
        == ["not_found"] * 3
    )
    assert (await imported(client, collection(pole("own", centre_id=str(SOUTH))))).json()[
        "added"
    ] == 1


@at_once
async def test_cu_04_an_export_of_plant_is_registered_and_names_no_customer(
    client: httpx.AsyncClient, database: Database, world: World, plant: Plant
) -> None:
    content = await exported(client, "gpkg", kinds=["distribution_box", "pole"])
    async with database.transaction() as session:
        (kept,) = (await session.scalars(select(Export).where(Export.region_id == 1))).all()
    assert (kept.operation, kept.format, kept.rows) == ("plant_export", "gpkg", 2)
    assert (kept.reader_id, kept.reason) == (world.sam.id, "for the test")
    whole = await exported(client)
    with_services = await exported(client, services=True)
    async with database.transaction() as session:
        found = await session.scalars(select(Export).where(Export.region_id == 1))
        (named,) = [row.customer_ids for row in found if row.customer_ids]
        pair = await session.get_one(NetworkFeature, (1, plant.pairs[0].id))
    assert pair.service_id is not None
    for written in (content, whole):
        assert str(pair.service_id).encode() not in written
    for id_ in (pair.service_id, *named):
        assert str(id_).encode() in with_services


@at_once
async def test_the_same_request_again_gets_the_same_answer(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    client.headers["Idempotency-Key"] = str(new_id())
    first = await imported(client, collection(pole("once")))
    after = await number(database)
    again = await imported(client, collection(pole("once")))
    assert (again.status_code, again.json()) == (200, first.json())
    assert await number(database) == after


@at_once
async def test_what_is_too_large_is_refused(
    client: httpx.AsyncClient, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_CHANGES", 1)
    answer = await imported(client, collection(pole("a"), pole("b")))
    assert answer.json()["code"] == "too_many_changes"
    monkeypatch.setattr(plant_files, "MOST_PIECES", 1)
    answer = await imported(client, collection(pole("a"), pole("b")))
    assert answer.json()["code"] == "plant_file_unreadable"
    monkeypatch.setattr(routes, "MOST_PIECES", 1)
    body = {"format": "gpkg", "reason": "for the test"}
    answer = await client.post("/v1/network/plant/export", json=body)
    assert answer.json()["code"] == "export_too_large"
    monkeypatch.setattr(routes, "MOST_BYTES", 10)
    assert (await imported(client, collection())).status_code == 413


# Files that somebody made to do harm, or that broke on the way


def a_book(*statements: str, srid: int = 4326, blob: bytes | None = None) -> bytes:
    """A GeoPackage with one pole in the table `poles`, changed by some statements."""
    layer = geopackage.Layer(
        "poles", "Point", {"kind": "text", "name": "text", "centre_id": "text"},
        [{"shape": PLACE, "kind": "pole", "name": "p", "centre_id": str(NORTH)}],
    )  # fmt: skip
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as book:
        book.deserialize(geopackage.write([layer], NOW))
        if blob is not None:
            book.execute("update poles set geom = ?", (blob,))
        if srid != 4326:
            book.execute("pragma foreign_keys = off")
            book.execute("update gpkg_geometry_columns set srs_id = ?", (srid,))
        for statement in statements:
            book.execute(statement)
        return book.serialize()


def test_the_book_that_is_spoilt_below_is_good_before() -> None:
    (piece,) = plant_files.read(a_book()).pieces
    assert (piece.fault, piece.values["shape"]) == (None, PLACE)
    assert piece.where == "poles fid 1"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "neither"),
        (b"\x00\xff", "neither"),
        (b"[1, 2", "neither"),
        (b"[" * 100_000, "neither"),
        (b'{"type": "Feature"}', "FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": 3}', "FeatureCollection"),
        (json.dumps({**collection(), "crs": {"properties": {"name": "EPSG:3857"}}}).encode(),
         "WGS 84"),
        (geopackage.MAGIC, "SQLite"),
        (geopackage.MAGIC + bytes(4_000), "SQLite"),
        (a_book()[:3_000], "SQLite"),
        (a_book("drop table gpkg_geometry_columns"), "no tables"),
        (a_book(srid=3857), "SRID 3857"),
        (a_book("alter table poles rename to real",
                "create view poles as select * from real, real as b, real as c"), "no table"),
        (a_book("alter table poles rename to real",
                "create view poles as with recursive n(x) as (select 1 union all select x from n)"
                " select x as fid, 'pole' as kind, x as name from n"), "no table"),
        (a_book("update gpkg_contents set table_name = 'sqlite_master'"), "no table"),
        (a_book("drop table poles", "create virtual table poles using fts5(kind, name)"),
         "no table"),
        (a_book("alter table poles add column bomb as (hex(zeroblob(900000000)))"), "SQLite"),
        (a_book("alter table gpkg_contents rename to x",
                "create view gpkg_contents as select 'poles' as table_name, load_extension('x')"
                " as data_type"), "no tables"),
        (a_book("insert into poles (kind, name) select 'pole', zeroblob(2000000)"), "SQLite"),
        (a_book("update poles set geom = 'text'"), "no blob"),
        (a_book("insert into poles (kind, name) with recursive n(x) as (select 1 union all"
                " select x + 1 from n where x < 20001) select 'pole', x from n"), "more rows"),
    ],
)  # fmt: skip
def test_a_file_that_is_broken_or_made_to_harm_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(PlantFileUnreadable) as refused:
        plant_files.read(content)
    assert why in refused.value.message


def test_a_trigger_of_a_file_runs_nothing(tmp_path: Path) -> None:
    trigger = "create trigger t after insert on poles begin update poles set name = 'changed'; end"
    (piece,) = plant_files.read(a_book(trigger)).pieces
    assert piece.values["name"] == "p"


def test_tables_that_are_no_plant_are_named_and_not_looked_at() -> None:
    contents = plant_files.read(
        a_book("create table layer_styles (fid integer primary key, style text)",
               "insert into gpkg_contents (table_name, data_type) values"
               " ('layer_styles', 'attributes')")
    )  # fmt: skip
    assert contents.ignored == ["layer_styles"]
    assert len(contents.pieces) == 1


HEAD = struct.pack("<2sBBi", b"GP", 0, 1, 4326)


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", "cut off"),
        (HEAD, "cut off"),
        (b"XX" + HEAD[2:] + struct.pack("<BI2d", 1, 1, 0, 0), "binary form"),
        (HEAD[:4] + struct.pack("<i", 3857) + struct.pack("<BI2d", 1, 1, 0, 0), "SRID 3857"),
        (HEAD[:3] + b"\x11" + HEAD[4:] + struct.pack("<BI2d", 1, 1, 0, 0), "empty"),
        (HEAD[:3] + b"\x0b" + HEAD[4:] + struct.pack("<BI2d", 1, 1, 0, 0), "cut off"),
        (HEAD + struct.pack("<BII", 1, 3, 0), "Polygon"),
        (HEAD + struct.pack("<BI3d", 1, 1001, 0, 0, 0), "1001"),
        (HEAD + struct.pack("<BId", 1, 1, 0), "cut off"),
        (HEAD + struct.pack("<BII2d", 1, 2, 2**32 - 1, 0, 0), "cut off"),
        (HEAD + struct.pack("<BI2d", 1, 1, 0, 0) + b"more", "goes on"),
    ],
)  # fmt: skip
def test_a_geometry_that_is_wrong_refuses_its_piece_alone(blob: bytes, why: str) -> None:
    (piece,) = plant_files.read(a_book(blob=blob)).pieces
    assert piece.fault is not None
    assert why in piece.fault


def test_a_geometry_may_be_of_either_byte_order_and_carry_an_envelope() -> None:
    big = struct.pack(">2sBBi4d", b"GP", 0, 2, 4326, 1, 1, 2, 2) + struct.pack(">BI2d", 0, 1, 1, 2)
    assert geopackage.geometry(big) == {"type": "Point", "coordinates": [1.0, 2.0]}


def test_bytes_changed_anywhere_are_read_or_refused_and_nothing_else() -> None:
    good, rng = a_book(), random.Random(5)
    for _ in range(150):
        spoilt = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            spoilt[rng.randrange(16, len(spoilt))] = rng.randrange(256)
        try:
            plant_files.read(bytes(spoilt))
        except PlantFileUnreadable:
            continue
