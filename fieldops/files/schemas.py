"""Read shapes of files."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class FileLinkRead(BaseModel):
    """A promise that a content is evidence of something, and whether its bytes are here."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    centre_id: UUID | None
    sha256: str = Field(
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    )
    bytes: int = Field(description="Length as announced (bytes).")
    mime: str = Field(examples=["image/jpeg"])
    purpose: str = Field(examples=["photo"])
    subject_type: str = Field(examples=["checklist"])
    subject_id: UUID
    item_key: str | None = Field(examples=["modem_label"])
    visit_id: UUID | None
    technician_id: UUID | None
    device_id: UUID | None = Field(description="The phone that promised it.")
    command_id: UUID | None = Field(description="The command that named it as an attachment.")
    captured_at: datetime
    created_at: datetime = Field(description="Since when the server knows of the promise.")
    arrived: bool
    given_up_at: datetime | None = Field(description="When an office decided it will not come.")
    overdue_since: datetime | None = Field(description="When it was noted as missing for too long.")


class FileLinkOnDevice(BaseModel):
    """A promise of evidence for an own visit, and whether its bytes have arrived (SYNC 7)."""

    id: UUID
    version: int
    visit_id: UUID
    sha256: str
    bytes: int
    mime: str
    purpose: str
    subject_type: str
    subject_id: UUID
    item_key: str | None
    captured_at: datetime
    arrived: bool
    overdue_since: datetime | None = Field(
        description="Since when it has been missing for too long; counts while not `arrived`."
    )


class Evidence(BaseModel):
    """How much of what was promised for a visit has arrived, and how much is late (SYNC 7)."""

    model_config = ConfigDict(from_attributes=True)

    promised: int = Field(description="Number of contents promised.")
    arrived: int = Field(description="Number of them whose bytes are here.")
    overdue: int = Field(description="Number still waited for, longer than file_missing_after.")


class Receipt(BaseModel):
    """How much of a visit's promised evidence has arrived (SYNC section 7)."""

    visit_id: UUID
    promised: int = Field(description="Number of contents promised.")
    arrived: int = Field(description="Number of them whose bytes are here.")
    complete: bool = Field(description="All promised have arrived, with equal hashes.")
    missing_since: datetime | None = Field(description="The oldest capture that is missing.")
    overdue: int = Field(description="Number still waited for, longer than file_missing_after.")
    missing: list[FileLinkRead] = Field(description="The promises still open, oldest first.")


class DeviceReceipt(BaseModel):
    """How much of what a phone has promised has arrived (SYNC section 7)."""

    model_config = ConfigDict(from_attributes=True)

    device_id: UUID
    technician_id: UUID | None
    promised: int = Field(description="Number of contents promised.")
    arrived: int = Field(description="Number of them whose bytes are here.")
    missing: int = Field(description="Number of them still waited for.")
    overdue: int = Field(description="Number of these waited for longer than file_missing_after.")
    missing_since: datetime | None = Field(description="The oldest capture that is missing.")


class UploadRead(BaseModel):
    """An unfinished upload of one's own; its address is known only to who created it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sha256: str
    filename: str | None
    length: int = Field(description="Length of the whole (bytes).")
    position: int = Field(description="Bytes that are safe on the server.")
    expires_at: datetime
    completed_at: datetime | None
