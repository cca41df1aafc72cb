"""Photos: promised with commands, sent by tus over a bad line, and what must become of them.

What the server said it has, it has (I1); a promise is fulfilled when and only when its content is
here; a phone lets go of nothing that is not; and in the end all that was promised has arrived, but
for what went with a phone that was set up anew.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.simulation.invariants import holds
from tests.support.factories.files import content

if TYPE_CHECKING:
    from tests.simulation.phones import SimPhone
    from tests.simulation.simulation import Simulation

KINDS = 12  # so few that some are taken twice, and by two phones
TYPE = "image/jpeg"
KNOWN = {200, 201, 204, 401, 403, 404, 409, 410, 423, 429, 460, 503}


def take(phone: "SimPhone", which: int) -> str:
    """Let the next command of a phone have a photo; returns the photo's name."""
    number = which % KINDS
    phone.taking = [phone.attach(content(60 + 15 * number, seed=number), TYPE)]
    return f" with photo{number}"


@dataclass
class Photos:
    """What phones took and began to send, and what can not come any more."""

    taken: set[str] = field(default_factory=set)
    begun: dict[str, tuple[str, int]] = field(default_factory=dict)  # by address: content, bytes
    under_way: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # from a phone; a restore may need them in vain
    held: dict[str, set[str]] = field(default_factory=dict)  # by phone
    here: set[str] = field(default_factory=set)  # contents the server has said that it has

    def heard(self, request: httpx.Request, answer: httpx.Response) -> None:
        """An upload's request was answered, whatever of that reaches the phone."""
        said = f"{request.method} of an upload was answered {answer.status_code}: {answer.text}"
        holds("I11", answer.status_code in KNOWN, said)
        if answer.status_code == httpx.codes.CREATED:
            sha256 = request.headers["Upload-Metadata"].split(" ")[1]
            length = int(request.headers["Upload-Length"])
            self.begun[answer.headers["Location"]] = (base64.b64decode(sha256).decode(), length)
        elif answer.is_success and "Upload-Offset" in answer.headers:
            sha256, length = self.begun[request.url.path]
            if int(answer.headers["Upload-Offset"]) == length:
                self.here.add(sha256)

    def settled(self, sim: "Simulation", found: dict[str, Any]) -> None:
        """I1: what was answered as whole is here, and promises say what is true."""
        here = set(found["files"])
        lost = self.here - here
        holds("I1", not lost, f"{len(lost)} contents were answered as whole and are not here")
        odd = here - {sha256 for sha256, _ in self.begun.values()}
        holds("I2", not odd, f"{len(odd)} contents are here that nobody sent")
        self.here = here
        for link in found["links"]:
            said = f"a promise says arrived is {link['arrived']}, and the content is "
            told = link["arrived"] == (link["sha256"] in here)
            holds("I1", told, said + ("here" if link["sha256"] in here else "not here"))
        for phone in sim.phones:
            now = phone.photos()
            left = self.held.get(phone.name, set()) - now
            holds("I1", left <= here, f"{phone.name} let go of a photo that the server has not")
            self.taken |= now
            self.gone |= left
            self.held[phone.name] = now

    def set_up_anew(self, phone: "SimPhone") -> None:
        """What was on a phone goes with its installation."""
        self.gone |= self.held.pop(phone.name, set()) | phone.photos()
        phone.db.execute("delete from attachment")

    def at_rest(self, sim: "Simulation", found: dict[str, Any]) -> None:
        """I1: all that was promised has arrived, and is what it was promised as."""
        for link in found["links"]:
            if link["sha256"] in self.taken - self.gone and not link["given_up"]:
                holds("I1", link["arrived"], "a photo that was promised never arrived")
        for sha256 in self.taken & set(found["files"]):
            (path,) = sim.ground.files.glob(f"*/contents/*/{sha256}")
            same = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
            holds("I1", same, "a content is kept that is not what was promised")


async def send(phone: "SimPhone", fault: str, after: int) -> str:
    """Let a phone send its photos, with a fault at one of the requests; returns how many went."""
    phone.line.upload_fault = (fault, after)
    try:
        return f"{await phone.upload()} sent"
    finally:
        phone.line.upload_fault = ("", 0)
