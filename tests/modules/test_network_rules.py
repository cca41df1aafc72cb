from itertools import product

import pytest

from fieldops.kernel.errors import InvalidArguments
from fieldops.network import rules
from fieldops.network.errors import (
    AreaTooLarge,
    ConnectionRefused,
    IllegalState,
    NestingRefused,
    ServiceState,
    ShapeRefused,
)
from fieldops.network.rules import Box, Condition, FeatureKind, ServiceLife, State, Tie


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        ("pair", "pole"),
        ("pair", None),
        ("fibre", "distribution_box"),
        ("port", "exchange"),
        ("exchange", "cable"),
        ("cross_connect_cabinet", "distribution_box"),
        ("pole", "pole"),
        ("olt", None),
    ],
)
def test_re_01_a_kind_is_not_nested_where_it_cannot_be(kind: str, parent: str | None) -> None:
    above = FeatureKind(parent) if parent else None
    with pytest.raises(NestingRefused) as caught:
        rules.check_nesting(FeatureKind(kind), above)
    assert caught.value.details["legal"]


@pytest.mark.parametrize(
    ("kind", "parent"),
    [("pair", "cable"), ("fibre", "cable"), ("port", "dslam"), ("port", "olt"), ("pole", None)],
)
def test_re_01_a_kind_is_nested_where_it_belongs(kind: str, parent: str | None) -> None:
    rules.check_nesting(FeatureKind(kind), FeatureKind(parent) if parent else None)


def test_re_01_every_kind_has_a_place_and_none_contains_itself_in_a_ring() -> None:
    assert set(rules.PARENTS) == set(FeatureKind)
    for kind in FeatureKind:
        above, seen = {kind}, set()
        while above:
            above = {p for k in above for p in rules.PARENTS[k] if p is not None} - seen
            seen |= above
        assert kind not in seen


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("pole", "LineString"),
        ("cable", "Point"),
        ("pair", "LineString"),
        ("exchange", None),
        ("building_cabling", None),
    ],
)
def test_re_01_a_geometry_of_the_wrong_type_is_refused(kind: str, shape: str | None) -> None:
    with pytest.raises(ShapeRefused):
        rules.check_shape(FeatureKind(kind), shape)


@pytest.mark.parametrize(
    ("tie", "start", "end"),
    [
        ("jumpered", "pole", "pair"),
        ("carries", "distribution_box", "pole"),
        ("runs_in", "pair", "duct"),
        ("spliced", "port", "fibre"),
        ("feeds", "pair", "exchange"),
    ],
)
def test_re_01_what_cannot_be_tied_is_not_tied(tie: str, start: str, end: str) -> None:
    with pytest.raises(ConnectionRefused):
        rules.check_tie(Tie(tie), FeatureKind(start), FeatureKind(end))


LEGAL = {
    # (state, held by a service): where it may go (RE-02)
    (State.FREE, False): {State.BAD, State.RETIRED},
    (State.RESERVED, True): {State.OCCUPIED, State.BAD},
    (State.OCCUPIED, True): {State.BAD},
    (State.BAD, False): {State.FREE, State.RETIRED},
    (State.BAD, True): {State.RESERVED, State.OCCUPIED},
    (State.RETIRED, False): set(),
}


@pytest.mark.parametrize(("present", "wanted"), list(product(LEGAL, State)))
def test_re_02_only_legal_changes_of_state_pass_and_others_name_the_legal_ones(
    present: tuple[State, bool], wanted: State
) -> None:
    if wanted in LEGAL[present]:
        rules.check_state("pair 1", Condition(*present), wanted)
        return
    with pytest.raises(IllegalState) as caught:
        rules.check_state("pair 1", Condition(*present), wanted)
    named = set(caught.value.details["legal"].split(", "))
    assert named == ({str(state) for state in LEGAL[present]} or {"nothing else"})


@pytest.mark.parametrize(
    ("present", "wanted"), [("active", "planned"), ("ceased", "active"), ("active", "active")]
)
def test_re_02_a_service_does_not_go_back(present: str, wanted: str) -> None:
    with pytest.raises(ServiceState):
        rules.check_life(ServiceLife(present), ServiceLife(wanted))


@pytest.mark.parametrize(
    ("box", "field"),
    [(Box(24.96, 60.1, 24.9, 60.2), "east"), (Box(24.9, 60.2, 24.96, 60.1), "north")],
)
def test_a_box_the_wrong_way_round_is_refused_with_the_field(box: Box, field: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        rules.check_box(box)
    assert caught.value.details["errors"][0]["field"] == field


def test_a_box_of_more_than_25_square_kilometres_is_refused() -> None:
    rules.check_box(Box(24.90, 60.15, 24.98, 60.19))
    with pytest.raises(AreaTooLarge):
        rules.check_box(Box(24.8, 60.1, 25.1, 60.3))
