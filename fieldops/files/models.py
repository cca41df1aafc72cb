"""Tables of files: contents, uploads in progress, links to what they are evidence of."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link


class File(Regional):
    """A content by its sha256 (lower case hex): promised by a link, or stored.

    `bytes`, `mime` (as found in the content) and `stored_at` are set together when it arrives.
    """

    __tablename__ = "files_file"
    resource = "file"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    sha256: Mapped[str]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    mime: Mapped[str | None]
    stored_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("region_id", "sha256"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint(
            "(stored_at is null) = (bytes is null) and (stored_at is null) = (mime is null)",
            name="stored_whole",
        ),
        Index("ix_files_file_stored", "region_id", "stored_at"),
    )


class Upload(Regional):
    """A tus upload: `position` bytes of `length` are safe in the store.

    `token_hash` is the SHA-256 of the token that is good for this upload only, `sent_metadata`
    what the client said at the creation and reads back. `writer` holds the lease of the request
    that writes, where the store has no locks. `dropped_at`: terminated or refused; the row stays
    for a day, for the quota counts it.
    """

    __tablename__ = "files_upload"
    resource = "upload"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    owner_id: Mapped[UUID] = catalogue_link("organisation_person")
    length: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str]
    filename: Mapped[str | None]
    mime: Mapped[str | None]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    sent_metadata: Mapped[str | None]
    writer: Mapped[UUID | None]
    writer_until: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(writer is null) = (writer_until is null)", name="lease_whole"),
        CheckConstraint("position between 0 and length", name="position_inside"),
        CheckConstraint("completed_at is null or position = length", name="complete_whole"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        Index("ix_files_upload_expires", "region_id", "expires_at"),
    )


class FileLink(Regional):
    """A promise that a content is evidence of something; `arrived` once its bytes are here.

    `visit_id`, `subject_id` and `device_id` name rows of higher modules and are therefore plain
    ids. `command_id` is the command that named it among its attachments (purpose `attachment`);
    while that waits at the late-work desk, the subject is the command itself. `given_up_at`: an
    office has decided that it will not come any more. `overdue_since`: when the worker noted that
    it has been missing for too long, so that phones are told.
    """

    __tablename__ = "files_link"
    resource = "file_link"
    belongs_to = "visit_id"

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    mime: Mapped[str]
    purpose: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    item_key: Mapped[str | None]
    visit_id: Mapped[UUID | None]
    technician_id: Mapped[UUID | None]
    captured_at: Mapped[datetime]
    device_id: Mapped[UUID | None]
    command_id: Mapped[UUID | None]
    arrived: Mapped[bool] = mapped_column(default=False)
    given_up_at: Mapped[datetime | None]
    overdue_since: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "purpose in ('photo', 'signature', 'notice', 'report', 'attachment')", name="purpose"
        ),
        CheckConstraint("bytes > 0", name="bytes_positive"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        Index("ix_files_link_visit", "region_id", "visit_id"),
        Index("ix_files_link_subject", "region_id", "subject_type", "subject_id"),
        Index("ix_files_link_technician", "region_id", "technician_id", "captured_at"),
        Index("ix_files_link_sha256", "region_id", "sha256"),
        Index("ix_files_link_device", "region_id", "device_id"),
        Index("ix_files_link_missing", "region_id", "captured_at", postgresql_where="not arrived"),
    )
