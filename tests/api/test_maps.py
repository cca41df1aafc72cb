"""Vector tiles and GeoJSON of plant, visits and findings: in scope, bounded, kept by copy."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from fieldops.kernel import changes, clock, maps
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.maps import Tile
from fieldops.kernel.settings import Settings
from fieldops.network.models import Finding, NetworkFeature
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.network import Plant, line, make_feature, point
from tests.support.factories.orders import make_order
from tests.support.gdal import tile_of
from tests.support.world import NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

Z, X, Y = 16, 37308, 18969  # around the cabinet of the tests; the exchange lies west of it
HERE = "24.93,60.16,24.95,60.18"


@pytest.fixture
def client(client: httpx.AsyncClient, settings: Settings, world: World) -> httpx.AsyncClient:
    client.headers.update(bearer(settings, world.dora))
    return client


async def a_finding(database: Database, feature: NetworkFeature | None, **values: Any) -> Finding:
    async with database.transaction() as session:
        found = Finding(
            region_id=1, centre_id=NORTH, feature_id=feature.id if feature else None,
            reporter_id=NORTH, kind="distribution_box", severity="high", state="open",
            text="Mrs Virtanen says the door hangs", captured_at=clock.now(), **values,
        )  # fmt: skip
        session.add(found)
    return found


async def a_visit(database: Database, world: World, day: int = 0) -> Visit:
    """A visit with a window, so many days from now."""
    made = await make_order(database, world.dora)
    begins = clock.now() + timedelta(days=day, hours=3)
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, made.visit_id))
        visit.window_start, visit.window_end = begins, begins + timedelta(hours=2)
        visit.expected_arrival, visit.state = begins, "scheduled"
    return visit


async def shown(client: httpx.AsyncClient, layer: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/maps/{layer}/features", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    return answer.json()


def ids(read: dict[str, Any]) -> set[str]:
    return {feature["id"] for feature in read["features"]}


async def test_layers_are_asked_for_by_properties_and_tiles_leave_the_attributes_out(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    await a_finding(database, plant.box)
    low = await a_finding(database, plant.cabinet)
    async with database.transaction() as session:
        session.add(low)
        low.severity = "low"
    found = await client.get("/v1/maps/findings/features?severity=low&severity=medium")
    assert [feature["id"] for feature in found.json()["features"]] == [str(low.id)]
    refused = await client.get("/v1/maps/findings/features?name=x")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    tile = f"/v1/maps/plant/{Z}/{X}/{Y}.mvt"
    whole, boxes, poles = [
        (await client.get(f"{tile}{query}")).content
        for query in ("", "?kind=distribution_box", "?kind=pole")
    ]
    assert len(whole) > len(boxes) > len(poles) == 0
    assert b"attributes" not in whole
    shown = (await client.get(f"/v1/maps/plant/features?bbox={HERE}&kind=drop")).json()
    assert [feature["properties"]["attributes"] for feature in shown["features"]] == [{}]


async def test_re_01_a_tile_shows_the_plant_in_scope_to_a_real_client(
    client: httpx.AsyncClient, database: Database, plant: Plant, tmp_path: Path
) -> None:
    async with database.transaction() as session:
        await make_feature(session, "pole", centre_id=SOUTH)
    answer = await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    read = tile_of(answer.content, tmp_path, Z, X, Y)
    named = {feature["properties"]["name"]: feature for feature in read["features"]}
    pieces = (plant.cabinet, plant.feeder, plant.box, plant.cable, plant.drop)
    assert named.keys() == {piece.name for piece in pieces}
    assert named[plant.box.name]["properties"]["id"] == str(plant.box.id)
    assert named[plant.box.name]["geometry"]["coordinates"] == pytest.approx(
        [24.9408, 60.17], abs=1e-5
    )
    assert named[plant.cable.name]["geometry"]["type"] == "LineString"


async def test_a_tile_shows_less_from_further_away(
    client: httpx.AsyncClient, plant: Plant, tmp_path: Path
) -> None:
    kinds = {}
    for z in (8, 11, 13):
        x, y = X >> (Z - z), Y >> (Z - z)
        answer = await client.get(f"/v1/maps/plant/{z}/{x}/{y}.mvt")
        read = tile_of(answer.content, tmp_path, z, x, y)
        kinds[z] = {feature["properties"]["kind"] for feature in read["features"]}
    assert kinds[8] == {"exchange"}
    assert kinds[11] == {"exchange", "cross_connect_cabinet"}
    assert kinds[13] == kinds[11] | {"dslam", "cable"}


async def test_a_line_of_many_positions_is_simplified_to_the_tiles_grid(
    client: httpx.AsyncClient, database: Database, world: World, tmp_path: Path
) -> None:
    wiggly = [(24.939 + i * 1e-6, 60.17 + (i % 2) * 1e-7) for i in range(2_000)]
    async with database.transaction() as session:
        await make_feature(session, "cable", shape=line(*wiggly))
    answer = await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt")
    (cable,) = tile_of(answer.content, tmp_path, Z, X, Y)["features"]
    assert len(cable["geometry"]["coordinates"]) < 20
    assert len(answer.content) < 500


async def test_a_full_tile_keeps_what_matters_most_and_says_so(
    client: httpx.AsyncClient, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_IN_TILE", 2)
    answer = await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt")
    assert answer.headers["FieldOps-Tile"] == "full"
    read = tile_of(answer.content, tmp_path, Z, X, Y)
    kinds = sorted(feature["properties"]["kind"] for feature in read["features"])
    assert kinds == ["cable", "cross_connect_cabinet"]


@pytest.mark.parametrize("place", ["7/74/36", "10/1024/5", "10/5/1024", "21/0/0", "10/-1/0"])
async def test_tiles_that_a_layer_does_not_have_are_refused(
    client: httpx.AsyncClient, place: str
) -> None:
    answer = await client.get(f"/v1/maps/plant/{place}.mvt")
    assert answer.status_code == 422


def test_a_tile_covers_its_own_ground_and_a_little_more() -> None:
    whole = Tile(0, 0, 0).frame()
    assert (whole.west, whole.east) == (-180, 180)
    frame = Tile(Z, X, Y).frame()
    assert frame.west < 24.94
    assert frame.east > 24.941
    assert frame.south < 60.17 < frame.north
    assert frame.east - frame.west == pytest.approx(360 / 2**Z * (1 + 2 / 64))


async def test_cu_04_no_words_and_no_customer_stand_in_tiles_and_geojson(
    client: httpx.AsyncClient, database: Database, world: World, plant: Plant
) -> None:
    """CU-04, CU-07: what a map shows is copied to where no register and no erasure reaches."""
    visit = await a_visit(database, world)
    await a_finding(database, plant.box)
    for layer, properties in (
        ("findings", {"kind", "severity", "state", "feature_id", "centre_id", "version",
                      "captured_at"}),
        ("visits", {"state", "window_start", "window_end", "centre_id", "version"}),
    ):  # fmt: skip
        read = await shown(client, layer)
        assert len(read["features"]) == 1, layer
        assert read["features"][0]["properties"].keys() <= properties
        tile = (await client.get(f"/v1/maps/{layer}/{Z}/{X}/{Y}.mvt")).content
        for word in ("Virtanen", str(visit.customer_id), str(visit.premises_id)):
            assert word not in json.dumps(read)
            assert word.encode() not in tile


async def test_vi_06_a_finding_lies_where_it_was_seen_or_where_its_plant_lies(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    seen = await a_finding(database, plant.box, point=point(24.9401, 60.1701))
    at_box = await a_finding(database, plant.box)
    at_pair = await a_finding(database, plant.pairs[0])
    read = await shown(client, "findings", bbox=HERE)
    where = {f["id"]: f["geometry"]["coordinates"] for f in read["features"]}
    assert where[str(seen.id)] == [24.9401, 60.1701]
    assert where[str(at_box.id)] == [24.9408, 60.17]
    assert 24.94 <= where[str(at_pair.id)][0] <= 24.941
    assert ids(await shown(client, "findings", bbox="24.94005,60.17005,24.9402,60.1702")) == {
        str(seen.id)
    }


async def test_org_02_a_layer_shows_what_its_reader_may_see(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, plant: Plant
) -> None:
    async with database.transaction() as session:
        south = await make_feature(session, "pole", centre_id=SOUTH)
    await a_visit(database, world)

    async def seen(actor: Actor, layer: str) -> set[str]:
        client.headers.update(bearer(settings, actor))
        return ids(await shown(client, layer))

    assert str(south.id) not in await seen(world.dora, "plant")
    assert await seen(world.dan, "plant") == {str(south.id)}
    assert str(south.id) in await seen(world.sam, "plant")
    assert await seen(world.tess, "plant") == set()  # the neighbouring region
    assert len(await seen(world.dora, "visits")) == 1
    assert await seen(world.alice, "visits") == set()  # nobody has given it to her
    client.headers.update(bearer(settings, world.ann))  # the network is none of an agent's
    assert (await client.get("/v1/maps/plant/features")).status_code == 403
    assert (await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt")).status_code == 403
    assert (await client.get("/v1/maps/plant")).status_code == 403
    assert (await client.get("/v1/maps/visits")).status_code == 200
    client.headers.update(bearer(settings, world.mia))  # nor are customers' places a firm's
    assert (await client.get("/v1/maps/visits/features")).status_code == 403


async def test_a_copy_is_good_until_a_row_of_its_layer_changes(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    path = f"/v1/maps/plant/{Z}/{X}/{Y}.mvt"
    first = await client.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": first.headers["etag"]}
    again = await client.get(path, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    await a_finding(database, plant.box)  # it is no plant
    other = await client.get(path, headers=tag)
    assert other.status_code == 304
    assert other.headers["etag"] != first.headers["etag"]
    async with database.transaction() as session:
        session.add(plant.box)
        plant.box.name = "Box new"
    changed = await client.get(path, headers={"If-None-Match": other.headers["etag"]})
    assert changed.status_code == 200
    assert b"Box new" in changed.content


async def test_a_copy_is_good_for_its_own_question_and_reader_alone(
    client: httpx.AsyncClient, settings: Settings, world: World, plant: Plant
) -> None:
    tag = (await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt")).headers["etag"]
    held = {"If-None-Match": f'"x", {tag}'}
    assert (await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt", headers=held)).status_code == 304
    for path in (f"plant/{Z}/{X + 1}/{Y}.mvt", f"findings/{Z}/{X}/{Y}.mvt", "plant/features"):
        assert (await client.get(f"/v1/maps/{path}", headers=held)).status_code == 200, path
    client.headers.update(bearer(settings, world.sam))
    assert (await client.get(f"/v1/maps/plant/{Z}/{X}/{Y}.mvt", headers=held)).status_code == 200
    for wrong in ("*", "W/", f"{tag[:20]}", tag.replace(".", ".zz"), 'W/"."'):
        answer = await client.get(
            f"/v1/maps/plant/{Z}/{X}/{Y}.mvt", headers={"If-None-Match": wrong}
        )
        assert answer.status_code == 200, wrong


async def test_a_copy_of_long_ago_is_made_anew(
    client: httpx.AsyncClient, database: Database, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/v1/maps/plant/features"
    tag = {"If-None-Match": (await client.get(path)).headers["etag"]}
    for _ in range(2):
        await a_finding(database, plant.box)
    assert (await client.get(path, headers=tag)).status_code == 304
    monkeypatch.setattr(changes, "MOST_FOLLOWED", 1)
    assert (await client.get(path, headers=tag)).status_code == 200


async def test_cu_05_a_technicians_visits_are_not_kept_by_copy(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    client.headers.update(bearer(settings, world.alice))
    answer = await client.get("/v1/maps/visits/features")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "etag" not in answer.headers
    assert "etag" in (await client.get("/v1/maps/plant/features")).headers


async def test_tiles_and_geojson_are_compressed_for_who_takes_it(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    async with database.transaction() as session:
        for _ in range(30):
            await make_feature(session, "pole")
    for path in (f"plant/{Z}/{X}/{Y}.mvt", "plant/features"):
        packed = await client.get(f"/v1/maps/{path}", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip", path
        plain = await client.get(f"/v1/maps/{path}", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert {"authorization", "accept-encoding"} <= {
            part.strip().lower() for part in packed.headers["vary"].split(",")
        }


async def test_geojson_is_as_rfc_7946_has_it(client: httpx.AsyncClient, plant: Plant) -> None:
    read = await shown(client, "plant", bbox=HERE)
    assert read["type"] == "FeatureCollection"
    assert "crs" not in read
    assert read["bbox"] == [24.938, 60.17, 24.941, 60.17]  # west, south, east, north
    for feature in read["features"]:
        assert feature.keys() == {"type", "id", "geometry", "properties"}
    box = next(f for f in read["features"] if f["id"] == str(plant.box.id))
    assert box["geometry"] == {"type": "Point", "coordinates": [24.9408, 60.17]}
    assert box["properties"]["parent_id"] == str(plant.cabinet.id)


async def test_geojson_comes_in_pages_that_together_show_all_once(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    whole = await shown(client, "plant", bbox=HERE)
    found: list[str] = []
    following: str | None = f"/v1/maps/plant/features?bbox={HERE}&limit=3"
    while following is not None:
        read = (await client.get(following)).json()
        assert len(read["features"]) == read["numberReturned"] <= 3
        found += [feature["id"] for feature in read["features"]]
        following = next((x["href"] for x in read["links"] if x["rel"] == "next"), None)
    assert found == [feature["id"] for feature in whole["features"]]
    assert len(found) == 7


async def test_a_box_may_cross_the_180th_meridian(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    async with database.transaction() as session:
        far = await make_feature(session, "pole", shape=point(-179.9, -16.5))
    read = await shown(client, "plant", bbox="179,-17,-179,-16")
    assert ids(read) == {str(far.id)}
    assert ids(await shown(client, "plant", bbox="179,-17,0,-179,-16,100")) == {str(far.id)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bbox", "1,2,3"), ("bbox", "a,b,c,d"), ("bbox", "nan,0,1,1"), ("bbox", "0,50,1,40"),
        ("bbox", "0,0,181,1"), ("datetime", "today"), ("datetime", "2026-13-01"),
        ("datetime", "2026-11-23T00:00:00"), ("datetime", "2026-11-24/2026-11-23"),
        ("datetime", "0001-01-01T00:00:00Z"), ("datetime", "../9999-01-01T00:00:00Z"),
    ],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, name: str, value: str
) -> None:
    answer = await client.get("/v1/maps/plant/features", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_layer_is_asked_by_time(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    old = await a_finding(database, plant.box)
    async with database.transaction() as session:
        await session.execute(
            update(Finding)
            .where(Finding.region_id == 1, Finding.id == old.id)
            .values(captured_at=clock.now() - timedelta(days=3))
        )
    new = await a_finding(database, plant.box)
    for time, expected in (
        ("2026-11-22T00:00:00Z/..", {new.id}),
        ("../2026-11-22", {old.id}),
        ("2026-11-23", {new.id}),
        ("/", {old.id, new.id}),
        ("2026-11-20T06:00:00+00:00", {old.id}),
        ("2026-11-20T05:00:00Z/2026-11-23T06:00:00Z", {old.id, new.id}),
    ):
        assert ids(await shown(client, "findings", datetime=time)) == set(map(str, expected)), time


async def test_visits_are_on_the_map_from_a_week_back_to_two_weeks_ahead(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    near = [await a_visit(database, world, day) for day in (-7, 0, 14)]
    for day in (-8, 15):
        await a_visit(database, world, day)
    read = await shown(client, "visits")
    assert ids(read) == {str(visit.id) for visit in near}
    today = await shown(client, "visits", datetime="2026-11-23")
    assert ids(today) == {str(near[1].id)}


async def test_a_layer_describes_itself_as_tilejson(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    read = (await client.get("/v1/maps/plant")).json()
    assert (read["tilejson"], read["minzoom"], read["maxzoom"]) == ("3.0.0", 8, 20)
    (layer,) = read["vector_layers"]
    address = read["tiles"][0].format(z=Z, x=X, y=Y)
    assert (await client.get(address)).status_code == 200
    feature = (await shown(client, "plant"))["features"][0]
    assert feature["properties"].keys() - {"attributes"} <= layer["fields"].keys()
