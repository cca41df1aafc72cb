"""A phone of the simulation: the tests' phone on a bad line, with a name and a memory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx

from tests.simulation.network import Line
from tests.simulation.oracle import Row
from tests.simulation.trade import REMARK_LENGTH
from tests.support.device import NoAnswer, Phone, PhoneClock, Refused

# What a phone lives through: it keeps its queue and tries again later.
PIECE_BYTES = 128  # most photos take one or two requests
TROUBLE = (NoAnswer, httpx.TransportError, httpx.DecodingError, Refused, ValueError)


class SimPhone(Phone):
    """One installation in the simulation."""

    def __init__(self, name: str, person: str, line: Line, rows_per_page: int) -> None:
        client = httpx.AsyncClient(transport=line, base_url="http://fieldops")
        super().__init__(
            client,
            rows_per_page=rows_per_page,
            phone_clock=PhoneClock(),
            compress=True,
            piece_bytes=PIECE_BYTES,
        )
        self.taking: list[dict[str, Any]] = []  # the photos of the next command
        self.name, self.person, self.line = name, person, line
        self.called = name  # as it registers itself

    @property
    def device(self) -> str:
        return str(self.get("device_id"))

    def photos(self) -> set[str]:
        """Return the contents it keeps."""
        return {sha256 for (sha256,) in self.db.execute("select sha256 from attachment")}

    def unsent(self) -> int:
        """Return how many photos it has still to send."""
        found = self.db.execute("select count(*) from attachment where not sent").fetchone()
        return int(found[0])

    def capture(self, name: str, **given: Any) -> UUID:
        """Queue a command, with the photos that were taken for it."""
        photos, self.taking = self.taking, []
        return super().capture(name, attachments=photos, **given)

    def held(self) -> dict[Row, dict[str, Any]]:
        """Return the rows it holds."""
        return {row: json.loads(body) for row, body in self.everything().items()}

    def queue(self) -> list[dict[str, Any]]:
        """Return all commands it keeps, answered or not."""
        found = self.db.execute("select body from outbox order by seq")
        return [json.loads(body) for (body,) in found]

    async def push_once(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._heard(await super().push_once(batch))

    async def pull_once(self) -> dict[str, Any]:
        return self._heard(await super().pull_once())

    def _heard(self, answer: dict[str, Any]) -> dict[str, Any]:
        if answer.get("device"):
            self.put(must_register=answer["device"].get("register", False))
        return answer

    def copy_to(self, other: "SimPhone") -> None:
        """Make the other a cloned image of this phone."""
        self.db.backup(other.db)
        other.app, other.clock = dict(self.app), self.clock

    def strip(self, id_: UUID) -> None:
        """Damage a queued command: it loses its capture."""
        (body,) = self.db.execute("select body from outbox where id = ?", [str(id_)]).fetchone()
        damaged = {k: v for k, v in json.loads(body).items() if k != "captured"}
        self.db.execute("update outbox set body = ? where id = ?", [json.dumps(damaged), str(id_)])

    def capture_step(self, verb: str, job: str, text: str, *, follows: bool) -> str:
        """Capture what a step says; returns the command's words for the trace."""
        queue = self.queue()
        depends = [queue[-1]["id"]] if follows and queue else []
        if verb == "old":
            self.capture("job.begin", v=1, job=job, depends_on=depends)
        elif verb == "unknown":
            self.capture("job.begin", v=9, job_id=job, depends_on=depends)
        elif verb == "office":
            self.capture("job.cancel", job_id=job, depends_on=depends)
        elif verb == "long":
            self.capture("job.describe", job_id=job, text=text + "x" * REMARK_LENGTH)
        elif verb == "malformed":
            self.strip(self.capture("job.remark", job_id=job, text=text))
        elif verb in {"describe", "remark"}:
            self.capture(f"job.{verb}", job_id=job, text=text, depends_on=depends)
        elif verb == "begin":
            self.capture("job.begin", v=2, job_id=job, depends_on=depends)
        elif verb in {"finish", "stumble"}:
            self.capture(f"job.{verb}", job_id=job, depends_on=depends)
        else:
            self.capture("job.remark", job_id=job, text=text, depends_on=depends)
        return verb + (" after the last" if depends else "")

    def misuse(self, text: str, *, new_id: UUID | None, ahead: int) -> dict[str, Any] | None:
        """Return a command that this phone must never make.

        A used number, a used id too (`new_id` None), or a number that leaves a gap (`ahead`).
        """
        answered = self.db.execute(
            "select body from outbox where status is not null order by seq limit 1"
        ).fetchone()
        if answered is None:
            return None
        used = json.loads(answered[0])
        if "captured" not in used:
            return None
        job = used["args"].get("job_id") or used["args"]["job"]
        changed = {"name": "job.remark", "v": 1, "args": {"job_id": job, "text": text}}
        seq = self.get("next_seq") + ahead if ahead else used["seq"]
        return {**used, **changed, "seq": seq, "id": str(new_id or used["id"])}
