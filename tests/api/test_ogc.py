"""OGC API - Features, opened by GDAL as QGIS would; and the tokens that open it."""

import base64
import json
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.network.models import Finding
from fieldops.organisation import rules
from fieldops.organisation.models import MapToken
from tests.support import servers
from tests.support.clients import application, bearer
from tests.support.factories.network import Plant, make_feature, make_plant
from tests.support.gdal import asked_by, ogr2ogr, ogrinfo
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World, build_world

pytestmark = pytest.mark.anyio

OGC = "/v1/ogc"


@pytest.fixture
def client(client: httpx.AsyncClient, settings: Settings, world: World) -> httpx.AsyncClient:
    client.headers.update(bearer(settings, world.dora))
    return client


def basic(token: str, name: str = "anybody") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{token}'.encode()).decode()}"}


async def make_token(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/map-tokens", json={"name": "QGIS", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"{OGC}{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_re_01_a_real_client_opens_the_plant_with_a_map_token(
    committed: tuple[Database, Settings],
) -> None:
    """RE-01: GDAL's OAPIF driver, on which QGIS is built, reads all pages with HTTP Basic."""
    database, settings = committed
    world = await build_world(database)
    async with database.transaction() as session:
        plant = await make_plant(session)
        for row in (plant.feeder, plant.cable, plant.drop):
            row.attributes = {"length_m": 56}
        await make_feature(session, "pole", centre_id=SOUTH)
        session.add(
            Finding(
                region_id=1, centre_id=NORTH, feature_id=plant.box.id, reporter_id=world.alice.id,
                kind="distribution_box", severity="high", state="open", text="open door",
                captured_at=clock.now(),
            )
        )  # fmt: skip
    async with application(database, settings) as client:
        client.headers.update(bearer(settings, world.dora))
        token = (await make_token(client))["token"]
    given = {"GDAL_HTTP_USERPWD": f"qgis:{token}", "GDAL_HTTP_AUTH": "BASIC"}
    with servers.serving(settings) as url:
        source = f"OAPIF:{url}{OGC}"

        def look() -> tuple[str, dict[str, Any], dict[str, Any], str, list[str]]:
            said = ogrinfo("-so", "-al", source, **given)
            points = ogr2ogr(
                source, "plant-points", "-oo", "PAGE_SIZE=2", "-oo", "INITIAL_REQUEST_PAGE_SIZE=2",
                **given,
            )  # fmt: skip
            lines = ogr2ogr(
                source, "plant-lines", "-spat", "24.93", "60.16", "24.95", "60.18", **given
            )
            cabinet = ("-where", "kind = 'cross_connect_cabinet'", source, "plant-points")
            return said, points, lines, ogrinfo(*cabinet, **given), asked_by(*cabinet, **given)

        said, points, lines, cabinets, addresses = await anyio.to_thread.run_sync(look)
    for layer in ("plant-points", "plant-lines", "findings", "visits"):
        assert f"Layer name: {layer}" in said
    # GDAL asks the first page which fields there are, and the collection how far it reaches.
    assert "Extent: (24.938000, 60.170000) - (24.940800, 60.170000)" in said
    assert "severity: String" in said
    assert "version: Integer" in said
    assert {f["properties"]["name"] for f in points["features"]} == {
        piece.name for piece in (plant.exchange, plant.shelf, plant.cabinet, plant.box)
    }
    assert {f["properties"]["name"] for f in lines["features"]} == {
        piece.name for piece in (plant.feeder, plant.cable, plant.drop)
    }
    assert {f["geometry"]["type"] for f in lines["features"]} == {"LineString"}
    assert {f["properties"]["attributes"]["length_m"] for f in lines["features"]} == {56}
    # The definition names what is asked for by: GDAL leaves the choice to the server.
    assert "Feature Count: 1" in cabinets
    assert any("kind=cross_connect_cabinet" in address for address in addresses)


async def test_the_landing_page_leads_to_everything(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    landing = await read(client, "")
    links = {link["rel"]: link["href"] for link in landing["links"]}
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= links.keys()
    for rel in links.keys() - {"service-doc"}:
        assert (await client.get(links[rel])).status_code == 200, rel
    conforms = (await client.get(links["conformance"])).json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in conforms
    api = await client.get(links["service-desc"])
    assert api.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    served = {path for path in api.json()["paths"] if "{" not in path and path != "/"}
    for path in served:
        assert (await client.get(f"{OGC}{path}")).status_code == 200, path


async def test_collections_say_where_they_are_and_how_far_they_reach(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    found = {c["id"]: c for c in (await read(client, "/collections"))["collections"]}
    assert found.keys() == {"plant-points", "plant-lines", "findings", "visits"}
    lines = found["plant-lines"]
    assert lines["extent"]["spatial"]["bbox"] == [[24.94, 60.17, 24.941, 60.17]]
    assert lines["extent"]["temporal"]["interval"] == [[None, None]]
    assert found["findings"]["extent"] is None  # nothing there yet
    assert await read(client, "/collections/plant-lines") == lines
    items = next(link["href"] for link in lines["links"] if link["rel"] == "items")
    assert len((await client.get(items)).json()["features"]) == 3
    assert (await client.get(f"{OGC}/collections/pairs")).status_code == 404
    assert (await client.get(f"{OGC}/collections/pairs/items")).status_code == 404


async def test_items_come_in_pages_with_links_and_as_single_ones(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    path = "/collections/plant-points/items"
    first = await read(client, path, limit=3)
    assert first["numberReturned"] == 3
    rels = {link["rel"]: link["href"] for link in first["links"]}
    rest = (await client.get(rels["next"])).json()
    assert "next" not in {link["rel"] for link in rest["links"]}
    found = [feature["id"] for feature in first["features"] + rest["features"]]
    assert len(found) == len(set(found)) == 4
    assert (await client.get(rels["collection"])).json()["id"] == "plant-points"
    one = await read(client, f"{path}/{plant.box.id}")
    assert one["properties"]["name"] == plant.box.name
    assert {link["rel"] for link in one["links"]} == {"self", "collection"}
    assert (await client.get(f"{OGC}{path}/{plant.cable.id}")).status_code == 404  # a line
    assert len((await read(client, path, limit=999_999_999))["features"]) == 4
    inside = await read(client, path, bbox="24.9405,60.16,24.95,60.18")
    assert [feature["id"] for feature in inside["features"]] == [str(plant.box.id)]
    assert (await read(client, path, datetime="../2026-11-22"))["features"] == []
    assert len((await read(client, path, datetime="2026-11-23"))["features"]) == 4


async def test_items_are_asked_for_by_their_properties_and_keep_them_from_page_to_page(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    lines = "/collections/plant-lines/items"
    cables = await read(client, lines, kind="cable", limit=1)
    following = next(link["href"] for link in cables["links"] if link["rel"] == "next")
    rest = (await client.get(following)).json()
    found = {f["properties"]["name"] for f in cables["features"] + rest["features"]}
    assert found == {plant.feeder.name, plant.cable.name}
    either = await read(client, lines, kind=["cable", "drop"], parent_id=str(plant.box.id))
    assert [f["id"] for f in either["features"]] == [str(plant.drop.id)]
    assert (await read(client, lines, kind="pole"))["features"] == []
    one = await read(client, f"{lines}/{plant.cable.id}")
    assert one["properties"]["attributes"] == {}
    other = await client.get(f"{OGC}{lines}?kind=cable")
    tag = {"If-None-Match": other.headers["etag"]}
    assert (await client.get(f"{OGC}{lines}?kind=cable", headers=tag)).status_code == 304
    assert (await client.get(f"{OGC}{lines}?kind=duct", headers=tag)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=x", "bbox=1,2", "datetime=x", "after=x", "colour=red",
        "severity=high", "centre_id=north",
    ],
)  # fmt: skip
async def test_what_the_standard_calls_wrong_is_400(
    client: httpx.AsyncClient, plant: Plant, query: str
) -> None:
    answer = await client.get(f"{OGC}/collections/plant-points/items?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_page_of_items_is_kept_by_copy(client: httpx.AsyncClient, plant: Plant) -> None:
    path = f"{OGC}/collections/plant-points/items"
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304


async def test_org_02_a_map_token_reads_maps_as_its_owner_and_nothing_else(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    """ORG-02: what the token opens is what its owner may see there; everything else is 401."""
    token = (await make_token(client))["token"]
    async with database.transaction() as session:
        south = await make_feature(session, "pole", centre_id=SOUTH)
    client.headers.update(basic(token))
    found = await read(client, "/collections/plant-points/items")
    assert len(found["features"]) == 4
    assert str(south.id) not in {feature["id"] for feature in found["features"]}
    assert (await client.get("/v1/maps/plant/features")).status_code == 200
    for path in ("network/features?west=24&south=60&east=24.1&north=60.1", "visits", "me",
                 "customers", "map-tokens", "exports"):  # fmt: skip
        assert (await client.get(f"/v1/{path}")).status_code == 401, path
    assert (await client.post("/v1/map-tokens", json={"name": "x"})).status_code == 401
    answer = await client.get("/v1/maps/plant/features", headers={"FieldOps-Region": "2"})
    assert answer.status_code == 401


async def test_a_map_token_ends_by_its_time_by_its_owner_and_with_its_owners_account(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World, plant: Plant
) -> None:
    made = [await make_token(client, name=str(n), days=2) for n in range(4)]
    ids = [one["refs"][0]["id"] for one in made]
    path = f"{OGC}/collections"

    async def opens(number: int) -> bool:
        answer = await client.get(path, headers=basic(made[number]["token"]))
        assert answer.status_code in {200, 401}
        return answer.status_code == 200

    assert await opens(0)
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert not await opens(0)
    assert (await client.post(f"/v1/map-tokens/{ids[0]}/revoke")).status_code == 200
    assert not await opens(0)
    assert await opens(1)
    client.headers.update(bearer(settings, world.dan))  # not his
    assert (await client.post(f"/v1/map-tokens/{ids[1]}/revoke")).status_code == 404
    assert await opens(1)
    client.headers.update(bearer(settings, world.ada))  # she keeps the staff
    assert (await client.post(f"/v1/map-tokens/{ids[1]}/revoke")).status_code == 200
    assert not await opens(1)
    assert await opens(2)
    dora = str(world.dora.id)
    await run(database, world.ada, "person.end_sign_ins", person_id=dora, reason="laptop lost")
    assert not await opens(2)
    client.headers.update(bearer(settings, world.dora))
    made[3] = await make_token(client)
    assert await opens(3)
    await run(database, world.ada, "person.close", person_id=dora, reason="has left us")
    assert not await opens(3)


async def test_a_map_token_is_shown_once_kept_as_a_hash_and_in_the_history(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    key = {"Idempotency-Key": str(new_id())}
    body = {"name": "QGIS", "days": 30}
    made = (await client.post("/v1/map-tokens", json=body, headers=key)).json()
    again = (await client.post("/v1/map-tokens", json=body, headers=key)).json()
    assert again["token"] == made["token"]  # the answer that was lost is given once more
    secret = made["token"].split(".")[2]
    (shown,) = (await client.get("/v1/map-tokens")).json()["items"]
    assert shown["name"] == "QGIS"
    assert shown["used_at"] is None
    assert secret not in json.dumps(shown)
    await client.get(f"{OGC}/collections", headers=basic(made["token"]))
    (shown,) = (await client.get("/v1/map-tokens")).json()["items"]
    assert shown["used_at"] is not None
    await client.post(f"/v1/map-tokens/{shown['id']}/revoke")
    async with database.transaction() as session:
        row = (
            await session.scalars(
                select(MapToken).where(MapToken.region_id == 1, MapToken.id == shown["id"])
            )
        ).one()
        kept = (
            await session.scalars(
                select(Audit).where(Audit.region_id == 1, Audit.entity_id == row.id)
            )
        ).all()
    assert secret.encode() not in row.token_hash
    assert [(entry.action, entry.command) for entry in kept] == [
        ("created", "map_token.make"),
        ("changed", "map_token.revoke"),
    ]
    client.headers.update(bearer(settings, world.dan))
    assert (await client.get("/v1/map-tokens")).json()["items"] == []
    assert (await client.get("/v1/map-tokens?everybody=true")).status_code == 403
    client.headers.update(bearer(settings, world.ada))
    assert len((await client.get("/v1/map-tokens?everybody=true")).json()["items"]) == 1


async def test_nobody_has_more_map_tokens_than_anybody_needs(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_MAP_TOKENS", 1)
    first = await make_token(client)
    answer = await client.post("/v1/map-tokens", json={"name": "another"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_map_tokens")
    await client.post(f"/v1/map-tokens/{first['refs'][0]['id']}/revoke")
    await make_token(client)


async def test_what_is_no_map_token_is_asked_for_one(
    client: httpx.AsyncClient, world: World, plant: Plant
) -> None:
    token = (await make_token(client))["token"]
    region, id_, secret = token.split(".")
    path = f"{OGC}/collections"
    del client.headers["Authorization"]
    wrong = [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        basic(""),
        basic("dora@fieldops.example"),
        basic(f"{region}.{id_}.{secret[:-1]}"),
        basic(f"2.{id_}.{secret}"),
        basic(f"{10**30}.{id_}.{secret}"),
        basic(f"{region}.{new_id()}.{secret}"),
    ]
    for headers in wrong:
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Basic ")
    # A page in a browser whose sign-in ran out is not asked for a password by the browser.
    answer = await client.get(path, headers={"Authorization": "Bearer old"})
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_org_02_collections_are_those_the_reader_may_see(
    client: httpx.AsyncClient, settings: Settings, world: World, plant: Plant
) -> None:
    async def seen(actor: Actor) -> set[str]:
        client.headers.update(bearer(settings, actor))
        return {c["id"] for c in (await read(client, "/collections"))["collections"]}

    assert await seen(world.ann) == {"visits"}
    assert (await client.get(f"{OGC}/collections/plant-points/items")).status_code == 403
    assert await seen(world.tess) == {"plant-points", "plant-lines", "findings", "visits"}
    assert (await read(client, "/collections/plant-points/items"))["features"] == []
    answer = await client.get(f"{OGC}/collections/plant-points/items/{plant.box.id}")
    assert answer.status_code == 404
