"""The demo network follows the streets, hangs together and keeps RE-01 and RE-02."""

import itertools
from collections import Counter
from collections.abc import Iterator

from fieldops.demo.city import City
from fieldops.demo.features import Feature
from fieldops.demo.ground import Point, distance_m, distance_to_ring_m, length_m

CONDUCTORS = {"pair", "fibre"}
STATEFUL = CONDUCTORS | {"port"}


def points(feature: Feature) -> list[Point]:
    assert feature.geometry is not None
    where = feature.geometry["coordinates"]
    return [tuple(where)] if feature.geometry["type"] == "Point" else [tuple(p) for p in where]


def by_key(city: City) -> dict[str, Feature]:
    return {feature.key: feature for feature in city.features}


def fed(city: City) -> Iterator[tuple[Feature, Feature, Feature]]:
    """Every line with what feeds it and what it feeds."""
    features = by_key(city)
    lines = {"cable", "drop", "duct"}
    before = {c.to_key: c.from_key for c in city.connections if c.kind == "feeds"}
    for tie in city.connections:
        line = features[tie.from_key]
        if tie.kind == "feeds" and line.kind in lines and features[tie.to_key].kind != "onu":
            yield features[before[line.key]], line, features[tie.to_key]


def test_re_01_every_kind_is_there_in_plausible_numbers(city: City) -> None:
    kinds = Counter(feature.kind for feature in city.features)
    assert set(kinds) == {
        "exchange",
        "olt",
        "dslam",
        "port",
        "cross_connect_cabinet",
        "distribution_box",
        "cable",
        "pair",
        "fibre",
        "onu",
        "drop",
        "pole",
        "duct",
        "manhole",
        "building_cabling",
    }
    assert kinds["exchange"] == 2
    assert 20 <= kinds["cross_connect_cabinet"] <= 30
    assert 140 <= kinds["distribution_box"] <= 160
    assert 4_000 <= kinds["pair"] + kinds["fibre"] <= 6_000
    assert len(city.premises) >= 430


def test_re_01_parents_come_first_and_are_of_the_right_kind(city: City) -> None:
    nests = {
        ("exchange", None),
        ("olt", "exchange"),
        ("dslam", "exchange"),
        ("port", "olt"),
        ("port", "dslam"),
        ("cross_connect_cabinet", "exchange"),
        ("distribution_box", "cross_connect_cabinet"),
        ("cable", "exchange"),
        ("cable", "cross_connect_cabinet"),
        ("pair", "cable"),
        ("fibre", "cable"),
        ("drop", "distribution_box"),
        ("onu", "building_cabling"),
        ("building_cabling", None),
        ("pole", None),
        ("duct", None),
        ("manhole", None),
    }
    seen: dict[str | None, str | None] = {None: None}
    for feature in city.features:
        assert feature.parent_key in seen
        assert (feature.kind, seen[feature.parent_key]) in nests
        seen[feature.key] = feature.kind


def test_re_01_every_connection_joins_two_different_features_once(city: City) -> None:
    keys = set(by_key(city))
    ties = [(c.from_key, c.to_key, c.kind) for c in city.connections]
    assert len(set(ties)) == len(ties)
    for a, b, _ in ties:
        assert a in keys
        assert b in keys
        assert a != b


def test_every_point_is_on_earth_and_inside_the_extract(city: City) -> None:
    bounds = city.ground.bounds
    assert -180 < bounds.west < bounds.east < 180
    assert -90 < bounds.south < bounds.north < 90
    for feature in city.features:
        if feature.geometry is not None:
            assert all(bounds.contains(point) for point in points(feature)), feature.key
    assert all(bounds.contains(home.point) for home in city.premises)


def test_only_ports_pairs_and_fibres_have_a_state_and_no_place_of_their_own(city: City) -> None:
    for feature in city.features:
        assert (feature.state is not None) == (feature.kind in STATEFUL)
        assert (feature.geometry is None) == (feature.kind in STATEFUL)


def test_the_ends_of_every_cable_drop_and_duct_touch_what_they_join(city: City) -> None:
    lines = set()
    for above, line, below in fed(city):
        lines.add(line.key)
        start, *_, end = points(line)
        assert start == points(above)[0], line.key
        if line.kind != "drop":
            assert end == points(below)[0], line.key
    assert lines == {f.key for f in city.features if f.kind in {"cable", "drop", "duct"}}


def test_cables_follow_the_street_graph_edge_by_edge(city: City) -> None:
    streets = city.ground.streets
    edges = {(edge.a, edge.b) for edge in streets.edges}
    steps = {(streets.points[a], streets.points[b]) for a, b in edges}
    steps |= {(b, a) for a, b in steps}
    for feature in city.features:
        if feature.kind == "cable":
            inner = points(feature)[1:-1]
            assert all(step in steps for step in itertools.pairwise(inner)), feature.key


def test_a_cable_runs_in_ducts_that_lie_on_its_way(city: City) -> None:
    features = by_key(city)
    runs = [c for c in city.connections if c.kind == "runs_in"]
    feeders = {f.key for f in city.features if f.attributes.get("role") == "feeder"}
    assert {run.from_key for run in runs} == feeders
    for run in runs:
        assert set(points(features[run.to_key])) <= set(points(features[run.from_key]))


def test_every_drop_ends_at_its_building_and_is_of_a_sensible_length(city: City) -> None:
    buildings = {building.key: building for building in city.ground.buildings}
    for feature in city.features:
        if feature.kind == "drop":
            building = buildings[feature.attributes["building"]]
            assert distance_to_ring_m(points(feature)[-1], building.footprint) <= 15.0
            assert length_m(points(feature)) <= 220.0, feature.key


def test_every_premises_is_at_the_end_of_its_access_paths(city: City) -> None:
    features = by_key(city)
    paths = {(path.premises_key, path.technology): path for path in city.access_paths}
    kinds = [
        "exchange",
        "cable",
        "cross_connect_cabinet",
        "cable",
        "distribution_box",
        "drop",
    ]
    for home in city.premises:
        path = paths[home.key, "copper"]
        assert [features[key].kind for key in path.keys] == kinds
        assert distance_m(points(features[path.keys[-1]])[-1], home.point) < 1
        assert features[path.keys[0]].centre == home.centre
    ties = {(c.from_key, c.to_key) for c in city.connections if c.kind == "feeds"}
    for path in city.access_paths:
        assert all(step in ties for step in zip(path.keys, path.keys[1:], strict=False))


def test_a_service_lies_wholly_on_the_access_path_of_its_technology(city: City) -> None:
    features = by_key(city)
    paths = {(path.premises_key, path.technology): path.keys for path in city.access_paths}
    for service in city.services:
        keys = paths[service.premises_key, service.technology]
        assert [key for key in service.path_keys if key in keys] == list(keys)
        cables = [features[key].parent_key for key in service.conductor_keys]
        assert cables == [keys[1], keys[3]]
        assert set(service.occupies) <= set(service.path_keys)
        assert service.drop_key == keys[-1]
        has_onu = service.technology == "fibre" and service.status == "active"
        assert (service.onu_key is not None) == has_onu


def test_re_02_no_port_pair_or_fibre_serves_two_services(city: City) -> None:
    used = [key for service in city.services for key in service.occupies]
    assert len(set(used)) == len(used)


def test_re_02_occupied_and_reserved_are_exactly_what_services_use(city: City) -> None:
    expected = {
        key: "occupied" if service.status == "active" else "reserved"
        for service in city.services
        for key in service.occupies
    }
    actual = {f.key: f.state for f in city.features if f.state in {"occupied", "reserved"}}
    assert actual == expected


def test_re_02_bad_conductors_have_a_reason_a_test_and_a_day(city: City) -> None:
    conductors = [feature for feature in city.features if feature.kind in CONDUCTORS]
    bad = [feature for feature in conductors if feature.state == "bad"]
    assert 0.02 < len(bad) / len(conductors) < 0.12
    for feature in conductors:
        assert (feature.reason is not None) == (feature.state == "bad")
    for feature in bad:
        assert {"kind", "value", "unit"} == set(feature.attributes["test"])
        assert feature.attributes["since"] < city.start.isoformat()


def test_re_03_every_cable_keeps_a_free_conductor_to_swap_to(city: City) -> None:
    free = Counter(f.parent_key for f in city.features if f.state == "free")
    for feature in city.features:
        if feature.kind == "cable":
            assert free[feature.key] >= 2, feature.key


def test_re_04_boxes_of_poor_lines_have_more_bad_pairs_than_the_others(city: City) -> None:
    boxes = {f.key: f for f in city.features if f.kind == "distribution_box"}
    share: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    for feature in city.features:
        if feature.kind == "pair":
            box = boxes.get("box/" + feature.key.split("/")[1])
            if box:
                share[box.attributes["poor_lines"]][feature.state == "bad"] += 1
    poor, good = (counts[True] / counts.total() for counts in (share[True], share[False]))
    assert poor > 2 * good
