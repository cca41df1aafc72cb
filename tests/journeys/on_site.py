"""The technician's part of the day: a phone that pulls, works without a network, comes back."""

import base64
import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from fieldops.demo.load import DEMO_PASSWORD
from tests.journeys.day import LOGIN_OF, Day, Promise, moment
from tests.support.device import Phone, PhoneClock, Refused

TUS = "1.0.0"
MINUTE = timedelta(minutes=1)


@dataclass
class Evidence:
    """The photos and signatures that the phone took: bytes by sha256."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def take(self, name: str) -> dict[str, Any]:
        """Take a picture; returns {sha256, bytes, mime} as file.link wants it."""
        content = picture(name)
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return {"sha256": digest, "bytes": len(content), "mime": "image/png"}


def picture(name: str) -> bytes:
    """Return a small PNG that no other name gives."""
    colour = hashlib.sha256(name.encode()).digest()
    rows = b"".join(
        b"\x00" + bytes(colour[(x + y) % 32] for x in range(48) for _ in range(3))
        for y in range(32)
    )

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 48, 32, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", b"Comment\x00" + name.encode())
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class Hands:
    """A technician with a phone: what they capture, by the name of the visit."""

    def __init__(self, day: Day) -> None:
        """Take the phone of the day's technician out of its box."""
        self.day = day
        self.phone = Phone(day.http, phone_clock=PhoneClock(now=day.clock.now))
        self.evidence = Evidence()
        self.captured: dict[str, list[tuple[str, str]]] = {}
        self.swapped: dict[str, str] = {}

    async def sign_in(self) -> None:
        await self.phone.sign_in(LOGIN_OF[self.day.technician_id], DEMO_PASSWORD)

    def do(self, promise: Promise, command: str, **args: Any) -> None:
        """Capture a command about a visit, half a minute after the one before."""
        self.day.clock.move_to(self.day.clock.now() + MINUTE / 2)
        id_ = self.phone.capture(command, visit_id=promise.visit_id, **args)
        self.captured.setdefault(promise.name, []).append((command, str(id_)))

    def results(self, promise: Promise) -> list[tuple[str, dict[str, Any]]]:
        """Return (command, final answer) for what was captured about a visit, in order."""
        return [
            (command, self.phone.result(id_) or {"status": "queued"})
            for command, id_ in self.captured[promise.name]
        ]

    def link(self, promise: Promise, name: str, purpose: str, **about: Any) -> str:
        """Take a picture and promise it as evidence; returns its sha256."""
        taken = self.evidence.take(f"{self.day.number} {promise.name} {name}")
        subject = {"subject_type": "visit", "subject_id": promise.visit_id, **about}
        self.do(promise, "file.link", purpose=purpose, **taken, **subject)
        return str(taken["sha256"])


async def the_phone_takes_the_day_along(day: Day) -> Hands:
    """Register the technician's phone, pull the day, go offline (SY-01)."""
    hands = Hands(day)
    first = min(promise.start for promise in day.promises.values())
    now = day.at(first - timedelta(minutes=75))
    day.report.step(f"{now}: {day.technician['name']}'s phone takes the day along")
    await hands.sign_in()
    await hands.phone.register(f"{day.technician['name']}'s phone")
    await hands.phone.sync()
    phone = hands.phone
    held = {visit["id"] for visit in phone.rows("visit")}
    own = {promise.visit_id for promise in day.promises.values()}
    combined = day.promises["combined"]
    contact = phone.row("customer_contact", combined.customer_id) or {}
    lists = [c for c in phone.rows("checklist") if c["visit_id"] == combined.visit_id]
    everything = len(phone.everything())
    day.report.note(f"{everything:,} rows in {phone.pages} pages; then the network is gone.")
    day.check("SY-01: the phone holds the four visits of the day", own <= held, own - held)
    day.check(
        "SY-01: it holds the customer's phone number and both checklists",
        contact.get("phone") == combined.phone and len(lists) == len(combined.work),
        (contact, lists),
    )
    for promise in day.promises.values():
        hands.do(promise, "visit.accept")
        hands.do(promise, "visit.confirm_kit", tools=True, materials=True, spares=True, papers=True)
    return hands


def _arrive(hands: Hands, promise: Promise) -> None:
    """Drive there, arrive inside the window, introduce oneself (VI-02, VI-03)."""
    home = hands.phone.row("premises", promise.premises_id)
    assert home is not None  # the phone holds the premises of its visits
    point = {"type": "Point", "coordinates": home["point"]["coordinates"]}
    hands.day.clock.move_to(promise.due - 15 * MINUTE)
    hands.do(promise, "visit.depart", point=point, accuracy_m=8)
    hands.day.clock.move_to(promise.due + 2 * MINUTE)
    hands.do(promise, "visit.arrive", point=point, accuracy_m=6)
    hands.do(
        promise,
        "visit.confirm_identity",
        certificate_shown=True,
        customer_confirmed=True,
        work_explained=True,
        covers_used=True,
    )
    hands.do(promise, "visit.start")


def repair_a_line(hands: Hands, promise: Promise, *, complete: bool = True) -> None:
    """Repair a fixed line: test, checklist, photo, signature."""
    _arrive(hands, promise)
    hands.do(promise, "note.add", text="Corroded joint in the outlet found and renewed.")
    hands.link(promise, "outlet", "photo")
    if not complete:
        return
    hands.do(
        promise,
        "measurement.record_line_test",
        service_id=promise.service("fixed_line"),
        measured_at_place="outlet",
        loop_resistance_ohm=412.0,
        insulation_mohm=180.0,
        foreign_voltage_v=0.4,
    )
    answers = {
        "fault_place": "indoor",
        "remedy": "Joint in the outlet renewed, line measured again.",
        "service_restored": True,
    }
    for checklist in _lists(hands, promise):
        _answer(hands, promise, checklist, answers)
    signature = hands.link(promise, "signature", "signature")
    hands.do(promise, "visit.complete", signature_sha256=signature)


def install_both_services(hands: Hands, promise: Promise) -> None:
    """Install both services; the first pair is bad and is swapped on the spot (RE-03)."""
    day, broadband, line = hands.day, promise.service("broadband"), promise.service("fixed_line")
    _arrive(hands, promise)
    old, new = _pairs(hands, broadband)
    hands.do(
        promise,
        "measurement.record_line_test",
        service_id=broadband,
        feature_id=old["id"],
        measured_at_place="box",
        attenuation_db=51.0,
        insulation_mohm=0.2,
        note="The pair reserved for broadband hardly carries anything.",
    )
    hands.do(
        promise,
        "network.swap_pair",
        service_id=broadband,
        from_id=old["id"],
        to_id=new["id"],
        reason="insulation 0.2 MOhm at the box",
        mark_bad=True,
        test={"kind": "insulation", "value": 0.2, "unit": "MOhm"},
    )
    hands.swapped = {"from": old["id"], "to": new["id"], "service": broadband}
    day.report.note(f"{old['name']} is bad: broadband goes over {new['name']} instead.")
    for service in (line, broadband):
        hands.do(
            promise,
            "measurement.record_line_test",
            service_id=service,
            measured_at_place="outlet",
            attenuation_db=14.5,
            insulation_mohm=220.0,
        )
    hands.do(
        promise,
        "measurement.record_speed_test",
        service_id=broadband,
        down_mbps=49.2,
        up_mbps=9.8,
        latency_ms=11.0,
        method="wired",
        server="speed.fieldops.example",
    )
    hands.do(
        promise,
        "health.record_reading",
        service_id=broadband,
        down_mbps=49.2,
        up_mbps=9.8,
        latency_ms=11.0,
        attenuation_db=14.5,
        cabling_route="From the stairwell along the skirting board to the desk.",
        cabling_material="cat5e",
        cabling_joints=1,
        terminal_model="VDSL2 terminal",
        terminal_serial=f"T{day.number}",
        wireless_notes="Good in all rooms.",
    )
    hands.do(
        promise,
        "network.report_finding",
        feature_id=_box(hands, broadband),
        kind="distribution_box",
        severity="low",
        text="The lid's lock is worn; closed with a strap.",
    )
    _fill_lists(hands, promise)
    signature = hands.link(promise, "signature", "signature")
    hands.day.clock.move_to(promise.due + 95 * MINUTE)
    hands.do(promise, "visit.complete", signature_sha256=signature)


def _path(hands: Hands, service_id: str) -> list[dict[str, Any]]:
    """Return the features of a service's way as the phone holds them, exchange first."""
    steps = [s for s in hands.phone.rows("path_element") if s["service_id"] == service_id]
    found = [
        hands.phone.row("feature", step["feature_id"])
        for step in sorted(steps, key=lambda step: step["position"])
    ]
    return [feature for feature in found if feature is not None]


def _pairs(hands: Hands, service_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pair nearest to the customer, and a free one of the same cable."""
    old = [feature for feature in _path(hands, service_id) if feature["kind"] == "pair"][-1]
    free = [
        feature
        for feature in hands.phone.rows("feature")
        if (feature["kind"], feature["state"], feature["parent_id"])
        == ("pair", "free", old["parent_id"])
    ]
    return old, free[0]


def _box(hands: Hands, service_id: str) -> str:
    path = _path(hands, service_id)
    return next(str(f["id"]) for f in path if f["kind"] == "distribution_box")


def _lists(hands: Hands, promise: Promise) -> list[dict[str, Any]]:
    """Return the checklists of a visit, each with the body of its template."""
    lists = [c for c in hands.phone.rows("checklist") if c["visit_id"] == promise.visit_id]
    for checklist in lists:
        template = hands.phone.row("template", checklist["template_version_id"])
        assert template is not None  # a list never comes without its template (I9)
        checklist["code"] = template["code"]
        checklist["items"] = [item["key"] for item in template["body"]["items"]]
    return lists


def _fill_lists(hands: Hands, promise: Promise) -> None:
    """Answer the standard lists of an installation (CH-03), with photos and the signature."""
    for checklist in _lists(hands, promise):
        about = {"subject_type": "checklist", "subject_id": checklist["id"]}
        if checklist["code"] == "fixed_line_install":
            outlet = hands.link(promise, "outlet", "photo", item_key="outlet_firm", **about)
            answers: dict[str, Any] = dict.fromkeys(checklist["items"], True)
            answers["insulation"] = 180.0
            photos = {"outlet_firm": [outlet]}
        else:
            label = hands.link(promise, "label", "photo", item_key="fault_label", **about)
            signed = hands.link(
                promise, "materials", "signature", item_key="free_materials_signed", **about
            )
            site = hands.link(promise, "site", "photo", item_key="site_photo", **about)
            answers = dict.fromkeys(checklist["items"], True) | {
                "client_version": "7.2.1",
                "speed_down": 49.2,
                "speed_up": 9.8,
                "modem_serial": f"T{hands.day.number}",
                "free_materials": "within_rules",
                "free_materials_kind": "indoor cable",
                "free_materials_number": 8,
                "free_materials_signed": signed,
                "site_photo": [site],
            }
            photos = {"fault_label": [label]}
        _answer(hands, promise, checklist, answers, photos)


def _answer(
    hands: Hands,
    promise: Promise,
    checklist: dict[str, Any],
    answers: dict[str, Any],
    photos: dict[str, list[str]] | None = None,
) -> None:
    given = [
        {"item_key": key, "value": value, "photos": (photos or {}).get(key, [])}
        for key, value in answers.items()
    ]
    hands.do(promise, "checklist.answer", checklist_id=checklist["id"], answers=given)


async def upload_evidence(hands: Hands) -> None:
    """Bring the promised bytes after the data, each by a resumable upload (SYNC section 7)."""
    for digest, content in hands.evidence.contents.items():
        metadata = {"sha256": digest, "filename": f"{digest[:8]}.png", "mime": "image/png"}
        packed = ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}"
            for name, value in metadata.items()
        )
        created = await hands.day.http.post(
            "/v1/uploads",
            headers={
                "Authorization": f"Bearer {hands.phone.get('token')}",
                "Tus-Resumable": TUS,
                "Upload-Length": str(len(content)),
                "Upload-Metadata": packed,
            },
        )
        if created.status_code != httpx.codes.CREATED:
            raise Refused(created)
        where = created.headers["Location"]
        # In two parts, as a weak network would: the second asks where the first one ended.
        for _ in range(2):
            state = await hands.day.http.head(where, headers={"Tus-Resumable": TUS})
            offset = int(state.headers["Upload-Offset"])
            end = len(content) if offset else len(content) // 2
            sent = await hands.day.http.patch(
                where,
                content=content[offset:end],
                headers={
                    "Tus-Resumable": TUS,
                    "Upload-Offset": str(offset),
                    "Content-Type": "application/offset+octet-stream",
                },
            )
            if sent.status_code != httpx.codes.NO_CONTENT:
                raise Refused(sent)


def took_effect(results: list[tuple[str, dict[str, Any]]]) -> bool:
    """Return whether every command took effect."""
    return all(answer["status"] in {"applied", "merged"} for _, answer in results)


def told(results: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, str | None]]:
    """Return (command, status, code) of results, to show what was seen."""
    return [(command, a["status"], a.get("message") or a.get("code")) for command, a in results]


def ended_at(visit: dict[str, Any]) -> Any:
    """Return when a visit ended."""
    return moment(visit["ended_at"])
