"""Driving times: the formula, the roads of an extract, a routing server, a region's table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fieldops.cli import app
from fieldops.demo.ground import EXTRACT
from fieldops.kernel.configuration import RuleNumber
from fieldops.kernel.db import Database
from fieldops.kernel.geo import Position, distance_m
from fieldops.kernel.settings import Settings
from fieldops.travel import building, extract, queries, rules
from fieldops.travel.errors import BadExtract, NoTravelTimes
from fieldops.travel.roads import Roads
from fieldops.travel.rules import Hours
from fieldops.travel.server import Server
from tests.support.factories.customers import make_premises
from tests.support.routing import routing_server
from tests.support.world import World, build_world

pytestmark = pytest.mark.anyio

SENATE_SQUARE, RAILWAY_STATION, HAKANIEMI = (24.9525, 60.1695), (24.9414, 60.1719), (24.951, 60.179)
AT_SEA = (24.9, 60.05)
TUESDAY_NOON = datetime(2026, 11, 24, 10, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 6, tzinfo=UTC)  # 08:00 in Helsinki

# Two streets that cross; the second is one-way northwards and ends in a private yard.
TOWN = """<?xml version="1.0"?><osm version="0.6">
<node id="1" lat="60.0" lon="24.000" version="1"/>
<node id="2" lat="60.0" lon="24.005" version="1"/>
<node id="3" lat="60.0" lon="24.010" version="1"/>
<node id="4" lat="60.004" lon="24.005" version="1"/>
<node id="5" lat="59.996" lon="24.005" version="1"/>
<node id="6" lat="60.008" lon="24.005" version="1"/>
<node id="7" lat="60.004" lon="24.010" version="1"/>
<way id="1" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
 <tag k="highway" v="residential"/><tag k="maxspeed" v="50"/></way>
<way id="2" version="1"><nd ref="5"/><nd ref="2"/><nd ref="4"/>
 <tag k="highway" v="residential"/><tag k="oneway" v="yes"/></way>
<way id="3" version="1"><nd ref="4"/><nd ref="6"/>
 <tag k="highway" v="service"/><tag k="access" v="private"/></way>
<way id="4" version="1"><nd ref="4"/><nd ref="7"/><nd ref="3"/>
 <tag k="highway" v="residential"/></way>
<way id="5" version="1"><nd ref="3"/><nd ref="5"/><tag k="highway" v="residential"/></way>
</osm>"""


@pytest.fixture(scope="module")
def city() -> Roads:
    return extract.read(EXTRACT)


def test_without_a_map_a_way_is_the_great_circle_times_1_35_at_30_km_per_hour() -> None:
    origins, destinations = [SENATE_SQUARE, HAKANIEMI], [RAILWAY_STATION, HAKANIEMI, SENATE_SQUARE]
    ways = rules.great_circle_seconds(origins, destinations)
    assert ways.shape == (2, 3)
    by_hand = distance_m(SENATE_SQUARE, RAILWAY_STATION) * 1.35 / (30 / 3.6)
    assert np.isclose(ways[0, 0], by_hand)
    assert ways[1, 1] == 0
    assert np.isclose(ways[0, 1], ways[1, 2])


def test_no_places_give_an_empty_answer() -> None:
    assert rules.great_circle_seconds([], [SENATE_SQUARE]).shape == (0, 1)
    assert rules.great_circle_seconds([SENATE_SQUARE], []).shape == (1, 0)


def test_a_zone_nobody_knows_has_the_formula() -> None:
    cells = rules.cell_of([SENATE_SQUARE, HAKANIEMI], 500, 60.17)
    zones = rules.Zones(500, 60.17, cells, np.array([[2.0, 3.0], [0.0, 2.0]], np.float32))
    factors = zones.factor([SENATE_SQUARE, AT_SEA, HAKANIEMI], [HAKANIEMI, SENATE_SQUARE])
    assert factors.tolist() == [[3.0, 2.0], [1.0, 1.0], [2.0, 1.0]]


def test_a_one_way_street_is_driven_round_and_a_private_yard_is_no_road(tmp_path: Path) -> None:
    file = tmp_path / "town.osm"
    file.write_text(TOWN)
    roads = extract.read(file)
    north, crossing = (24.005, 60.004), (24.005, 60.0)
    there, back = roads.matrix([crossing], [north])[0, 0], roads.matrix([north], [crossing])[0, 0]
    metres = distance_m(crossing, north)
    assert np.isclose(there, metres / (30 / 3.6 * 0.8), rtol=0.01)
    assert back > 1.9 * there  # by the east, and the street with a sign of 50
    yard = (24.005, 60.008)
    assert roads.snap([yard])[1][0] > 400
    assert np.isnan(roads.matrix([AT_SEA], [north])[0, 0])


@pytest.mark.parametrize(
    ("tags", "km_per_hour"),
    [
        ({"highway": "residential"}, 30 * 0.8),
        ({"highway": "primary", "maxspeed": "40"}, 40 * 0.8),
        ({"highway": "primary", "maxspeed": "30 mph"}, 30 * 1.609344 * 0.8),
        ({"highway": "secondary", "maxspeed": "FI:urban"}, 50 * 0.8),
        ({"highway": "service", "maxspeed": "50"}, 15 * 0.8),
        ({"highway": "footway"}, None),
        ({"highway": "residential", "access": "private"}, None),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, 30 * 0.8),
    ],
)
def test_a_roads_speed_follows_its_sign_or_its_class(
    tags: dict[str, str], km_per_hour: float | None
) -> None:
    speed = extract.speed_of(tags)
    assert speed == (None if km_per_hour is None else pytest.approx(km_per_hour / 3.6))


@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        ({"highway": "residential"}, 0),
        ({"highway": "residential", "oneway": "-1"}, -1),
        ({"highway": "motorway"}, 1),
        ({"highway": "tertiary", "junction": "roundabout"}, 1),
        ({"highway": "motorway_link", "oneway": "no"}, 0),
    ],
)
def test_a_roads_direction_is_signed_or_implied(tags: dict[str, str], direction: int) -> None:
    assert extract.direction_of(tags) == direction


def test_a_road_graph_is_kept_in_a_file_with_its_licence(city: Roads, tmp_path: Path) -> None:
    city.save(tmp_path / "1.npz")
    again = Roads.load(tmp_path / "1.npz")
    assert "OpenStreetMap contributors, ODbL" in again.licence
    places = [SENATE_SQUARE, RAILWAY_STATION]
    assert np.allclose(again.matrix(places, places), city.matrix(places, places), atol=0.1)
    (tmp_path / "2.npz").write_bytes(b"no graph")
    with pytest.raises(NoTravelTimes, match="no road graph"):
        Roads.load(tmp_path / "2.npz")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no file"),
        (b"hello", "cannot be read"),
        (b'<?xml version="1.0"?><osm version="0.6"></osm>', "no road"),
    ],
)
def test_a_bad_extract_is_refused_with_what_is_wrong(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "town.osm"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadExtract, match=why):
        extract.read(file)


def test_import_osm_makes_a_graph_and_says_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldops.cli.get_settings", lambda: Settings(roads_path=tmp_path))
    done = CliRunner().invoke(app, ["import", "osm", str(EXTRACT), "--region", "7"])
    assert done.exit_code == 0, done.output
    assert "ODbL" in done.output
    assert (tmp_path / "7.npz").is_file()
    (tmp_path / "bad.osm").write_bytes(b"hello")
    bad = CliRunner().invoke(app, ["import", "osm", str(tmp_path / "bad.osm"), "--region", "7"])
    assert bad.exit_code == 2
    assert "cannot be read" in bad.output


async def _some_city(database: Database) -> list[Position]:
    """Homes of region 1 on a grid over the city's middle."""
    places = [(24.937 + i * 0.004, 60.166 + j * 0.004) for i in range(4) for j in range(4)]
    async with database.transaction() as session:
        for longitude, latitude in places:
            await make_premises(session, longitude=longitude, latitude=latitude)
    return places


@pytest.mark.parametrize("dialect", ["osrm", "valhalla", "valhalla_concise"])
async def test_vi_02_a_routing_server_is_asked_in_blocks_it_takes(
    dialect: str, city: Roads, at: datetime
) -> None:
    places = [(24.937 + i * 0.002, 60.166 + j * 0.003) for i in range(4) for j in range(4)]
    expected = city.matrix(places, [*places[:15], AT_SEA])
    with routing_server(city.matrix, most_places=6, concise=dialect.endswith("e")) as peer:
        spoken = "osrm" if dialect == "osrm" else "valhalla"
        server = Server(peer.url, spoken, 10, 50)
        ways = await server.matrix([*places[:15], AT_SEA], at.replace(tzinfo=None))
    assert np.allclose(ways[:15, :15], expected[:15, :15], atol=0.1)
    assert np.isnan(ways[0, 15])  # a null is a way nobody knows
    assert peer.asked[0]["sources"] == 16
    assert peer.asked[-1]["sources"] <= 6


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"broken": b"<html>502</html>", "status": 502}, "no matrix"),
        ({"broken": b'{"code": "InvalidQuery"}', "status": 400}, "400 InvalidQuery"),
        ({"broken": b'{"code": "Ok", "durations": [[1]]}'}, "another shape"),
        ({"broken": b'{"code": "Ok", "durations": [["x", 1], [2, 3]]}'}, "no matrix"),
        ({"broken": b'{"code": "Ok", "durations": [[0, -5], [1, 0]]}'}, "negative"),
        ({"slow_s": 0.5}, "does not answer: ReadTimeout"),
    ],
)
async def test_a_wrong_answer_of_a_server_is_no_travel_time(
    told: dict[str, object], why: str, city: Roads
) -> None:
    with routing_server(city.matrix, **told) as peer:
        server = Server(peer.url, "osrm", 0.2, 50)
        with pytest.raises(NoTravelTimes, match=why):
            await server.matrix([SENATE_SQUARE, HAKANIEMI], None)


async def test_a_server_that_is_not_there_is_no_travel_time() -> None:
    with pytest.raises(NoTravelTimes, match="ConnectError"):
        await Server("http://127.0.0.1:9", "osrm", 1, 50).matrix([SENATE_SQUARE, HAKANIEMI], None)


async def test_vi_02_the_roads_of_an_extract_come_nearer_to_the_truth_than_the_formula(
    committed: tuple[Database, Settings], city: Roads, tmp_path: Path
) -> None:
    database, settings = committed
    settings = settings.model_copy(update={"roads_path": tmp_path})
    await build_world(database)
    places = await _some_city(database)
    assert (await building.refresh(database, settings, 1)).source is None
    city.save(building.graph_path(settings, 1))
    report = await building.refresh(database, settings, 1)
    assert report.source == "roads"
    assert report.zones > 5
    true = city.matrix(places, places)
    far = rules.great_circle_seconds(places, places) > 30
    async with database.transaction() as session:
        found = await queries.seconds(session, 1, places, places, TUESDAY_NOON)
        elsewhere = await queries.seconds(session, 2, places, places, TUESDAY_NOON)
    formula = rules.great_circle_seconds(places, places)
    assert np.allclose(elsewhere, formula)  # the other region has no map
    error, formulas_error = (np.median(np.abs(x - true)[far]) for x in (found, formula))
    assert error < formulas_error / 3


async def test_by_time_of_day_where_the_source_knows_it(
    committed: tuple[Database, Settings], city: Roads
) -> None:
    database, settings = committed
    await build_world(database)
    places = await _some_city(database)
    with routing_server(city.matrix, peak=1.5) as peer:
        settings = settings.model_copy(
            update={"travel_server_url": peer.url, "travel_server_dialect": "valhalla"}
        )
        assert (await building.refresh(database, settings, 1)).source == "valhalla"
        assert len({ask["when"] for ask in peer.asked}) == len(Hours)
    async with database.transaction() as session:
        # The region's own guess does not count where the source knows better.
        name = rules.FACTORS[Hours.MORNING_PEAK].name
        session.add(RuleNumber(region_id=1, name=name, value=3.0))
    async with database.transaction() as session:
        noon = await queries.seconds(session, 1, places, places, TUESDAY_NOON)
        peak = await queries.seconds(session, 1, places, places, MORNING)
    assert np.allclose(peak[noon > 0] / noon[noon > 0], 1.5, rtol=0.02)


async def test_the_graph_stands_in_for_a_server_only_where_the_server_never_answered(
    committed: tuple[Database, Settings], city: Roads, tmp_path: Path
) -> None:
    database, settings = committed
    await build_world(database)
    await _some_city(database)
    settings = settings.model_copy(update={"roads_path": tmp_path})
    city.save(building.graph_path(settings, 1))
    down = settings.model_copy(update={"travel_server_url": "http://127.0.0.1:9"})
    first = await building.refresh(database, down, 1)
    assert (first.source, len(first.failures)) == ("roads", 1)
    with routing_server(city.matrix) as peer:
        up = settings.model_copy(update={"travel_server_url": peer.url})
        assert (await building.refresh(database, up, 1)).source == "osrm"
    again = await building.refresh(database, down, 1)
    assert (again.source, len(again.failures)) == (None, 1)
    async with database.transaction() as session:
        assert [row.source for row in await queries.tables(session, 1)] == ["osrm"]


async def test_a_regions_hours_make_its_ways_longer_where_the_source_knows_no_hours(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        name = rules.FACTORS[Hours.MORNING_PEAK].name
        session.add(RuleNumber(region_id=1, name=name, value=1.4))
    async with database.transaction() as session:
        noon, peak, sunday = [
            (await queries.seconds(session, 1, [HAKANIEMI], [SENATE_SQUARE], moment))[0, 0]
            for moment in (TUESDAY_NOON, MORNING, MORNING + timedelta(days=5))
        ]
    assert peak == pytest.approx(1.4 * noon)
    assert sunday == pytest.approx(noon)
