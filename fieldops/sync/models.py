"""Tables of sync: devices, what they hold, cases, the epoch of a region.

None of them wakes devices (`counted` False): a device's own news are its `last_seq` and
`case_gen`, which are part of the key of its fast path.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from fieldops.kernel.base import Base, Regional, link, one_of
from fieldops.sync import rules


class Device(Regional):
    """One registration: an installation of the app for one user.

    `last_seq` is the last command taken; `gen_sent` and `gen_confirmed` the generations of the
    view record; `view_*` what the fast path compares, `view_counters` how far the
    log of each of its `view_centres` is known to it, `view_ground` the mark of the rows its views
    stand on, `view_catalogue` the generation of the
    catalogues that its rows are of (`catalogue_now` the one of now, where a list asks for it);
    `grants_seen` the grants its user had at
    the last full pull (`grants_former` those before `grants_since`); `clock_*` the device's
    clock at the last push and the server's time then;
    `failing_*` the command that failed by a programming error and how often; `last_stop` why
    its last push ended early; `replaced_*` the newer installation of the same user; `anomalies`
    how often it behaved as two installations with one key would; `captures_from` when the first
    of the installations it replaced was registered; `erasures_due` the erasures it
    has not acknowledged. The hot columns are written by statements, so that the audit keeps
    only what people change.
    """

    __tablename__ = "sync_device"
    resource = "device"
    counted: ClassVar[bool] = False
    masked: ClassVar[frozenset[str]] = frozenset({"key_hash"})

    person_id: Mapped[UUID]
    centre_id: Mapped[UUID | None]
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    state_reason: Mapped[str | None]
    wiped_at: Mapped[datetime | None]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    registered_at: Mapped[datetime]
    app_version: Mapped[str]
    schema: Mapped[int]
    last_seen_at: Mapped[datetime]

    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    case_gen: Mapped[int] = mapped_column(BigInteger, default=0)
    failing_command_id: Mapped[UUID | None]
    failing_attempts: Mapped[int] = mapped_column(default=0)
    queued: Mapped[int] = mapped_column(default=0)
    oldest_queued: Mapped[str | None]
    oldest_queued_at: Mapped[datetime | None]
    last_stop: Mapped[str | None]
    last_stop_at: Mapped[datetime | None]
    replaced_by: Mapped[UUID | None]
    replaced_at: Mapped[datetime | None]
    anomalies: Mapped[int | None]
    captures_from: Mapped[datetime | None]

    gen_sent: Mapped[int] = mapped_column(BigInteger, default=0)
    gen_confirmed: Mapped[int] = mapped_column(BigInteger, default=0)
    view_key: Mapped[str] = mapped_column(default="")
    view_valid_until: Mapped[datetime | None]
    view_centres: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    view_rows: Mapped[int] = mapped_column(default=0)
    view_hash: Mapped[str] = mapped_column(default="0" * 16)
    view_catalogue: Mapped[int | None] = mapped_column(BigInteger)
    view_counters: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger()))
    view_ground: Mapped[str | None]
    catalogue_now: Mapped[int | None] = query_expression()
    hash_differences: Mapped[int] = mapped_column(default=0)
    differed_at: Mapped[datetime | None]

    erasures_due: Mapped[int | None] = mapped_column(default=0)

    grants_seen: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    grants_former: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    grants_since: Mapped[datetime]

    clock_boot_id: Mapped[str | None]
    clock_mono_ms: Mapped[int | None] = mapped_column(BigInteger)
    clock_server_time: Mapped[datetime | None]
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint("state in ('active', 'locked', 'revoked')", name="state_known"),
        CheckConstraint("gen_confirmed <= gen_sent", name="generations_in_order"),
        Index("ix_sync_device_person", "region_id", "person_id"),
    )


class HeldRow(Base):
    """One row in one version as a device holds it, in two phases.

    The device at generation c holds the rows with added_gen <= c and no removed_gen or one
    above c. A changed row is the old version removed and the new one added in the same
    generation.
    """

    __tablename__ = "sync_held_row"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_gen: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int]
    removed_gen: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["region_id", "device_id"], ["sync_device.region_id", "sync_device.id"]
        ),
    )


class ReplicacheClient(Base):
    """One client of a Replicache client group: its last mutation that was taken.

    `seq` is the place that mutation got in the device's order, `epoch` the region's then.
    """

    __tablename__ = "sync_replicache_client"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["region_id", "device_id"], ["sync_device.region_id", "sync_device.id"]
        ),
    )


class Case(Regional):
    """Held or rejected work at the late-work desk: the command it began with and its dependents.

    `status` says how the first command ended (held or rejected), `state` how the case stands.
    `blocks`: it was a decision (or unknown), so that later decisions on the record wait for it.
    """

    __tablename__ = "sync_case"
    resource = "case"
    counted: ClassVar[bool] = False

    device_id: Mapped[UUID] = link("sync_device")
    person_id: Mapped[UUID]
    centre_id: Mapped[UUID | None]
    subject_type: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    first_command_id: Mapped[UUID]
    name: Mapped[str]
    status: Mapped[str]
    blocks: Mapped[bool]
    code: Mapped[str]
    message: Mapped[str]
    advice: Mapped[str]
    next_steps: Mapped[list[str]]
    details: Mapped[dict[str, Any]]
    entries: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[datetime]
    handler_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    reason: Mapped[str | None]
    outcome: Mapped[dict[str, Any] | None]

    __table_args__ = (
        CheckConstraint("status in ('held', 'rejected')", name="status_known"),
        CheckConstraint(
            one_of("state", rules.CaseState),
            name="state_known",
        ),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided_when_closed"),
        Index("ix_sync_case_state", "region_id", "state", "id"),
    )


class CaseEntry(Regional):
    """One command of a case with everything needed to run it later.

    `id` is its id in the ledger: the command's own, or a derived one when that was used before.
    """

    __tablename__ = "sync_case_entry"
    resource = "case_entry"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    case_id: Mapped[UUID] = link("sync_case")
    command_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    v: Mapped[int]
    command: Mapped[Any] = mapped_column(JSON)  # as it came; json, for it is only passed on
    status: Mapped[str]  # held, rejected; later applied, merged, credited, discarded, corrected
    code: Mapped[str]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime | None]
    confidence: Mapped[str | None]
    clock_far_off: Mapped[bool] = mapped_column(default=False)


class ErasureNotice(Regional):
    """That a device must erase a person's rows; open until it acknowledges or is revoked."""

    __tablename__ = "sync_erasure_notice"
    resource = "erasure_notice"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    erasure_id: Mapped[UUID] = link("kernel_erasure", index=False)
    device_id: Mapped[UUID] = link("sync_device")
    delivered_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("region_id", "erasure_id", "device_id"),)


class Epoch(Regional):
    """The epoch of a region's data; a restore bumps it (SYNC section 4). No row: epoch 1."""

    __tablename__ = "sync_epoch"
    resource = "epoch"
    counted: ClassVar[bool] = False

    epoch: Mapped[int]
    reason: Mapped[str]

    __table_args__ = (UniqueConstraint("region_id"),)
