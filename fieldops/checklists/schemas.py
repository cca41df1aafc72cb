"""Read shapes of checklists, shared by REST and pull."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.checklists.rules import Body, Item


class TemplateOnDevice(BaseModel):
    """A template version as a device holds it."""

    id: UUID
    version: int
    code: str = Field(examples=["broadband_install"])
    number: int
    kind: str
    service: str | None
    segment: str | None
    body: Body


class TemplateVersionRead(TemplateOnDevice):
    """A published version of a template."""

    published_at: datetime
    published_by: UUID | None
    retired_at: datetime | None = Field(description="Since when its template is not given out.")
    retired_reason: str | None


class TemplateDraftRead(BaseModel):
    """A draft as it was saved last."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    code: str = Field(examples=["broadband_install"])
    kind: str
    service: str | None
    segment: str | None
    body: dict[str, Any]
    state: str = Field(examples=["open"], description="open, published or discarded")
    edited_by: UUID
    updated_at: datetime


class TemplateFinding(BaseModel):
    """Something that keeps a draft from being published."""

    field: str = Field(examples=["body.items.3.text_zh"])
    rule: str = Field(examples=["translation"])
    message: str


class DraftCheck(BaseModel):
    """Whether a draft can be published, and all that is wrong with it."""

    ready: bool
    errors: list[TemplateFinding]
    untranslated: list[str] = Field(
        description="Places whose Chinese is the English again; only looked at without errors."
    )


class TemplateFieldChange(BaseModel):
    """One field before and after."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    before: Any
    after: Any


class TemplateItemChange(BaseModel):
    """What changed in an item that both versions have."""

    item_key: str
    fields: list[TemplateFieldChange]


class TemplateChanges(BaseModel):
    """What leads from one version of a template to another."""

    titles: list[TemplateFieldChange]
    added: list[Item]
    removed: list[Item]
    changed: list[TemplateItemChange]
    moved: list[str] = Field(description="Keys of items that stand elsewhere in the order.")


class ChecklistOnDevice(BaseModel):
    """The list of one work order on one visit."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID
    work_order_id: UUID
    template_version_id: UUID
    state: str = Field(examples=["open"])


class AnswerOnDevice(BaseModel):
    """The standing answer to an item."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    checklist_id: UUID
    item_key: str
    value: Any
    note: str | None
    photos: list[str]
    test_id: UUID | None = Field(description="The test it was read from, as the phone named it.")
    technician_id: UUID | None
    estimated_at: datetime


class AnswerRead(AnswerOnDevice):
    """An answer, standing or superseded."""

    superseded: bool
    by_other_technician: bool
    captured_at: datetime | None = Field(description="The device's clock, as it was sent.")
    person_id: UUID
    device_id: UUID | None = Field(description="The device; null when it was given without one.")


class MissingItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    item_key: str
    lacks: str = Field(examples=["answer"], description="answer, photo or remark")


class ChecklistRead(ChecklistOnDevice):
    """A checklist with its standing answers and what it still lacks."""

    centre_id: UUID
    answers: list[AnswerOnDevice]
    missing: list[MissingItem]


class OpenedRead(BaseModel):
    """What a failed item opened by its template's rule."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID
    checklist_id: UUID
    centre_id: UUID
    item_key: str = Field(examples=["trays_earthed"])
    opens: str = Field(examples=["finding"], description="finding, cable_work or desk_task")
    text: str
    answer_id: UUID = Field(description="The version of the answer that opened it.")
    corrected_by: UUID | None = Field(
        description="The standing answer, where that would not have opened it."
    )
    subject_type: str = Field(
        description="finding or work_order; checklist_opened is a task of the desk itself."
    )
    subject_id: UUID
    feature_id: UUID | None
    opened_at: datetime
    withdrawn_at: datetime | None = Field(
        description="When the correction took it back; null while it stands, also where it came "
        "too late because somebody had begun."
    )
    settled_at: datetime | None
    settled_by: UUID | None
    outcome: str | None


class KitCheckOnDevice(BaseModel):
    """A check before leaving."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    template_version_id: UUID
    day: date = Field(description="The local day it was done on.")
    answers: list[dict[str, Any]] = Field(description="{item_key, value} of each item.")
    absent: list[str] = Field(examples=[["spares_modem"]], description="Items answered no.")
    unanswered: list[str] = Field(description="Mandatory items without an answer.")
    complete: bool
    estimated_at: datetime


class KitCheckRead(KitCheckOnDevice):
    """A check before leaving, as the offices see it."""

    technician_id: UUID
    centre_id: UUID
    device_id: UUID | None
    captured_at: datetime | None = Field(description="The device's clock, as it was sent.")
