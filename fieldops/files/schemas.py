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
    captured_at: datetime
    arrived: bool


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


class Receipt(BaseModel):
    """How much of a visit's promised evidence has arrived (SYNC section 7)."""

    visit_id: UUID
    promised: int = Field(description="Number of contents promised.")
    arrived: int = Field(description="Number of them whose bytes are here.")
    complete: bool
    missing: list[FileLinkRead] = Field(description="The promises still open, oldest first.")


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
