"""The oracle: the rules of the trade and of the desk in plain Python, without a database.

It is handed every committed push and every decision of the desk in the order of their commits
and says what each command must come to, and what a device's user may see at any moment. It is
written from docs/sync.md, not from the engine.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.trade import OFFLINE, REMARK_LENGTH

POISON_TRIES = 5
SIGNS_OF_A_COPY = 3
FOR_OFFICES = {"job.assign", "job.cancel"}
CASES_KEPT = timedelta(days=14)
TOOK_EFFECT = {"applied", "merged", "corrected"}
COLUMNS = {  # the fields of a job as the audit calls them
    "technician": "technician_id",
    "centre": "centre_id",
    "planned": "starts_at",
    "until": "ends_at",
    "state": "kind",
    "text": "reason",
}
Row = tuple[str, str]  # type, id
View = dict[Row, dict[str, Any]]


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """A command does not take effect: how it ends (held or rejected) and the code."""

    def __init__(self, status: str, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(code)


class Faulty(Exception):  # noqa: N818 - the fault is simulated
    """The handler fails by a programming error."""


@dataclass
class Job:
    """A job, its version, and which fields changed at which version by which device."""

    id: str
    technician: str
    centre: str
    planned: datetime
    until: datetime
    state: str = "open"
    text: str | None = None
    version: int = 1
    changes: list[tuple[int, set[str], str | None]] = field(default_factory=list)

    def write(self, device: str | None, **values: Any) -> None:
        """Change fields; the version counts when one of them differs."""
        changed = {name for name, value in values.items() if getattr(self, name) != value}
        if changed:
            self.__dict__.update(values)
            self.version += 1
            self.changes.append((self.version, changed, device))

    def foreign(self, base: int | None, device: str) -> set[str]:
        """Return the fields that others than the device changed after a version."""
        if base is None:
            return set()
        return {
            name
            for version, names, by in self.changes
            if version > base and by != device
            for name in names
        }


@dataclass
class Entry:
    """A command as the ledger must know it."""

    command: dict[str, Any]
    device: str
    seq: int
    status: str
    code: str | None
    case: "Case | None"
    merged: tuple[str, ...] = ()
    text: str | None = None  # the result's bytes as first answered
    key: str = ""  # its id in the ledger, known when the database has it

    @property
    def id(self) -> str:
        return str(self.command["id"])

    @property
    def photos(self) -> list[str]:
        """What it promises; a malformed command promises nothing."""
        return photos_of(self.command)


@dataclass(eq=False)
class Case:
    """A case of the late-work desk."""

    number: int
    device: str
    status: str
    code: str
    name: str
    subject: str | None
    blocks: bool
    entries: list[Entry] = field(default_factory=list)
    state: str = "open"
    decided_at: datetime | None = None
    id: str | None = None  # known when the database has made it
    version: int = 0
    told: int | None = None  # of a case without commands: the number that its message says


@dataclass
class Device:
    """A registration and how far it has come."""

    id: str
    person: str
    registered_at: datetime
    name: str = ""
    seen: bool = True  # whether its user was a technician at its last full look
    former: bool = True
    since: datetime | None = None
    state: str = "active"
    last_seq: int = 0
    attempts: int = 0  # at the next number, that fail by a fault of ours
    copied: bool = False  # locked because two phones work under it
    signs: int = 0  # of that, so far
    queued: int = 0  # what waited on the phone after its last push
    replaced: bool = False  # and nothing was heard of it since
    carried: set[int] = field(default_factory=set)  # numbers of what had come by another one

    def steered(self, state: str) -> None:
        """Note that a dispatcher has locked, unlocked or revoked it."""
        self.state, self.copied = state, False
        if state == "active":
            self.signs = 0


@dataclass
class Taken:
    """What a push must come to: one entry (and whether it is a repeat) a result, and the stop."""

    results: list[tuple[Entry, bool]] = field(default_factory=list)
    stop: str | None = None
    promised: set[str] = field(default_factory=set)  # contents that its commands name
    register: bool = False  # whether the phone is told to register anew


@dataclass
class Oracle:
    """Everything that was committed, as the rules understand it; deepcopy it for a backup."""

    epoch: int = 1
    jobs: dict[str, Job] = field(default_factory=dict)
    remarks: dict[str, dict[str, str]] = field(default_factory=dict)  # by their texts, all unlike
    devices: dict[str, Device] = field(default_factory=dict)
    ledger: dict[str, list[Entry]] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    # --- push -----------------------------------------------------------------------------

    def push(
        self, device: Device, request: dict[str, Any], now: datetime, *, technician: bool
    ) -> Taken:
        """Take a push as the server must; `technician`: whether the user has the role now."""
        taken = Taken()
        signs = self._signs(device, request)
        commands = request["commands"]
        if not commands:
            pass
        elif device.state == "locked":
            taken.stop = "busy"
        elif request["epoch"] not in {None, self.epoch}:
            taken.stop = "gap"
        elif device.state == "active" and signs and device.signs + signs >= SIGNS_OF_A_COPY:
            device.state, device.copied, taken.stop = "locked", True, "busy"
            self._announce(device, "device_cloned", device.signs + signs)
        else:
            for command in commands:
                if not self._one(device, command, now, technician, taken):
                    break
        known = [command for command in commands if command["id"] in self.ledger]
        taken.promised = {sha256 for command in known for sha256 in photos_of(command)}
        self._heard(device, request, signs, len(taken.results))
        taken.register = device.copied
        return taken

    def _signs(self, device: Device, request: dict[str, Any]) -> int:
        """Count what one phone alone would not do: numbers used twice."""
        used_twice = {
            c["seq"]
            for c in request["commands"]
            if c["seq"] <= device.last_seq and c["id"] not in self.ledger
        }
        return len(used_twice)

    def _heard(self, device: Device, request: dict[str, Any], signs: int, answered: int) -> None:
        device.signs += signs
        left = [c for c in request["commands"] if c["seq"] > device.last_seq]
        device.queued = max(len(left), request.get("queued", 0) - answered)
        device.replaced = False

    def register(self, device: Device, former: str | None) -> None:
        """Take a new registration; `former` is the installation it says it replaces.

        What waited on a former one is lost, unless it was locked: then it is still on the phone.
        """
        self.devices[device.id] = device
        for other in sorted(self.devices.values(), key=lambda d: d.id):
            mine = other.person == device.person and other.id != device.id
            named = other.id == former or other.name == device.name
            if not (mine and named) or other.replaced or other.state == "revoked":
                continue
            other.replaced = True
            if other.queued and other.state == "active":
                self._announce(device, "queue_lost", other.queued)

    def _announce(self, device: Device, code: str, told: int) -> None:
        """Open a case without commands: it tells desk and technician of the device itself."""
        number = len(self.cases) + 1
        self.cases.append(Case(number, device.id, "held", code, "", None, blocks=False, told=told))

    def _one(
        self,
        device: Device,
        command: dict[str, Any],
        now: datetime,
        technician: bool,
        taken: Taken,
    ) -> bool:
        seen = self._known(command)
        if seen is not None:
            taken.results.append((seen, True))
        elif command["seq"] > device.last_seq + 1:
            taken.stop = "gap"
            return False
        else:
            entry = self._first_time(device, command, now, technician, taken)
            if entry is None:
                return False
            taken.results.append((entry, False))
        if command["seq"] == device.last_seq + 1:
            device.last_seq += 1
            device.attempts = 0
            if seen is not None and seen.device != device.id:
                device.carried.add(device.last_seq)
        return True

    def _known(self, command: dict[str, Any]) -> Entry | None:
        for entry in self.ledger.get(command["id"], ()):
            if same(entry.command, command):
                return entry
        return None

    def _first_time(
        self,
        device: Device,
        command: dict[str, Any],
        now: datetime,
        technician: bool,
        taken: Taken,
    ) -> Entry | None:
        entry = Entry(command, device.id, command["seq"], "applied", None, None)
        joins: Case | None = None
        try:
            self._out_of_question(device, command)
            joins = self._waits_for(device, command)
            allowed = technician
            if is_fact(command) and not technician:
                allowed = device.former if self._before_look(device, entry) else device.seen
            merged = self.judge(command, device, allowed=allowed)
        except Refused as refused:
            entry.status, entry.code = refused.status, refused.code
            self._keep(device, entry, joins)
        except Faulty:
            device.attempts += 1
            if device.attempts < POISON_TRIES:
                taken.stop = "transient"
                return None
            entry.status, entry.code = "rejected", "poison"
            self._keep(device, entry, None)
        else:
            entry.merged = merged
            entry.status = "merged" if merged else "applied"
            self._made_good(device, command, now)
        self.ledger.setdefault(entry.id, []).append(entry)
        return entry

    def _before_look(self, device: Device, entry: Entry) -> bool:
        """Say whether a fact was captured before the last look; the simulation tells when."""
        at = entry.command.get("estimated_at")
        return at is not None and device.since is not None and at < device.since

    def _out_of_question(self, device: Device, command: dict[str, Any]) -> None:
        if device.state == "revoked":
            raise Refused("held", "device_revoked")
        if command["id"] in self.ledger:
            raise Refused("rejected", "id_reused")
        if command["seq"] <= device.last_seq:
            raise Refused("rejected", "seq_reused")
        if command["name"] in FOR_OFFICES:
            raise Refused("rejected", "not_for_devices")
        if "captured" not in command:
            raise Refused("rejected", "malformed_command")

    def _waits_for(self, device: Device, command: dict[str, Any]) -> Case | None:
        """Raise the hold of a command that waits for another; the case to join goes with it."""
        for id_ in command["depends_on"]:
            before = self.ledger.get(id_, [None])[0]
            if before is None or before.status not in TOOK_EFFECT:
                raise Waiting(before.case if before else None)
        subject = subject_of(command)
        if is_fact(command) or subject is None:
            return None
        seen = seen_cases(command)
        for case in self.open_cases(device):
            passed = case.status == "rejected" and case.id in seen
            if case.blocks and case.subject == subject and not passed:
                raise Waiting(case)
        return None

    def _keep(self, device: Device, entry: Entry, joins: Case | None) -> None:
        command = entry.command
        if entry.code == "device_revoked":
            open_ = [c for c in self.open_cases(device) if c.code == "device_revoked"]
            joins = open_[0] if open_ else None
        elif entry.code == "blocked_by":
            joins = self._waiting_case(device, command)
        if joins is None or joins.state != "open" or joins.device != device.id:
            known = version_known(command) and "captured" in command
            joins = Case(
                len(self.cases) + 1,
                device.id,
                entry.status,
                str(entry.code),
                command["name"] if "captured" in command else "malformed",
                subject_of(command) if known else None,
                blocks=not (known and is_fact(command)),
            )
            self.cases.append(joins)
        joins.entries.append(entry)
        entry.case = joins

    def _waiting_case(self, device: Device, command: dict[str, Any]) -> Case | None:
        try:
            self._waits_for(device, command)
        except Waiting as waiting:
            return waiting.case
        return None

    def _made_good(self, device: Device, command: dict[str, Any], now: datetime) -> None:
        """Close the rejected cases that the technician saw and has made good."""
        for case in self.open_cases(device):
            again = case.name == command["name"] and case.subject == subject_of(command)
            if (
                case.id in seen_cases(command)
                and again
                and len(case.entries) == 1
                and case.status == "rejected"
            ):
                case.entries[0].status = "corrected"
                case.state, case.decided_at = "corrected", now

    def open_cases(self, device: Device) -> list[Case]:
        """Return a device's open cases, oldest first."""
        return [c for c in self.cases if c.device == device.id and c.state == "open"]

    # --- the trade ------------------------------------------------------------------------

    def judge(
        self, command: dict[str, Any], device: Device, *, allowed: bool, accepted: bool = False
    ) -> tuple[str, ...]:
        """Let a command take effect and return the merged fields; raises Refused or Faulty."""
        if not version_known(command):
            raise Refused("held", "unknown_command")
        args = lifted(command)
        if command["name"] in FOR_OFFICES:
            raise Refused("rejected", "not_for_devices")
        if len(args.get("text", "")) > REMARK_LENGTH:
            raise Refused("rejected", "invalid_arguments")
        if not allowed:
            raise Refused("rejected", "forbidden")
        job = self.jobs.get(args["job_id"])
        if job is None:
            raise Refused("rejected", "not_found")
        verb = command["name"].removeprefix("job.")
        if verb == "remark":
            self.remarks[args["text"]] = {"job": job.id, "text": args["text"]}
            return ()
        if verb == "stumble":
            raise Faulty
        self._may_work(job, device, accepted=accepted)
        base = None if accepted else base_of(command, job.id)
        changed = {
            "begin": lambda: self._begin(job, accepted=accepted),
            "finish": lambda: self._finish(job),
            "describe": lambda: {"text": args["text"]},
        }[verb]()
        foreign = job.foreign(base, device.id) if verb != "finish" else set()
        if foreign & set(changed):
            raise Refused("rejected", "conflict")
        job.write(device.id, **changed)
        return tuple(sorted(COLUMNS[name] for name in foreign))

    def _may_work(self, job: Job, device: Device, *, accepted: bool) -> None:
        if accepted:
            return
        if job.technician != device.person:
            raise Refused("held", "sim_reassigned")
        if job.state == "cancelled":
            raise Refused("held", "sim_cancelled")

    def _begin(self, job: Job, *, accepted: bool) -> dict[str, Any]:
        if job.state != "open" and not (accepted and job.state == "cancelled"):
            raise Refused("rejected", "sim_not_open")
        return {"state": "begun"}

    def _finish(self, job: Job) -> dict[str, Any]:
        if job.state != "begun":
            raise Refused("rejected", "sim_not_open")
        return {"state": "finished"}

    # --- the desk -------------------------------------------------------------------------

    def decide(self, case: Case, verb: str, chosen: set[str], now: datetime) -> str | None:
        """Decide a case; returns the code of the refusal when it cannot take effect.

        The caller keeps a copy: after a refusal this oracle is half changed.
        """
        device = self.devices[case.device]
        for entry in sorted(case.entries, key=lambda e: e.seq):
            if verb == "accept" and entry.key in chosen:
                try:
                    if "captured" not in entry.command:
                        return "malformed_command"
                    earlier = self._before_look(device, entry)
                    allowed = device.former if earlier else device.seen
                    merged = self.judge(entry.command, device, allowed=allowed, accepted=True)
                except Refused as refused:
                    return refused.code
                except Faulty:
                    return "internal_fault"
                entry.status = "merged" if merged else "applied"
            else:
                entry.status = "discarded" if verb != "credit" else "credited"
        case.state = {"accept": "accepted", "credit": "credited", "discard": "discarded"}[verb]
        case.decided_at = now
        return None

    # --- pull -----------------------------------------------------------------------------

    def view(self, device: Device, now: datetime, *, technician: bool) -> View:
        """Return all that a device's user may see now: row to {version, and what it says}.

        Who lost the role keeps the own cases: they say what became of the own work.
        """
        seen: View = {}
        for job in self.jobs.values():
            if technician and job.technician == device.person and job.until > now:
                seen["job", job.id] = {
                    "version": job.version,
                    "state": job.state,
                    "text": job.text,
                    "planned": job.planned,
                }
        for remark in self.remarks.values():
            if ("job", remark["job"]) in seen:
                said = {"version": 1, "job_id": remark["job"], "text": remark["text"]}
                seen["job_remark", remark["id"]] = said
        for case in self.cases:
            decided = case.decided_at
            if case.device == device.id and (decided is None or decided + CASES_KEPT > now):
                seen["case", str(case.id)] = {
                    "version": case.version,
                    "state": case.state,
                    "code": case.code,
                    "commands": [
                        (e.key, e.status) for e in sorted(case.entries, key=lambda e: e.seq)
                    ],
                }
        return seen

    def looked(self, device: Device, now: datetime, *, technician: bool) -> None:
        """Note that a device looked through its whole view: it knows its user's role now."""
        if technician != device.seen:
            device.former, device.seen, device.since = device.seen, technician, now


class Waiting(Refused):
    """The command waits for another; `case` is the one it joins, if that is still open."""

    def __init__(self, case: Case | None) -> None:
        self.case = case
        super().__init__("held", "blocked_by")


def photos_of(command: dict[str, Any]) -> list[str]:
    """Return the contents that a command names."""
    if "captured" not in command:
        return []
    return [str(photo["sha256"]) for photo in command.get("attachments", ())]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two commands say the same; their number is not part of it."""
    return all(
        one.get(name) == other.get(name)
        for name in (one.keys() | other.keys()) - {"seq", "estimated_at"}
    )


def version_known(command: dict[str, Any]) -> bool:
    """Return whether the server knows a command in its version, lifted or not."""
    verb = command["name"].removeprefix("job.")
    if command["name"] in FOR_OFFICES:
        return True
    known = {"remark": 1, **OFFLINE}.get(verb)
    return command["v"] == known or (verb == "begin" and command["v"] == 1)


def lifted(command: dict[str, Any]) -> dict[str, Any]:
    """Return a command's arguments in their present shape."""
    args: dict[str, Any] = command["args"]
    return {"job_id": args["job"]} if "job" in args else args


def subject_of(command: dict[str, Any]) -> str | None:
    """Return the job that a command is about, None when that cannot be told."""
    if "captured" not in command or not version_known(command):
        return None
    if command["name"] in FOR_OFFICES:
        return None
    return str(lifted(command)["job_id"])


def is_fact(command: dict[str, Any]) -> bool:
    """Return whether a command states a fact."""
    return bool(command["name"] == "job.remark" and version_known(command))


def seen_cases(command: dict[str, Any]) -> set[str]:
    """Return the cases that the technician had seen."""
    return {b["ref"]["id"] for b in command.get("base", ()) if b["ref"]["type"] == "case"}


def base_of(command: dict[str, Any], id_: str) -> int | None:
    """Return the version of a record that the device had seen."""
    return next((int(b["version"]) for b in command["base"] if b["ref"]["id"] == id_), None)
