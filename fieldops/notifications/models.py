"""Tables of notifications: messages and their delivery, browsers, warnings of limits."""

from datetime import datetime
from typing import ClassVar, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, Text, UniqueConstraint, column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.limits import Stage
from fieldops.notifications import rules


class Message(Regional):
    """A reminder to a customer, unique by `dedupe_key`; it holds no contact data and no text.

    The address is read and the text written when it is sent. `not_after`: later it is useless.
    `quiet_exempt`: it may go out in quiet hours (AP-09). `step` is the ladder's step it was
    planned by, `ways` that step's channels in order (None: the installation's), and
    `receipt_minutes` how long a receipt may take; `receipt_due_at` is set while one is awaited.
    """

    __tablename__ = "notifications_message"
    resource = "message"
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    appointment_id: Mapped[UUID | None] = link("appointments_appointment", nullable=True)
    follow_up_id: Mapped[UUID | None] = link("followups_follow_up", nullable=True)
    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    dedupe_key: Mapped[str]
    state: Mapped[str]
    due_at: Mapped[datetime]
    not_after: Mapped[datetime]
    quiet_exempt: Mapped[bool] = mapped_column(default=False)
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    expected_arrival: Mapped[datetime | None]
    technician_name: Mapped[str | None]
    certificate_number: Mapped[str | None]
    step: Mapped[str | None]
    ways: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    receipt_minutes: Mapped[int | None] = mapped_column(Integer)
    receipt_due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    channel: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", get_args(rules.Kind)), name="kind_known"),
        CheckConstraint(one_of("state", get_args(rules.State)), name="state_known"),
        CheckConstraint("(kind = 'follow_up') = (follow_up_id is not null)", name="asks_about"),
        CheckConstraint(
            f"channel is null or {one_of('channel', get_args(rules.ChannelName))}",
            name="channel_known",
        ),
        CheckConstraint(
            "state <> 'sending' or (claimed_at is not null and channel is not null)",
            name="claim_known",
        ),
        UniqueConstraint("region_id", "dedupe_key"),
        Index(
            "ix_notifications_message_due",
            "region_id",
            "due_at",
            postgresql_where=column("state") == "planned",
        ),
        Index(
            "ix_notifications_message_sending",
            "region_id",
            "claimed_at",
            postgresql_where=column("state") == "sending",
        ),
        Index(
            "ix_notifications_message_receipt",
            "region_id",
            "receipt_due_at",
            postgresql_where=column("receipt_due_at").is_not(None),
        ),
    )


class DeliveryAttempt(Regional):
    """One try to send a message: the log of deliveries, written before the try (AP-10)."""

    __tablename__ = "notifications_attempt"
    resource = "delivery_attempt"
    prose = frozenset({"reference"})
    belongs_to = "message_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    message_id: Mapped[UUID] = link("notifications_message")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    number: Mapped[int]
    channel: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    reference: Mapped[str | None]  # the peer's name for it
    receipt: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(
            "outcome is null or outcome in ('sent', 'not_sent', 'refused', 'unknown')",
            name="outcome_known",
        ),
        UniqueConstraint("region_id", "message_id", "number"),
        Index(
            "ix_notifications_attempt_reference",
            "region_id",
            "reference",
            postgresql_where=column("reference").is_not(None),
        ),
    )


class Receipt(Regional):
    """What the peer said later of one part of a sent message; None while it has said nothing.

    A long text message goes in parts, and each has its own name at the peer.
    """

    __tablename__ = "notifications_receipt"
    resource = "receipt"
    belongs_to = "attempt_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    attempt_id: Mapped[UUID] = link("notifications_attempt")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    channel: Mapped[str]
    reference: Mapped[str]
    state: Mapped[str | None]
    at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_notifications_receipt_reference", "region_id", "channel", "reference"),
    )


class PushSubscription(Regional):
    """A browser of somebody that is woken by web push (RFC 8030); gone when it says so.

    `endpoint` is the push service's address for this browser, `p256dh` and `auth` its keys
    (RFC 8291), as the browser gave them.
    """

    __tablename__ = "notifications_push_subscription"
    resource = "push_subscription"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    person_id: Mapped[UUID] = catalogue_link("organisation_person")
    endpoint: Mapped[str]
    p256dh: Mapped[str]
    auth: Mapped[str]
    label: Mapped[str | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("region_id", "endpoint"),)


class LimitWarning(Regional):
    """A warning to one person that a matter nears or passed its limit, once for each limit.

    `about` names the limit (`fieldops.kernel.limits`), `record_id` the matter. `due_at` is part of
    what it is once for: a limit that moved is another one. `told_at`: when the person was written
    to or woken; `over_at`: since when it is no longer true.
    """

    __tablename__ = "notifications_warning"
    resource = "warning"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    person_id: Mapped[UUID] = catalogue_link("organisation_person")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    about: Mapped[str]
    record_id: Mapped[UUID]
    stage: Mapped[str]
    percent: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    warned_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("stage", Stage), name="stage_known"),
        UniqueConstraint("region_id", "about", "record_id", "due_at", "stage", "person_id"),
        Index(
            "ix_notifications_warning_open",
            "region_id",
            "about",
            postgresql_where=column("over_at").is_(None),
        ),
        Index(
            "ix_notifications_warning_untold",
            "region_id",
            "person_id",
            postgresql_where="told_at is null and over_at is null",
        ),
    )
