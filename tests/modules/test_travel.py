"""Driving times: the formula without a map (VI-02, AP-01)."""

import numpy as np

from fieldops.kernel.geo import distance_m
from fieldops.travel import rules

SENATE_SQUARE, RAILWAY_STATION, HAKANIEMI = (24.9525, 60.1695), (24.9414, 60.1719), (24.951, 60.179)


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
