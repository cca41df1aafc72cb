"""All that was recorded on a visit in one shape, for complaints and inspections."""

from typing import Any
from uuid import UUID

from fieldops.complaints.queries import VisitEvidence
from fieldops.complaints.schemas import (
    CrewMember,
    FactEvidence,
    FileEvidence,
    Link,
    PromiseEvidence,
    VisitEvidenceRead,
)
from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Permission


def shown_evidence(actor: Actor, one: VisitEvidence) -> VisitEvidenceRead:
    """Return the evidence of a visit as an actor may read it: a list is null without its right."""
    visit = one.visit
    times: dict[str, Any] = {
        name: getattr(visit, name)
        for name in (
            "state",
            "departed_at",
            "arrived_at",
            "identity_confirmed_at",
            "started_at",
            "ended_at",
            "signature_refused_reason",
        )
    }
    tests = actor.allows(Permission.MEASUREMENT_READ)
    return VisitEvidenceRead(
        **times,
        visit_id=visit.id,
        href=f"/v1/visits/{visit.id}",
        signed=visit.signature_sha256 is not None,
        crew=[
            CrewMember(
                technician_id=row.technician_id,
                name=row.technician_name,
                is_contact=row.is_contact,
            )
            for row in one.crew
        ],
        promise=PromiseEvidence.model_validate(one.appointment) if one.appointment else None,
        checklists=_links("checklists", one.checklists)
        if actor.allows(Permission.CHECKLIST_READ)
        else None,
        line_tests=_links("line-tests", one.line_tests) if tests else None,
        speed_tests=_links("speed-tests", one.speed_tests) if tests else None,
        files=_files(one) if actor.allows(Permission.FILE_READ) else None,
        facts=[FactEvidence.model_validate(row) for row in one.facts],
    )


def _links(kind: str, ids: list[UUID]) -> list[Link]:
    return [Link(id=id_, href=f"/v1/{kind}/{id_}") for id_ in ids]


def _files(one: VisitEvidence) -> list[FileEvidence]:
    return [
        FileEvidence(
            id=row.id,
            href=f"/v1/files/links/{row.id}",
            purpose=row.purpose,
            sha256=row.sha256,
            arrived=row.arrived,
            captured_at=row.captured_at,
        )
        for row in one.files
    ]
