"""bench/dispatch with files it has never seen: sound ones, odd ones, broken ones."""

import json
import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import day_plans, days, instances
from fieldops.dispatch.engine import packing, running
from fieldops.dispatch.engine.packing import Day, Job, Part, Worker


def patient(number: int, *services: str, window: tuple[float, float] = (0, 100)) -> dict[str, Any]:
    wanted = [{"service": service, "duration": 10} for service in services]
    return {"id": f"p{number}", "time_window": list(window), "required_caregivers": wanted}


def care(*patients: dict[str, Any], caregivers: int = 1, **fields: Any) -> dict[str, Any]:
    places = len(patients) + 1
    return {
        "patients": list(patients),
        "caregivers": [{"abilities": ["a"]}] * caregivers,
        "central_offices": [{"id": "d"}],
        "distances": [[abs(a - b) * 5 for a in range(places)] for b in range(places)],
    } | fields


def ask(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> int:
    named = [word for path in paths for word in ("--instance", str(path))]
    monkeypatch.setattr(sys, "argv", ["bench/dispatch", *named, "--seconds", "0.05"])
    return day_plans.main()


SOLOMON = "X\nVEHICLE\nNUMBER CAPACITY\n{fleet}\nCUSTOMER\n{rows}\n"
DEPOT = "0 0 0 0 0 100 0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no Solomon text"),
        ("{", "Expecting"),
        ("[]", "JSON object"),
        ("{}", "fieldops-day-1"),
        ('{"patients": 3}', "not of the kind"),
        ("\x00\x01", "no Solomon text"),
        (b"\xff\xfe\xfa", "neither text"),
        (b"\xfd7zXZ\x00\x00", "neither text"),
        (json.dumps({"patients": [], "caregivers": []}), "central_offices"),
        (json.dumps(care(patient(1, "a"), distances=[[0, 1], [1]])), "square matrix"),
        (json.dumps(care(patient(1, "a"), distances=[[0, -1], [1, 0]])), "from nought up"),
        (
            json.dumps(care(patient(1, "a"), distances=[[0, float("nan")], [1, 0]])),
            "from nought up",
        ),
        (json.dumps(care(patient(1, "a"), distances=[[0]])), "place that is not there"),
        (json.dumps(care(patient(1, "a", "a", "a", "a"))), "more than 3 parts"),
        (json.dumps(care(patient(1))), "has no part"),
        (
            json.dumps(care(patient(1, "a", "a") | {"synchronization": {"type": "later"}})),
            "not known",
        ),
        (SOLOMON.format(fleet="2 10", rows="0 0 x"), "no Solomon text"),
        (SOLOMON.format(fleet="-1 10", rows=DEPOT), "cannot be planned"),
        (SOLOMON.format(fleet="2 10", rows=f"{DEPOT}\n1 inf 0 1 0 50 1"), "a number that is none"),
        (json.dumps({"format": "fieldops-day-1", "jobs": [{}]}), "missing"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence(
    content: str | bytes,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert ask(monkeypatch, path) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "broken.json" in told.err


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, tmp_path / "nowhere.json") == 2
    assert ask(monkeypatch, tmp_path) == 2
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (json.dumps(care(patient(1, "a"))), 0, "cost 3.3333"),
        (json.dumps(care()), 0, "0 left out, valid"),
        (json.dumps(care(patient(1, "a"), caregivers=0)), 1, "not every service is given"),
        (json.dumps(care(patient(1, "b"))), 1, "1 left out, NOT VALID"),
        (json.dumps(care(patient(1, "a", window=(50, 20)))), 0, "1 routes, 0 left out, valid"),
        (SOLOMON.format(fleet="1 10", rows=DEPOT), 0, "cost 0.0000"),
        (SOLOMON.format(fleet="1 10", rows=f"{DEPOT}\n1 3 4 1 0 50 1"), 0, "cost 10.0000"),
        (SOLOMON.format(fleet="1 10", rows=f"{DEPOT}\n1 3 4 1 0 2 1"), 1, "not visited"),
        (SOLOMON.format(fleet="0 10", rows=f"{DEPOT}\n1 3 4 1 0 50 1"), 1, "not visited"),
        (SOLOMON.format(fleet="9 1", rows=f"{DEPOT}\n1 3 4 9 0 50 1"), 1, "not visited"),
    ],
)
def test_an_odd_file_is_planned_as_far_as_it_goes(
    content: str,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain, packed = tmp_path / "odd.json", tmp_path / "packed.json.xz"
    plain.write_text(content)
    packed.write_bytes(lzma.compress(content.encode()))
    assert ask(monkeypatch, plain, packed) == code
    assert capsys.readouterr().out.count(said) == 2


def test_a_reference_beside_the_file_gives_the_gap_and_a_broken_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, known = tmp_path / "one.json", tmp_path / "reference_costs.csv"
    path.write_text(json.dumps(care(patient(1, "a"))))
    known.write_text("instance,ref_cost\none,4.0\n")
    assert ask(monkeypatch, path) == 0
    assert "reference 4.0, gap -16.67%" in capsys.readouterr().out
    known.write_text("name\none\n")
    assert ask(monkeypatch, path) == 2
    assert "instance,ref_cost" in capsys.readouterr().err


def test_a_day_of_ours_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "day.json"
    day = days.generate(4, 10, pairs=0.5, seed=3)
    days.write(day, path)
    read = instances.read(path).day
    assert read.jobs == day.jobs
    assert read.workers == day.workers
    assert np.abs(read.minutes - day.minutes).max() < 0.001


def test_no_plan_is_below_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "day.json"
    days.write(days.generate(6, 14, pairs=0.3, seed=8), path)
    instance = instances.read(path)
    _, cost, wrong = day_plans.solved(instance, 0.2, 1)
    assert wrong == []
    assert 0 < instances.bound(instance) <= cost


@pytest.mark.parametrize(
    ("job", "worker", "said"),
    [
        ({"place": 7}, {}, "place that is not there"),
        ({"alone": None}, {}, "has no part"),
        ({"rank": 6}, {}, "class beyond"),
        ({"alone": Part(10.0, {3: 0.0})}, {}, "somebody who is not there"),
        ({"alone": Part(float("nan"), {0: 0.0})}, {}, "no length"),
        ({"gap": (5.0, 9.0)}, {}, "gap"),
        ({}, {"start": -1}, "starts or ends"),
        ({}, {"begins": float("inf")}, "no number"),
    ],
)
def test_compiled_code_is_never_given_a_day_it_would_misread(
    job: dict[str, Any], worker: dict[str, Any], said: str
) -> None:
    sound = {"place": 1, "opens": 0.0, "closes": 9.0, "alone": Part(10.0, {0: 0.0})}
    shift = {"begins": 0.0, "ends": 100.0, "start": 0, "end": 0}
    day = Day((Job(**sound | job),), (Worker(**shift | worker),), np.ones((2, 2)))
    with pytest.raises(ValueError, match=said):
        packing.check(day)
    with pytest.raises(ValueError, match=said):
        running.search(day, instances.aims.DAY, moves=1)
