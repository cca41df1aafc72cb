"""Public planning problems as days for the search: home health care and Solomon's VRPTW."""

import json
import lzma
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import days
from fieldops.dispatch.engine import aims, packing
from fieldops.dispatch.engine.packing import Day, Job, Part, Worker
from fieldops.dispatch.engine.plans import Plan
from fieldops.dispatch.engine.running import Aim

NO_END = 1e6
XZ = b"\xfd7zXZ"
MOST_VISITS = 5_000  # the ways between them would fill 200 MB


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem with what is looked for in it; `raw` is the file, for its own validator."""

    name: str
    kind: str
    day: Day
    aim: Aim
    raw: Any


def read(path: Path) -> Instance:
    """Read an instance file, plain or packed with xz.

    JSON with patients and caregivers is HHCRSP, JSON with jobs a day of ours, other text Solomon's.
    Raises ValueError with a sentence for whoever made the file, when it is none of these.
    """
    try:
        return _read(path)
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from exc


def _read(path: Path) -> Instance:
    stored = path.read_bytes()
    try:
        text = (lzma.decompress(stored) if stored.startswith(XZ) else stored).decode("utf-8-sig")
    except (lzma.LZMAError, UnicodeDecodeError) as exc:
        raise ValueError(f"it is neither text nor text packed with xz ({exc})") from exc
    name = path.name.removesuffix(".xz").removesuffix(".json").removesuffix(".txt")
    try:
        instance = _parsed(name, text)
        packing.check(instance.day)
    except KeyError as exc:
        raise ValueError(f"the field {exc} is missing") from exc
    except (TypeError, AttributeError, IndexError, OverflowError, RecursionError) as exc:
        raise ValueError(f"a field is not of the kind it should be ({exc})") from exc
    return instance


def _parsed(name: str, text: str) -> Instance:
    if not text.lstrip().startswith(("{", "[")):
        return solomon(name, text)
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise ValueError("a JSON object with patients and caregivers, or jobs, was expected")  # noqa: TRY004 - the file is wrong, not the program
    if len(raw.get("patients", raw.get("jobs", ()))) > MOST_VISITS:
        raise ValueError(f"there are more than {MOST_VISITS} visits")
    if "patients" in raw:
        return hhcrsp(name, raw)
    return Instance(name, "day", days.parse(raw), aims.DAY, raw)


def hhcrsp(name: str, raw: dict[str, Any]) -> Instance:
    """Return a home health care instance: cost = (distance + tardiness + worst tardiness) / 3.

    Caregivers start and end at the first office, places are numbered office first.
    """
    if not raw["central_offices"]:
        raise ValueError("there is no central office")
    caregivers = [set(c["abilities"]) for c in raw["caregivers"]]
    jobs = []
    for place, patient in enumerate(raw["patients"], start=len(raw["central_offices"])):
        opens, closes = patient["time_window"]
        together = patient.get("synchronization")
        gap = (0.0, 0.0)
        if together and together["type"] not in {"simultaneous", "sequential"}:
            raise ValueError(f"a synchronisation {together['type']!r} is not known")
        if together and together["type"] == "sequential":
            gap = (float(together["distance"][0]), float(together["distance"][1]))
        team = tuple(
            Part(
                float(wanted["duration"]),
                {c: 0.0 for c, able in enumerate(caregivers) if wanted["service"] in able},
            )
            for wanted in patient["required_caregivers"]
        )
        jobs.append(Job(place, float(opens), float(closes), team, gap=gap, weight=1.0))
    day = Day(
        tuple(jobs),
        tuple(Worker(0.0, NO_END, 0, 0) for _ in caregivers),
        days.matrix(raw["distances"]),
    )
    thirds = dict.fromkeys(("length", "late_minutes", "latest_minutes"), 1 / 3)
    aim = Aim(
        levels=[{"left_out": 1.0}, thirds],
        steer={"left_out": 300.0, **thirds},
        warm=8.0,
        cold=0.15,
    )
    return Instance(name, "hhcrsp", day, aim, raw)


def solomon(name: str, text: str) -> Instance:
    """Return a vehicle routing instance with time windows and capacities: shortest distance."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    rows = [[float(x) for x in line] for line in lines if len(line) == 7 and _number(line[0])]
    fleet = [line for line in lines if len(line) == 2 and all(map(_number, line))]
    if not rows or not fleet:
        raise ValueError(
            "it is no Solomon text: a line with vehicles and capacity, then lines of seven numbers"
            " (number, x, y, demand, ready, due, service), the depot first, were expected"
        )
    if len(rows) > MOST_VISITS:
        raise ValueError(f"there are more than {MOST_VISITS} visits")
    if not all(map(math.isfinite, (x for row in rows for x in row))):
        raise ValueError("a customer has a number that is none")
    vehicles, room = int(float(fleet[0][0])), float(fleet[0][1])
    if not 0 <= vehicles <= MOST_VISITS:
        raise ValueError(f"{vehicles} vehicles cannot be planned")
    at = np.array([[x, y] for _, x, y, *_ in rows])
    ways = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    depot_until = rows[0][5]
    everybody = dict.fromkeys(range(vehicles), 0.0)
    jobs = tuple(
        Job(place, ready, due, alone=Part(service, everybody, load=demand), grace=0.0)
        for place, (_, _, _, demand, ready, due, service) in enumerate(rows)
        if place
    )
    workers = tuple(Worker(0.0, depot_until, 0, 0, room=room, longer=0.0) for _ in range(vehicles))
    aim = Aim(
        levels=[{"excess": 1.0}, {"left_out": 1.0}, {"length": 1.0}],
        steer={
            "left_out": 1000.0,
            "length": 1.0,
            "excess": 10.0,
        },
        warm=30.0,
        cold=0.05,
        ruins=0.02,
        ramped=frozenset({"excess"}),
    )
    return Instance(name, "solomon", Day(jobs, workers, ways), aim, rows)


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def bound(instance: Instance) -> float:
    """Return a cost that no plan can be below: each part costs at least the cheapest way to it.

    Weak, for it forgets time and skills; what may be left out counts no more than its penalty.
    """
    day = instance.day
    ways = np.array(day.minutes if day.lengths is None else day.lengths)
    np.fill_diagonal(ways, np.inf)
    cheapest = ways.min(axis=0, initial=np.inf) if len(ways) else ways
    total = 0.0
    for job in day.jobs:
        parts = 1 if job.alone is not None else len(job.team)
        # Several at one place cost nothing to go between.
        way = (
            0.0 if sum(other.place == job.place for other in day.jobs) > 1 else cheapest[job.place]
        )
        left = days.PENALTY[job.rank] if instance.kind == "day" else np.inf
        total += min(parts * float(way), left)
    return total / 3 if instance.kind == "hhcrsp" else total


def hhcrsp_cost(  # noqa: C901 - one check after the other, as the problem states them
    raw: dict[str, Any], plan: Plan
) -> tuple[float, list[str]]:
    """Return the cost of a plan and what is wrong with it, from the instance file alone.

    Looks at nothing but who comes when, as written in the plan: abilities, durations, ways, the
    window's begin, both kinds of synchronisation. It shares nothing with the search or decoder.
    """
    offices = len(raw["central_offices"])
    ways, patients, caregivers = raw["distances"], raw["patients"], raw["caregivers"]
    wrong: list[str] = []
    begins: dict[int, dict[int, tuple[int, float]]] = {}
    distance = 0.0
    for caregiver, route in enumerate(plan.routes):
        place, free = 0, 0.0
        for stop in route:
            patient = patients[stop.job]
            part = stop.part if stop.part is not None else 0
            wanted = patient["required_caregivers"][part]
            target = stop.job + offices
            if stop.start < free + ways[place][target] - 1e-6:
                wrong.append(f"{patient['id']}: nobody can be there at {stop.start}")
            if stop.start < patient["time_window"][0] - 1e-6:
                wrong.append(f"{patient['id']}: begins before the window")
            if wanted["service"] not in caregivers[caregiver]["abilities"]:
                wrong.append(f"{patient['id']}: the caregiver cannot do {wanted['service']}")
            if part in begins.setdefault(stop.job, {}):
                wrong.append(f"{patient['id']}: a service is given twice")
            begins[stop.job][part] = (caregiver, stop.start)
            distance += ways[place][target]
            place, free = target, stop.start + wanted["duration"]
        distance += ways[place][0]
    late = [0.0]
    for number, patient in enumerate(patients):
        given = begins.get(number, {})
        if len(given) != len(patient["required_caregivers"]):
            wrong.append(f"{patient['id']}: not every service is given")
            continue
        if len({caregiver for caregiver, _ in given.values()}) != len(given):
            wrong.append(f"{patient['id']}: one caregiver gives two services")
        late += [max(0.0, start - patient["time_window"][1]) for _, start in given.values()]
        together = patient.get("synchronization")
        if together:
            after = given[1][1] - given[0][1]
            least, most = together.get("distance", (0, 0))
            if not least - 1e-6 <= after <= most + 1e-6:
                wrong.append(f"{patient['id']}: {after} minutes between the services")
    return (distance + sum(late) + max(late)) / 3, wrong


def solomon_cost(rows: list[list[float]], day: Day, plan: Plan) -> tuple[float, list[str]]:
    """Return the distance of a plan and what is wrong with it, from the instance's rows alone."""
    wrong, distance, seen = [], 0.0, set()
    _, x0, y0, _, _, until, _ = rows[0]
    for vehicle, route in enumerate(plan.routes):
        x, y, clock, load = x0, y0, 0.0, 0.0
        for stop in route:
            _, x1, y1, demand, ready, due, service = rows[stop.job + 1]
            way = math.hypot(x1 - x, y1 - y)
            clock = max(ready, clock + way)
            if clock > due + 1e-6:
                wrong.append(f"customer {stop.job + 1} is reached at {clock}, due {due}")
            clock += service
            load += demand
            distance += way
            seen.add(stop.job)
            x, y = x1, y1
        back = math.hypot(x0 - x, y0 - y)
        distance += back
        if clock + back > until + 1e-6:
            wrong.append(f"vehicle {vehicle} is back at {clock + back}, due {until}")
        if load > day.workers[vehicle].room + 1e-6:
            wrong.append(f"vehicle {vehicle} carries {load}")
    if len(seen) != len(rows) - 1:
        wrong.append(f"{len(rows) - 1 - len(seen)} customers are not visited")
    return distance, wrong
