"""`bench/dispatch`: plan a public instance or a day of ours, and check the plan independently.

    bench/dispatch --instance FILE [--instance FILE ...] --seconds N [--out PLAN.json]
    bench/dispatch --generate 100x600 --seconds N --compare

Reads HHCRSP JSON and days of ours, plain or packed with xz, and Solomon's VRPTW texts. `--compare`
sets the plan of a day beside a greedy dispatcher's and, where pyvroom is installed (the extra
`bench`), beside VROOM's.
"""

import argparse
import csv
import json
import math
import re
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from bench import days, instances, others
from fieldops.dispatch.engine import aims, plans, running
from fieldops.dispatch.engine.packing import Day
from fieldops.dispatch.engine.plans import Figures, Plan, part_of


def main() -> int:
    """Plan what was asked for; 1 when a plan is wrong, 2 when the question is."""
    ask = argparse.ArgumentParser(prog="bench/dispatch", description=__doc__)
    ask.add_argument("--instance", type=Path, action="append", default=[])
    ask.add_argument(
        "--generate", metavar="TECHNICIANSxVISITS", type=size_of, action="append", default=[]
    )
    ask.add_argument("--pairs", type=float, default=0.1, help="share of visits for two")
    ask.add_argument("--seconds", type=seconds_of, default=60.0, help="of CPU time")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--references", type=Path, help="a CSV with instance,ref_cost")
    ask.add_argument("--out", type=Path, help="write the plan as JSON")
    ask.add_argument("--compare", action="store_true")
    chosen = ask.parse_args()
    if not chosen.instance and not chosen.generate:
        ask.error("name a file with --instance, or a size with --generate")
    try:
        references = read_references(chosen.references, chosen.instance)
        read = [instances.read(path) for path in chosen.instance]
    except (OSError, ValueError) as exc:
        print(f"bench/dispatch: {exc}", file=sys.stderr)
        return 2
    good, gaps = True, []
    for instance in read:
        plan, cost, wrong = solved(instance, chosen.seconds, chosen.seed)
        reference = references.get(instance.name)
        if reference:
            gaps.append(100 * (cost / reference - 1))
        tell(instance, plan, cost, reference, wrong)
        good = good and not wrong
        if chosen.out:
            chosen.out.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        if chosen.compare and instance.kind == "day":
            good = compare(instance.day, plan, chosen.seconds) and good
    if len(gaps) > 1:
        print(f"mean {sum(gaps) / len(gaps):+.2f}%")
    for technicians, visits in chosen.generate:
        day = days.generate(technicians, visits, pairs=chosen.pairs, seed=chosen.seed)
        print(f"{technicians} technicians, {visits} visits, {chosen.pairs:.0%} for two", flush=True)
        found = running.search(day, aims.DAY, chosen.seconds, seed=chosen.seed)
        good = compare(day, found.plan, chosen.seconds) and good
    return 0 if good else 1


def tell(
    instance: instances.Instance,
    plan: Plan,
    cost: float,
    reference: float | None,
    wrong: list[str],
) -> None:
    """Print what a plan costs, beside what is known, and what is wrong with it."""
    least = instances.bound(instance)
    if reference:
        known = f"reference {reference}, gap {100 * (cost / reference - 1):+.2f}%"
    elif least:
        known = f"no plan is below {least:.4f}, gap at most {100 * (cost / least - 1):.1f}%"
    else:
        known = "no reference, no bound"
    used = sum(bool(route) for route in plan.routes)
    left = len(instance.day.jobs) - len(plan.order)
    print(
        f"{instance.name}: cost {cost:.4f} ({known}), {used} routes, {left} left out,"
        f" {'valid' if not wrong else 'NOT VALID'}",
        flush=True,
    )
    for sentence in wrong[:10]:
        print(f"  {sentence}")


def seconds_of(text: str) -> float:
    """Return a number of seconds above nought."""
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time to search in")
    return seconds


def size_of(text: str) -> tuple[int, int]:
    """Return technicians and visits of a text like 100x600."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 100x600")
    return int(found[1]), int(found[2])


def read_references(path: Path | None, beside: list[Path]) -> dict[str, float]:
    """Return the known costs by instance; without a path from the CSV beside the instances."""
    if path is None:
        path = next((p.parent / "reference_costs.csv" for p in beside), None)
        if path is None or not path.exists():
            return {}
    try:
        with path.open(encoding="utf-8") as file:
            return {row["instance"]: float(row["ref_cost"]) for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError, csv.Error) as exc:
        raise ValueError(f"{path}: not a CSV with instance,ref_cost ({exc})") from exc


def solved(
    instance: instances.Instance, seconds: float, seed: int
) -> tuple[Plan, float, list[str]]:
    """Return a plan, its cost by the instance's own reckoning, and what is wrong with it."""
    found = running.search(instance.day, instance.aim, seconds, seed=seed)
    wrong = plans.faults(instance.day, found.plan)
    if instance.kind == "hhcrsp":
        cost, own = instances.hhcrsp_cost(instance.raw, found.plan)
    elif instance.kind == "solomon":
        cost, own = instances.solomon_cost(instance.raw, instance.day, found.plan)
    else:
        figures = plans.Decoded(instance.day, found.plan).figures()
        cost, own = score(figures), []
    return found.plan, cost, [*wrong, *own]


def unserved(day: Day, plan: Plan) -> float:
    """Return the summed penalties of what a plan leaves out."""
    served = set(plan.order)
    return sum(
        days.PENALTY[job.rank] for number, job in enumerate(day.jobs) if number not in served
    )


def score(figures: Figures) -> float:
    """Return one number for a day: penalties of what is left out, and minutes of travel."""
    left = sum(days.PENALTY[rank] * count for rank, count in enumerate(figures.left_out))
    return left + figures.length


def hours(day: Day, plan: Plan) -> str:
    """Return the working hours of the technicians: least, median, most; travel not counted."""
    worked = sorted(
        sum(part_of(day, stop.job, stop.part).minutes for stop in route) / 60
        for route in plan.routes
    )
    return f"{worked[0]:.1f} / {statistics.median(worked):.1f} / {worked[-1]:.1f}"


def compare(day: Day, plan: Plan, seconds: float) -> bool:
    """Print a plan beside the greedy dispatcher's and VROOM's; returns whether all are valid."""
    rows = {"FieldOps": plan, "greedy dispatcher": days.greedy(day)}
    if others.vroom is not None:
        rows["VROOM, pairs fixed"] = others.vroom_plan(day, seconds)[0]
    print(
        "| plan | left out by class | penalty | travel minutes | overtime | late | score | hours |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    good = True
    for name, one in rows.items():
        wrong = plans.faults(day, one)
        good = good and not wrong
        figures = plans.Decoded(day, one).figures()
        left = " + ".join(map(str, figures.left_out))
        print(
            f"| {name} | {left} | {unserved(day, one):,.0f} | {figures.length:,.0f}"
            f" | {figures.overtime_minutes:,.0f} | {figures.late_visits}"
            f" | {score(figures):,.0f} | {hours(day, one)} |",
            flush=True,
        )
        for sentence in wrong[:5]:
            print(f"  {name}: {sentence}")
    return good


if __name__ == "__main__":
    sys.exit(main())
