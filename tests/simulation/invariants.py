"""What must hold (SYNC section 10), each check under its id.

Cheap ones run at every answer and after every step; what needs quiet (I5 whole, I9, I11) runs
where all queues are empty.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fieldops.sync.rules import row_hash
from tests.simulation.oracle import Device, Entry, Oracle, Row, View

if TYPE_CHECKING:
    from tests.simulation.network import Exchange

MOST_STATEMENTS = 16  # of any pull, whatever changed: it does not grow with the rows
MOST_UNCHANGED = 300


class Violation(AssertionError):  # noqa: N818 - a finding, not an error of the simulation
    """An invariant does not hold."""

    def __init__(self, invariant: str, said: str) -> None:
        self.invariant = invariant
        super().__init__(f"{invariant}: {said}")


def holds(invariant: str, condition: object, said: str) -> None:
    """Raise the violation of an invariant unless the condition is true."""
    if not condition:
        raise Violation(invariant, said)


def view_sum(view: View) -> dict[str, Any]:
    """Return rows and hash of a view as the server must state them."""
    total = 0
    for (type_, id_), row in view.items():
        total ^= row_hash(type_, id_, row["version"])  # type: ignore[arg-type]
    return {"rows": len(view), "hash": f"{total:016x}"}


def statuses_predicted(entry: Entry, row: dict[str, Any], names: Any) -> None:
    """I2, I3: the ledger's entry is what the rules make of the command in its place."""
    said = (entry.status, entry.code, list(entry.merged))
    found = (row["status"], row["code"], row["merged"] or [])
    holds("I3", said == found, f"{names(row['id'])} should end {said}, it ended {found}")


def has_final_answer(entry: Entry, row: dict[str, Any], names: Any) -> None:
    """I4: applied, merged, held or rejected, the last two with a case."""
    kept = row["status"] in {"held", "rejected"}
    known = row["status"] in {"applied", "merged"} or (kept and row["case"] is not None)
    holds("I4", known, f"{names(entry.id)} ended {row['status']} with no case")


def answerable(exchange: "Exchange") -> None:
    """I11: no request is answered with a fault of ours, nor refused for what is in it."""
    known = {200, 400, 401, 403, 404, 422, 503}
    holds("I11", exchange.status in known, f"{exchange.path} was answered {exchange.status}")


def push_answered(exchange: "Exchange") -> None:
    """I1, I2, I3, I4: the answer's results are the ledger's, repeats byte for byte."""
    answer, taken = exchange.answer, exchange.taken
    assert answer is not None
    kept = exchange.committed or not answer["results"]
    holds("I1", kept, "a push was answered before its commit")
    if taken is None:
        return
    kind = answer["stop"]["kind"] if answer["stop"] else None
    holds("I3", kind == taken.stop, f"the push should stop with {taken.stop}, it says {kind}")
    told = answer["device"].get("register", False)
    holds("I11", told == taken.register, f"to register anew is {told}, not {taken.register}")
    holds(
        "I3",
        [r["id"] for r in answer["results"]] == [entry.id for entry, _ in taken.results],
        "the results are not those of the commands taken, in their order",
    )
    if taken.results:
        receipt_told(exchange)
    texts = texts_of(exchange.text)
    for (entry, repeat), result, text in zip(taken.results, answer["results"], texts, strict=True):
        if repeat:
            holds("I2", result["status"] == "duplicate", f"{entry.id} was judged a second time")
            first = text[text.index('"first":') + 8 : -1]
            holds("I2", first == entry.text, f"{entry.id} is answered otherwise than at first")
        else:
            holds("I1", text == entry.text, f"{entry.id}: the answer is not what the ledger keeps")


def receipt_told(exchange: "Exchange") -> None:
    """SYNC 7: the receipt counts what the batch names, and what of that is here."""
    assert exchange.answer is not None
    told, promised = exchange.answer.get("attachments"), exchange.taken.promised
    if not promised:
        holds("SYNC 7", told is None, f"nothing was promised, and the receipt is {told}")
        return
    before, after = exchange.here
    wanted = set(told["wanted"]) if told else set()
    counts = told and (told["promised"], told["arrived"] + len(wanted)) == (len(promised),) * 2
    right = promised - after <= wanted <= promised - before
    said = f"the receipt of {len(promised)} contents, {len(promised & before)} here, is {told}"
    holds("SYNC 7", counts and right, said)


def texts_of(answer: str) -> list[str]:
    """Return the bytes of each result of a push's answer."""
    at = answer.index('"results":[') + len('"results":[')
    decoder = json.JSONDecoder()
    found = []
    while answer[at] != "]":
        _, end = decoder.raw_decode(answer, at)
        found.append(answer[at:end])
        at = end + (answer[end] == ",")
    return found


def unchanged_is_cheap(exchange: "Exchange") -> None:
    """I10: a pull without news is at most 2 queries and 300 bytes; any other is few statements."""
    assert exchange.answer is not None
    if exchange.answer.get("unchanged"):
        size = len(exchange.text.encode())
        holds("I10", size <= MOST_UNCHANGED, f"an unchanged pull has {size} bytes")
    holds(
        "I10",
        exchange.statements <= MOST_STATEMENTS,
        f"a pull took {exchange.statements} statements",
    )


def rows_sent(exchange: "Exchange", names: Any) -> None:
    """I6, I8, I13: every row sent is one that the user might see in the snapshot, as it stood."""
    answer, expected = exchange.answer, exchange.expected
    assert answer is not None
    if exchange.state != "active":
        holds("I13", not answer.get("puts"), f"a {exchange.state} device was sent rows")
        return
    assert expected is not None
    for type_, bodies in answer.get("puts", {}).items():
        for body in bodies:
            row = expected.get((type_, body["id"]))
            said = f"{type_} {names(body['id'])}"
            holds("I6", row is not None, f"{said} was sent, and its user might not see it")
            assert row is not None
            holds("I8", _as_expected(body, row), f"{said} was sent as {body}, it stood as {row}")
    for gone in answer.get("dels", ()):
        still = (gone["type"], gone["id"]) in expected
        holds("I5", not still, f"{gone['type']} {names(gone['id'])} was taken away and is due")
    if exchange.answer.get("device"):
        last_seq = answer["device"]["last_seq"]
        said = f"the pull says last_seq {last_seq}, its snapshot had {exchange.last_seq}"
        holds("I8", last_seq == exchange.last_seq, said)


def _as_expected(body: dict[str, Any], row: dict[str, Any]) -> bool:
    if "commands" in row:
        said = [(c["id"], c["status"]) for c in body["commands"]]
        body = {**body, "commands": said}
    if "planned" in row:
        body = {**body, "planned": datetime.fromisoformat(body["planned"])}
    return all(body[name] == value for name, value in row.items())


def whole_view(exchange: "Exchange", held: View) -> None:
    """I5, I8: with the last page, and when nothing changed, the device holds what is due."""
    answer, expected = exchange.answer, exchange.expected
    assert answer is not None
    assert expected is not None
    due = {row: value["version"] for row, value in expected.items()}
    have = {row: value["version"] for row, value in held.items()}
    holds("I5", have == due, f"{_unlike(have, due)} after a whole pull")
    if answer.get("view"):
        holds("I5", answer["view"] == view_sum(expected), "rows or hash of the view are wrong")


def _unlike(have: dict[Row, int], due: dict[Row, int]) -> str:
    missing = sorted(t for t, _ in due.keys() - have.keys())
    over = sorted(t for t, _ in have.keys() - due.keys())
    old = sorted(row[0] for row in have.keys() & due.keys() if have[row] != due[row])
    return f"missing {missing}, too many {over}, other versions {old}"


def parents_held(rows: dict[Row, dict[str, Any]], names: Any) -> None:
    """I9: no remark on a phone without its job."""
    for (type_, id_), row in rows.items():
        if type_ == "job_remark":
            known = ("job", row["job_id"]) in rows
            holds("I9", known, f"remark {names(id_)} is on the phone without its job")


def never_back(before: dict[str, Any] | None, now: dict[str, Any], who: str) -> None:
    """I7: last_seq and generations of a device never go back within an epoch."""
    for name in ("last_seq", "gen_sent", "gen_confirmed", "case_gen"):
        if before is not None:
            said = f"{name} of {who} went from {before[name]} back to {now[name]}"
            holds("I7", now[name] >= before[name], said)


def effects(oracle: Oracle, found: dict[str, Any], names: Any) -> None:
    """I2, I3: the tables hold what the committed commands make, once and in their order."""
    have = {
        job["id"]: (job["state"], job["technician"], job["text"], job["version"])
        for job in found["jobs"]
    }
    due = {
        job.id: (job.state, job.technician, job.text, job.version) for job in oracle.jobs.values()
    }
    for id_ in sorted(have.keys() | due.keys(), key=names):
        one, other = have.get(id_), due.get(id_)
        holds("I3", one == other, f"{names(id_)} stands as {one}, it should as {other}")
    remarks = sorted(remark["text"] for remark in found["remarks"])
    kept = sorted(r["text"] for r in oracle.remarks.values())
    holds("I2", remarks == kept, f"remarks {remarks} are stored, they should be {kept}")


def promises_kept(oracle: Oracle, found: dict[str, Any]) -> None:
    """I1: each photo that a command named is waited for, until the desk discards the command."""
    due = {
        (entry.key, sha256): entry.status == "discarded"
        for entries in oracle.ledger.values()
        for entry in entries
        for sha256 in entry.photos
    }
    have = {(link["command"], link["sha256"]): link["given_up"] for link in found["links"]}
    holds("I1", have == due, f"promises are {have}, they should be {due}")


def order_of(device: Device, ledger: list[dict[str, Any]], last_seq: int, who: str) -> None:
    """I3: the ledger has each number of a device once, from 1 to last_seq.

    But for those of commands that had come under the phone's former registration.
    """
    seqs = sorted(e["seq"] for e in ledger if e["device"] == device.id and e["seq"] is not None)
    own = [n for n in range(1, last_seq + 1) if n not in device.carried]
    holds("I3", seqs == own, f"the ledger of {who} has {seqs}, last_seq is {last_seq}")
