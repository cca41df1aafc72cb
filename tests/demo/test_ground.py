"""The ground of the demo city is read from the extract that ships with the package."""

from pathlib import Path

import pytest

from fieldops.demo.ground import (
    EXTRACT,
    Bounds,
    Ground,
    distance_m,
    distance_to_ring_m,
    inside,
    read_ground,
    towards,
)

SQUARE = ((24.0, 60.0), (24.002, 60.0), (24.002, 60.001), (24.0, 60.001), (24.0, 60.0))


@pytest.fixture(scope="module")
def ground() -> Ground:
    return read_ground()


def test_the_extract_keeps_its_attribution_beside_it() -> None:
    text = (EXTRACT.parent / "ATTRIBUTION.md").read_text()
    assert "OpenStreetMap contributors" in text
    assert "Open Database" in text


def test_a_missing_extract_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.osm\.pbf"):
        read_ground(tmp_path / "gone.osm.pbf")


def test_well_known_streets_and_addresses_of_helsinki_are_found(ground: Ground) -> None:
    assert {"Mannerheimintie", "Aleksanterinkatu", "Bulevardi"} <= ground.streets.street_names
    assert len(ground.places) > 430
    for place in ground.places:
        assert place.street in ground.streets.street_names
        assert len(place.postcode) == 5
        assert place.city == "Helsinki"


def test_no_address_is_listed_twice(ground: Ground) -> None:
    seen = {(p.street, p.house_number.replace(" ", "").casefold()) for p in ground.places}
    assert len(seen) == len(ground.places)


def test_every_place_stands_at_its_building(ground: Ground) -> None:
    buildings = {building.key: building for building in ground.buildings}
    for place in ground.places:
        assert distance_to_ring_m(place.point, buildings[place.building_key].footprint) <= 15


def test_edges_of_the_street_graph_have_their_true_length_and_are_short(ground: Ground) -> None:
    streets = ground.streets
    for edge in streets.edges:
        true = distance_m(streets.points[edge.a], streets.points[edge.b])
        assert edge.metres == pytest.approx(true, abs=0.01)
        assert edge.metres <= 15.1


def test_the_street_graph_hangs_together(ground: Ground) -> None:
    neighbours = ground.streets.neighbours
    reached, frontier = {0}, [0]
    while frontier:
        fresh = {other for other, _ in neighbours[frontier.pop()]} - reached
        reached |= fresh
        frontier.extend(fresh)
    assert len(reached) == len(ground.streets.points)


def test_footprints_are_closed_rings(ground: Ground) -> None:
    for building in ground.buildings:
        assert building.footprint[0] == building.footprint[-1]
        assert len(building.footprint) >= 4


def test_a_degree_of_latitude_is_about_111_kilometres() -> None:
    assert distance_m((24.0, 60.0), (24.0, 61.0)) == pytest.approx(111_195, rel=0.001)
    assert distance_m((24.0, 60.0), (25.0, 60.0)) == pytest.approx(55_597, rel=0.001)


def test_inside_and_distance_agree_about_a_square() -> None:
    assert inside((24.001, 60.0005), SQUARE)
    assert not inside((24.003, 60.0005), SQUARE)
    assert distance_to_ring_m((24.001, 60.0005), SQUARE) == 0
    assert distance_to_ring_m((24.001, 60.002), SQUARE) == pytest.approx(111.2, rel=0.01)


def test_towards_goes_the_given_distance_and_clamp_keeps_inside() -> None:
    moved = towards((24.0, 60.0), (24.01, 60.0), 4.0)
    assert distance_m((24.0, 60.0), moved) == pytest.approx(4.0, abs=0.05)
    assert towards((24.0, 60.0), (24.0, 60.0), 4.0) == (24.0, 60.0)
    assert Bounds(24.0, 60.0, 24.1, 60.1).clamp((25.0, 59.0)) == (24.1, 60.0)
