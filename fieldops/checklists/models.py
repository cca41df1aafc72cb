"""Tables of checklists: templates, their versions, a visit's lists, every answer given."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.checklists.rules import Opens
from fieldops.kernel.base import Catalogue, Regional, catalogue_link, link, one_of


class Template(Catalogue):
    """A kind of checklist: for which kind of work, service and segment (CH-01).

    `service` or `segment` None: for every one; a template that names more wins. A retired one
    is given to no further work, and its use is free for another.
    """

    __tablename__ = "checklists_template"
    resource = "checklist_template"

    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    service: Mapped[str | None]
    segment: Mapped[str | None]
    retired_at: Mapped[datetime | None]
    retired_by: Mapped[UUID | None] = catalogue_link("organisation_person", nullable=True)
    retired_reason: Mapped[str | None]

    __table_args__ = (
        Index(
            "uq_checklists_template_use",
            "kind",
            "service",
            "segment",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where="retired_at is null",
        ),
    )


class TemplateDraft(Catalogue):
    """What a supervisor is writing; anything may still be wrong with it (CH-01).

    `body` is JSON as it was sent. There is one open draft for a code.
    """

    __tablename__ = "checklists_template_draft"
    resource = "template_draft"

    code: Mapped[str]
    kind: Mapped[str]
    service: Mapped[str | None]
    segment: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="open")
    edited_by: Mapped[UUID] = catalogue_link("organisation_person")

    __table_args__ = (
        CheckConstraint("state in ('open', 'published', 'discarded')", name="state_known"),
        Index(
            "uq_checklists_template_draft_open",
            "code",
            unique=True,
            postgresql_where="state = 'open'",
        ),
    )


class TemplateVersion(Catalogue):
    """A published version of a template; it never changes afterwards (CH-01).

    `body` is a `rules.Body` as JSON: titles and items.
    """

    __tablename__ = "checklists_template_version"
    resource = "template"

    template_id: Mapped[UUID] = catalogue_link("checklists_template")
    number: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]
    published_by: Mapped[UUID | None] = catalogue_link("organisation_person", nullable=True)

    __table_args__ = (
        UniqueConstraint("template_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
    )


class Checklist(Regional):
    """The list of one work order on one visit, bound to the version it started with (CH-01)."""

    __tablename__ = "checklists_checklist"
    resource = "checklist"
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    work_order_id: Mapped[UUID] = link("orders_work_order")
    template_version_id: Mapped[UUID] = catalogue_link("checklists_template_version")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    state: Mapped[str] = mapped_column(default="open")

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id", "work_order_id"),
        CheckConstraint("state in ('open', 'complete')", name="state_known"),
    )


class Answer(Regional):
    """One answer to one item; a later answer to the item supersedes it, and both stay (CH-05).

    `value` is the JSON value of the item's type. `test_id` is the test it was read from, as the
    phone named it, whether the visit has one or not. `device_id` is the phone it was given on,
    None when it was given without one. `captured_at` is the device's clock as sent,
    `estimated_at` the server's estimate of when it was given.
    """

    __tablename__ = "checklists_answer"
    resource = "answer"
    prose = frozenset({"value", "note"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    checklist_id: Mapped[UUID] = link("checklists_checklist", index=False)
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    item_key: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)
    note: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(default=list)
    test_id: Mapped[UUID | None]
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    person_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    by_other_technician: Mapped[bool] = mapped_column(default=False)
    superseded: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index(
            "uq_checklists_answer_standing",
            "region_id",
            "checklist_id",
            "item_key",
            unique=True,
            postgresql_where="not superseded",
        ),
        Index("ix_checklists_answer_checklist_id", "region_id", "checklist_id"),
    )


class Opened(Regional):
    """What an answer opened by its item's rule, once for an item of a list.

    `answer_id` is the version that opened it; `corrected_by` the standing answer that would not,
    None while the standing one does; `withdrawn_at` is when the correction took it back, None
    where somebody had begun it. `subject_*` is the finding or work order that was opened or
    was open already; a task of the desk is this row, settled with its outcome. Work without a
    piece of plant in the record is opened as a finding.
    """

    __tablename__ = "checklists_opened"
    resource = "checklist_opened"
    prose = frozenset({"text", "outcome"})
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    checklist_id: Mapped[UUID] = link("checklists_checklist", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    item_key: Mapped[str]
    opens: Mapped[str]
    text: Mapped[str]
    answer_id: Mapped[UUID] = link("checklists_answer")
    corrected_by: Mapped[UUID | None] = link("checklists_answer", nullable=True)
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    opened_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[UUID | None] = catalogue_link("organisation_person", nullable=True)
    outcome: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("region_id", "checklist_id", "item_key", "opens"),
        CheckConstraint(one_of("opens", Opens), name="opens_known"),
        CheckConstraint(
            "subject_type in ('finding', 'work_order', 'checklist_opened')", name="subject_known"
        ),
        CheckConstraint(
            "(settled_at is null) = (settled_by is null)"
            " and (settled_at is null) = (outcome is null)",
            name="settled_whole",
        ),
        CheckConstraint("settled_at is null or opens = 'desk_task'", name="tasks_are_settled"),
        CheckConstraint(
            "withdrawn_at is null or (corrected_by is not null and settled_at is null)",
            name="withdrawn_by_correction",
        ),
    )


class KitCheck(Regional):
    """What a technician had of the kit list before leaving, on a local day (VI-02).

    Every check stays, and the last one of a day stands. `answers` are {item_key, value};
    `absent` the items answered no, `unanswered` the mandatory ones without an answer.
    """

    __tablename__ = "checklists_kit_check"
    resource = "kit_check"

    technician_id: Mapped[UUID] = link("organisation_technician", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    day: Mapped[date]
    template_version_id: Mapped[UUID] = catalogue_link("checklists_template_version")
    answers: Mapped[list[Any]] = mapped_column(JSONB)
    absent: Mapped[list[str]]
    unanswered: Mapped[list[str]]
    complete: Mapped[bool]
    device_id: Mapped[UUID | None]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_checklists_kit_check_day", "region_id", "technician_id", "day", "estimated_at"),
    )
