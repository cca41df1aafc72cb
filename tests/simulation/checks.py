"""Where the simulation meets its oracle: at commits, at answers, after steps, and when quiet."""

import asyncio
import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from tests.simulation import invariants
from tests.simulation.invariants import holds
from tests.simulation.network import Exchange, Plan
from tests.simulation.oracle import Case, View
from tests.simulation.phones import TROUBLE
from tests.simulation.steps import Step

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

OVERTAKEN = 0.05  # seconds

_LOOK = """
select json_build_object(
  'jobs', (select coalesce(json_agg(json_build_object('id', id, 'state', kind,
     'technician', technician_id, 'text', reason, 'version', version)), '[]')
     from organisation_leave where kind <> 'remark'),
  'remarks', (select coalesce(json_agg(json_build_object('id', id,
     'text', split_part(reason, '|', 2))), '[]') from organisation_leave where kind = 'remark'),
  'devices', (select coalesce(json_agg(json_build_object('id', id, 'state', state,
     'last_seq', last_seq, 'queued', queued, 'replaced', replaced_at,
     'gen_sent', gen_sent, 'gen_confirmed', gen_confirmed,
     'case_gen', case_gen)), '[]') from sync_device),
  'ledger', (select coalesce(json_agg(json_build_object('key', id, 'id', result->>'id',
     'device', device_id, 'seq', seq, 'ended', status, 'status', result->>'status',
     'code', result->>'code', 'merged', result->'merged', 'case', case_id,
     'estimated', estimated_at, 'received', received_at, 'text', result::text)), '[]')
     from kernel_ledger where device_id is not null),
  'cases', (select coalesce(json_agg(json_build_object('id', id, 'version', version,
     'device', device_id, 'code', code, 'told', coalesce(details->'signs', details->'queued'),
     'state', state, 'entries', entries)), '[]') from sync_case),
  'kept', (select coalesce(json_agg(id), '[]') from sync_case_entry),
  'links', (select coalesce(json_agg(json_build_object('command', command_id, 'sha256', sha256,
     'arrived', arrived, 'given_up', given_up_at is not null)), '[]') from files_link),
  'files', (select coalesce(json_agg(sha256), '[]') from files_file
     where stored_at is not null))
"""


async def peek(sim: "Simulation") -> dict[str, Any]:
    """Return what the tables hold now, past the application."""
    found: dict[str, Any] = await sim.ground.look(_LOOK)
    return found


# --- commits ------------------------------------------------------------------------------


async def committed(sim: "Simulation", exchange: Exchange) -> None:
    """A push has committed: the oracle takes it, and the ledger must agree (I1 to I4)."""
    exchange.committed = True
    if exchange.behind:
        # What waited for this push overtakes it here on a slow machine; let it do so on all.
        await asyncio.sleep(OVERTAKEN)
    found = await peek(sim)
    known = {entry.key for entries in sim.oracle.ledger.values() for entry in entries}
    new: dict[str, list[dict[str, Any]]] = {}
    for row in found["ledger"]:
        if row["key"] not in known and row["device"] == exchange.device:
            new.setdefault(row["id"], []).append(row)
    request = copy.deepcopy(exchange.body)
    for command in request["commands"]:
        for row in new.get(command["id"], ()):
            if row["estimated"]:
                command["estimated_at"] = datetime.fromisoformat(row["estimated"])
    device = sim.oracle.devices[exchange.device]
    technician = exchange.technician
    taken = sim.oracle.push(device, request, sim.now, technician=technician)
    for entry, repeat in taken.results:
        if repeat:
            continue
        rows = new.get(entry.id)
        holds("I1", rows, f"{sim.name(entry.id)} was taken and is not in the ledger")
        assert rows
        row = rows.pop(0)
        entry.key, entry.text = row["key"], row["text"]
        invariants.statuses_predicted(entry, row, sim.name)
        invariants.has_final_answer(entry, row, sim.name)
        _bind(sim, entry.case, row)
    # Whoever waited for this push may have committed by now; what it sent is judged with it.
    asked = {command["id"] for command in request["commands"]}
    behind = any(not task.done() for task, _ in exchange.behind)
    left = [
        sim.name(row["id"])
        for rows in new.values()
        for row in rows
        if row["id"] in asked or not behind
    ]
    holds("I3", not left, f"the ledger took {left}, which is out of order")
    take_over(sim, found)
    exchange.taken = taken


def _bind(sim: "Simulation", case: Case | None, row: dict[str, Any]) -> None:
    if case is None:
        return
    if case.id is None:
        case.id = row["case"]
        sim.names[str(case.id)] = f"case{case.number}"
    said = f"{sim.name(row['id'])} belongs to case{case.number}, it is in {sim.name(row['case'])}"
    holds("I4", case.id == row["case"], said)


def take_over(sim: "Simulation", found: dict[str, Any]) -> None:
    """Take over what only the database knows: ids of remarks and cases, versions of cases."""
    for row in found["remarks"]:
        if row["text"] in sim.oracle.remarks:
            sim.oracle.remarks[row["text"]]["id"] = row["id"]
            sim.names[row["id"]] = f"remark {row['text']}"
    cases = {case.id: case for case in sim.oracle.cases}
    _find_announced(sim, [row for row in found["cases"] if row["id"] not in cases])
    cases = {case.id: case for case in sim.oracle.cases}
    for row in found["cases"]:
        case = cases.get(row["id"])
        if case is not None:
            name = f"case{case.number}"
            holds("I7", row["version"] >= case.version, f"the version of {name} went back")
            case.version = row["version"]


def _find_announced(sim: "Simulation", rows: list[dict[str, Any]]) -> None:
    """I1: a copy that was noticed and a queue that was lost are cases, and say how much."""
    for case in sim.oracle.cases:
        if case.id is not None or case.told is None:
            continue
        said = (case.device, case.code, case.told)
        same = [row for row in rows if (row["device"], row["code"], row["told"]) == said]
        holds("I1", same, f"no case tells of {case.code} ({case.told})")
        rows.remove(same[0])
        case.id = same[0]["id"]
        sim.names[str(case.id)] = f"case{case.number}"


async def decided(
    sim: "Simulation", case: Case, verb: str, chosen: set[str], response: httpx.Response
) -> str | None:
    """The desk has decided, or was refused: as the oracle says."""
    await sim.in_order()
    kept = copy.deepcopy(sim.oracle)
    case = sim.oracle.cases[case.number - 1]
    code: str | None = "case_closed"
    if case.state == "open":
        code = sim.oracle.decide(case, verb, chosen, sim.now)
    if code is not None:
        sim.oracle = kept
    found = None if response.status_code == httpx.codes.OK else response.json()["code"]
    said = f"{verb} of case{case.number} should come to {code}, it came to {found}"
    holds("I4", found == code, said)
    take_over(sim, await peek(sim))
    return code


# --- answers to pulls ---------------------------------------------------------------------


def pulled(sim: "Simulation", exchange: Exchange) -> None:
    """A page was made: each row, the whole with the last page, and what it cost."""
    answer = exchange.answer
    assert answer is not None
    invariants.unchanged_is_cheap(exchange)
    invariants.rows_sent(exchange, sim.name)
    if exchange.state != "active":
        return
    held = held_after(sim, exchange)
    if answer.get("unchanged") or not answer["more"]:
        invariants.whole_view(exchange, held)


def held_after(sim: "Simulation", exchange: Exchange) -> View:
    """Return what a device holds that applies this page where it asked from."""
    answer, asked = exchange.answer, exchange.body.get("cursor")
    assert answer is not None
    if answer.get("unchanged"):
        return sim.held[str(asked)]
    held = {} if answer["reset"] else dict(sim.held[str(asked)])
    for gone in answer["dels"]:
        held.pop((gone["type"], gone["id"]), None)
    for type_, bodies in answer["puts"].items():
        for body in bodies:
            former = held.get((type_, body["id"]))
            older = former is not None and body["version"] < former["version"]
            holds("I7", not older, f"the version of {type_} {sim.name(body['id'])} went back")
            held[type_, body["id"]] = body
    before = sim.held.setdefault(answer["cursor"], held)
    holds("I7", before == held, "one cursor was given out for two different pages")
    return held


# --- after every step ---------------------------------------------------------------------


async def settled(sim: "Simulation") -> None:
    """Nothing is under way: the tables are what the commits make, the phones what they hold."""
    found = await peek(sim)
    invariants.effects(sim.oracle, found, sim.name)
    before = {device["id"]: device for device in sim.peeked.get("devices", ())}
    for device in found["devices"]:
        who = sim.name(device["id"])
        invariants.never_back(before.get(device["id"]), device, who)
        due = sim.oracle.devices[device["id"]]
        said = f"{who} is {device['state']} at {device['last_seq']}, it should be {due}"
        same = (device["state"], device["last_seq"]) == (due.state, due.last_seq)
        holds("I3", same, said)
        known = (device["queued"], device["replaced"] is not None) == (due.queued, due.replaced)
        holds("I1", known, f"of {who} is known {device}, it should be {due}")
        invariants.order_of(due, found["ledger"], device["last_seq"], who)
    _ledger_agrees(sim, found)
    invariants.promises_kept(sim.oracle, found)
    sim.photos.settled(sim, found)
    outboxes_keep(sim)
    for phone in sim.phones:
        rows = phone.held()
        invariants.parents_held(rows, sim.name)
        known = sim.oracle.devices.get(phone.device)
        cursor = phone.get("cursor")
        if known is None or known.state == "revoked" or phone.get("epoch") != sim.oracle.epoch:
            continue
        if cursor is not None:
            holds("I5", rows == sim.held[cursor], f"{phone.name} does not hold its cursor's rows")
    sim.peeked = found


def outboxes_keep(sim: "Simulation") -> None:
    """I1: no phone lets go of a command that was not answered, locked and registered anew too."""
    for phone in sim.phones:
        now = dict(phone.db.execute("select id, status from outbox").fetchall())
        before = sim.kept.get(phone.name, {})
        gone = [id_ for id_, status in before.items() if id_ not in now and status is None]
        lost = sorted(sim.name(id_) for id_ in gone if id_ not in sim.acknowledged)
        holds("I1", not lost, f"{phone.name} does not keep {lost}")
        sim.kept[phone.name] = now


def _ledger_agrees(sim: "Simulation", found: dict[str, Any]) -> None:
    ended = {row["key"]: row["ended"] for row in found["ledger"]}
    ids = {row["id"] for row in found["ledger"]}
    lost = sorted(sim.name(id_) for id_ in sim.acknowledged - ids)
    holds("I1", not lost, f"{lost} were acknowledged and are not in the ledger")
    due = {e.key: e.status for entries in sim.oracle.ledger.values() for e in entries}
    unlike = sorted(key for key in ended.keys() | due.keys() if ended.get(key) != due.get(key))
    said = [(sim.name(key), ended.get(key), due.get(key)) for key in unlike]
    holds("I4", not unlike, f"the ledger's ends are not those of the rules: {said}")
    kept = set(found["kept"])
    entries = [e for case in sim.oracle.cases for e in case.entries]
    missing = sorted(sim.name(e.id) for e in entries if e.key not in kept)
    holds("I4", not missing, f"{missing} are kept at no desk")
    cases = {row["id"]: row for row in found["cases"]}
    holds("I4", len(cases) == len(sim.oracle.cases), "there are cases that no rule opens")
    for case in sim.oracle.cases:
        row = cases[case.id]
        said = f"case{case.number} is {row}, it should be {case.state} with {len(case.entries)}"
        agrees = (row["state"], row["entries"]) == (case.state, len(case.entries))
        holds("I4", agrees, said)
    late = [sim.name(r["id"]) for r in found["ledger"] if captured_after_receipt(r)]
    holds("I3", not late, f"{late} were captured after they were received")


def captured_after_receipt(row: dict[str, Any]) -> bool:
    """Return whether a capture is estimated later than its receipt (SYNC section 5 forbids it)."""
    if row["estimated"] is None:
        return False
    return datetime.fromisoformat(row["estimated"]) > datetime.fromisoformat(row["received"])


# --- quiet --------------------------------------------------------------------------------


async def quiet(sim: "Simulation") -> str:
    """Let everything arrive and every queue empty; then all must agree (I5, I9, I11)."""
    await all_arrives(sim)
    await sim.do_bump(Step("bump"))
    for person, held in sim.roles.items():
        if not held:
            sim.roles[person] = True
            await sim.ground.role(person, held=True)
    for device in sim.oracle.devices.values():
        if device.state == "locked":
            path, reason = f"/v1/devices/{device.id}/unlock", {"reason": "the day is over"}
            answer = await sim.office.post(path, json=reason)
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                await sim.office.post(path, json=reason)
            device.steered("active")
    rounds = await until_still(sim)
    for phone in sim.phones:
        _at_rest(sim, phone)
    sim.photos.at_rest(sim, await peek(sim))
    return f"after {rounds} rounds, {len(sim.oracle.ledger)} commands"


async def all_arrives(sim: "Simulation") -> None:
    """Let every late request reach the server; nobody waits for the answers any more."""
    late, sim.air[:] = list(sim.air), []
    for one in late:
        if one.request is not None:
            await one.line.carry(one.request, Plan())


async def until_still(sim: "Simulation") -> int:
    for n in range(80):
        still = True
        for phone in sim.phones:
            try:
                if phone.get("must_register") and sim.roles[phone.person]:
                    still = False
                    await sim.register_anew(phone)
                still = not await phone.push() and phone.queued() == 0 and still
                for _ in range(100):
                    answer = await phone.pull_once()
                    if not answer.get("more"):
                        break
                still = still and phone.queued() == 0  # a pull may tell of a restore
                if phone.unsent():
                    still = False
                    await phone.upload()
            except TROUBLE as trouble:
                still = False
                await sim._in_trouble(phone, trouble)
        if still:
            return n
    left = {phone.name: phone.queued() for phone in sim.phones}
    holds("I11", condition=False, said=f"the queues do not empty: {left}")
    return 0


def _at_rest(sim: "Simulation", phone: Any) -> None:
    device = sim.oracle.devices[phone.device]
    answers = phone.db.execute("select id, status, result from outbox").fetchall()
    open_ = sorted(sim.name(id_) for id_, status, result in answers if not (status and result))
    holds("I11", not open_, f"{open_} never had a final answer")
    unknown = sorted(sim.name(id_) for id_, _, _ in answers if id_ not in sim.oracle.ledger)
    holds("I1", not unknown, f"{unknown} are on {phone.name} and not in the ledger")
    rows = phone.held()
    if device.state == "revoked":
        holds("I13", not rows, f"{phone.name} was revoked and holds {len(rows)} rows")
        return
    due = sim.oracle.view(device, sim.now, technician=True)
    have = {row: body["version"] for row, body in rows.items()}
    same = have == {row: value["version"] for row, value in due.items()}
    holds("I5", same, f"{phone.name} at rest does not hold what its user may see")
    agrees = phone.agrees_with(invariants.view_sum(due))
    holds("I5", agrees, f"the view hash of {phone.name} differs at rest")
