"""Tables of quality: prints of photos, looks at visits, flags on their evidence."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.quality import rules


class PhotoPrint(Regional):
    """The print of a stored content in four bands of 16 bits; none when it is not usable."""

    __tablename__ = "quality_photo_print"
    resource = "photo_print"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    sha256: Mapped[str]
    state: Mapped[str]
    band_a: Mapped[int | None] = mapped_column(Integer)
    band_b: Mapped[int | None] = mapped_column(Integer)
    band_c: Mapped[int | None] = mapped_column(Integer)
    band_d: Mapped[int | None] = mapped_column(Integer)
    made_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "sha256"),
        CheckConstraint(one_of("state", rules.PrintState), name="state_known"),
        CheckConstraint(
            "num_nonnulls(band_a, band_b, band_c, band_d) = "
            "case when state = 'usable' then 4 else 0 end",
            name="bands_whole",
        ),
        Index("ix_quality_photo_print_band_a", "region_id", "band_a"),
        Index("ix_quality_photo_print_band_b", "region_id", "band_b"),
        Index("ix_quality_photo_print_band_c", "region_id", "band_c"),
        Index("ix_quality_photo_print_band_d", "region_id", "band_d"),
    )


class EvidenceLook(Regional):
    """That the machine has looked at the evidence of a visit, and when last."""

    __tablename__ = "quality_evidence_look"
    resource = "evidence_look"
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    looked_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id"),
        Index("ix_quality_evidence_look_at", "region_id", "looked_at"),
    )


class EvidenceFlag(Regional):
    """Something unlikely in the evidence of a visit: asked, answered, decided (QA-05).

    `subject_id` is the photo's link, the test, the arrival, the technician (for the clock) or the
    visit itself. `reason` has a sentence per language; `found` and `thresholds` are the values.
    `technician_id` is whose evidence it is, who alone answers.
    """

    __tablename__ = "quality_evidence_flag"
    resource = "evidence_flag"
    prose = frozenset({"answer", "decision_reason"})
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    kind: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    reason: Mapped[dict[str, Any]]
    found: Mapped[dict[str, Any]]
    thresholds: Mapped[dict[str, Any]]
    state: Mapped[str]
    found_at: Mapped[datetime]
    answer_until: Mapped[datetime]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id", "kind", "subject_id"),
        CheckConstraint(one_of("kind", rules.Check), name="kind_known"),
        CheckConstraint(one_of("state", rules.FlagState), name="state_known"),
        CheckConstraint("(answer is null) = (answered_at is null)", name="answer_whole"),
        CheckConstraint(
            "(state in ('holds', 'false_alarm')) = (decided_at is not null) and "
            "(decided_at is null) = (decision_reason is null)",
            name="decision_whole",
        ),
        Index("ix_quality_evidence_flag_state", "region_id", "state", "centre_id"),
        Index("ix_quality_evidence_flag_found", "region_id", "found_at"),
    )
