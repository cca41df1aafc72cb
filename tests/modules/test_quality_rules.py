"""QA-05: what is unlikely in evidence, as pure rules, and the print of a photo."""

import io
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageEnhance

from fieldops.quality import rules, wording
from fieldops.quality.errors import AnswerAwaited, FlagDecided
from fieldops.quality.prints import (
    Bands,
    bands_of,
    difference_hash,
    distance,
    print_of,
)
from fieldops.quality.rules import Check, PrintState

NOON = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")


def picture(seed: int = 1, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture with soft shapes, as a room has them; the same seed, the same room."""
    chance = random.Random(seed)
    points = bytes(chance.randrange(256) for _ in range(12 * 9 * 3))
    return Image.frombytes("RGB", (12, 9), points).resize(size, Image.Resampling.BICUBIC)


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bands(content: bytes) -> Bands:
    made = print_of(content)
    assert made.state is PrintState.USABLE
    assert made.bands is not None
    return made.bands


def test_qa_05_a_print_is_row_by_row_whether_a_point_is_brighter_than_its_right_neighbour() -> None:
    falling = bytes(range(90, 0, -10))
    rising = bytes(range(10, 100, 10))
    assert difference_hash(falling * 8) == 2**64 - 1
    assert difference_hash(rising * 8) == 0
    assert difference_hash(falling + rising * 7) == 0xFF << 56
    assert bands_of(0x0001_0002_0003_0004) == (1, 2, 3, 4)
    assert distance((0, 0, 0, 0b101), (0, 0, 0, 0b010)) == 3


@pytest.mark.parametrize(
    "changed",
    [
        saved(picture(), quality=40),
        saved(picture(), "PNG"),
        saved(picture().resize((1280, 960))),
        saved(ImageEnhance.Brightness(picture()).enhance(0.85)),
    ],
    ids=["recompressed", "another format", "scaled", "darker"],
)
def test_qa_05_the_same_photo_saved_otherwise_has_a_like_print(changed: bytes) -> None:
    assert distance(bands(saved(picture(), quality=95)), bands(changed)) <= 3


def test_qa_05_photos_of_different_rooms_are_far_apart() -> None:
    made = [bands(saved(picture(seed))) for seed in range(1, 25)]
    apart = [distance(a, b) for i, a in enumerate(made) for b in made[:i]]
    assert min(apart) > 8


def test_qa_05_a_photo_is_turned_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = saved(picture().rotate(90, expand=True), exif=exif, quality=95)
    assert distance(bands(saved(picture(), quality=95)), bands(turned)) <= 3


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (saved(Image.new("RGB", (640, 480), "black")), PrintState.FLAT),
        (b"\xff\xd8\xff\xe0 no picture", PrintState.UNREADABLE),
        (saved(picture())[:500], PrintState.UNREADABLE),
        (b"\x00\x00\x00\x18ftypheic and more", PrintState.UNREADABLE),
        (saved(Image.new("1", (10_000, 10_000)), "PNG"), PrintState.UNREADABLE),
    ],
    ids=["dark", "damaged", "cut off", "format of another camera", "bomb"],
)
def test_qa_05_what_says_nothing_has_no_print(content: bytes, state: PrintState) -> None:
    made = print_of(content)
    assert (made.state, made.bands) == (state, None)


def test_qa_05_a_place_beyond_the_limit_is_far_and_one_at_it_is_not() -> None:
    door, near, far = (24.941, 60.17), (24.941, 60.1735), (24.941, 60.18)
    assert rules.distance_beyond(door, near, 500) is None
    assert rules.distance_beyond(door, far, 500) == pytest.approx(1112, abs=2)
    assert rules.distance_beyond(door, door, 0) is None


@pytest.mark.parametrize(
    ("minutes", "kinds", "short"),
    [
        (14, ["install"], (14, 15)),
        (15, ["install"], None),
        (7, ["repair"], None),
        (7, ["repair", "install"], (7, 15)),
        (0, [], None),
    ],
)
def test_qa_05_time_on_site_is_too_short_below_the_longest_of_its_kinds(
    minutes: int, kinds: list[str], short: tuple[float, float] | None
) -> None:
    least = {kind.value: number.default for kind, number in rules.LEAST_ON_SITE.items()}
    assert rules.too_short(timedelta(minutes=minutes), kinds, least) == short


def test_qa_05_the_clock_is_off_by_its_worst_moment_fast_or_slow_for_each_technician() -> None:
    alice, bob, kim = uuid4(), uuid4(), uuid4()
    off = timedelta(minutes=11)
    seen = [
        (alice, NOON + off, NOON),
        (alice, NOON - 2 * off, NOON),
        (bob, NOON + timedelta(minutes=10), NOON),
        (kim, None, NOON),
    ]
    assert rules.furthest_off(seen, timedelta(minutes=10)) == {alice: -2 * off}


def test_qa_05_a_test_with_too_few_values_is_compared_with_none() -> None:
    assert not rules.speaks((22.5, None, 500.0), 3)
    assert rules.speaks((22.5, 0.0, 500.0), 3)


def test_qa_05_a_flag_holds_only_after_the_answer_or_its_time_and_is_decided_once() -> None:
    until = NOON + timedelta(days=3)
    with pytest.raises(AnswerAwaited):
        rules.check_decidable("open", until, NOON, holds=True)
    rules.check_decidable("open", until, NOON, holds=False)
    rules.check_decidable("open", until, until, holds=True)
    rules.check_decidable("answered", until, NOON, holds=True)
    with pytest.raises(FlagDecided):
        rules.check_decidable("holds", until, until, holds=False)
    with pytest.raises(FlagDecided):
        rules.check_answerable("false_alarm")


def test_qa_05_the_share_of_false_alarms_is_of_what_was_decided() -> None:
    assert rules.share_of_false_alarms(3, 1) == 0.25
    assert rules.share_of_false_alarms(0, 0) is None


@pytest.mark.parametrize("check", Check)
def test_qa_05_every_check_says_why_in_both_languages(check: Check) -> None:
    values = {
        "other_at": NOON, "distance": 2, "distance_m": 1112.0, "limit_m": 500.0, "minutes": 7.5,
        "least_minutes": 15.0, "limit_minutes": 10.0,
    }  # fmt: skip
    said = wording.reason(check, values, HELSINKI)
    assert set(said) == {"en", "zh_CN"}
    assert all(said.values())
    assert "{" not in "".join(said.values())
    if check is Check.TOO_SHORT:
        assert said["en"].startswith("7.5 minutes on site; from 15 minutes on")
    if check is Check.TEST_COPIED:
        assert "2026-11-23 12:00" in said["zh_CN"]
