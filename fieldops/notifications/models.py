"""Tables of notifications: the message as planned, and each attempt to deliver it."""

from datetime import datetime
from typing import ClassVar, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.notifications import rules


class Message(Regional):
    """A reminder to a customer, unique by `dedupe_key`; it holds no contact data and no text.

    The address is read and the text written when it is sent. `not_after`: later it is useless.
    `quiet_exempt`: it may go out in quiet hours (AP-09).
    """

    __tablename__ = "notifications_message"
    resource = "message"
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    appointment_id: Mapped[UUID | None] = link("appointments_appointment", nullable=True)
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
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    channel: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", get_args(rules.Kind)), name="kind_known"),
        CheckConstraint(one_of("state", get_args(rules.State)), name="state_known"),
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
