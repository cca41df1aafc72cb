"""Tables of the network record: features, ties, services with their access paths, findings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel import geo
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on
from fieldops.network import rules
from fieldops.network.errors import ConnectionKnown, NameTaken, ServiceKnown


class NetworkService(Regional):
    """A fixed line or broadband service at premises; rates in Mbit/s as sold, broadband only."""

    __tablename__ = "network_service"
    resource = "service"
    belongs_to = "customer_id"

    premises_id: Mapped[UUID] = link("customers_premises")
    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    technology: Mapped[str]
    sold_down_mbps: Mapped[int | None] = mapped_column(Integer)
    sold_up_mbps: Mapped[int | None] = mapped_column(Integer)
    account: Mapped[str | None]
    state: Mapped[str]

    __table_args__ = (
        UniqueConstraint("region_id", "account"),
        CheckConstraint(one_of("kind", sorted(rules.ServiceKind)), name="kind_known"),
        CheckConstraint(one_of("technology", sorted(rules.Technology)), name="technology_known"),
        CheckConstraint(one_of("state", sorted(rules.ServiceLife)), name="state_known"),
        CheckConstraint("sold_down_mbps > 0 and sold_up_mbps > 0", name="rates_positive"),
    )


class NetworkFeature(Regional):
    """A piece of plant (RE-01); pairs, fibres and ports also have a state (RE-02).

    `shape` is a point or line, SRID 4326; pairs, fibres and ports have none and lie where their
    parent lies. `service_id` is the one service that reserves or occupies it, also while it is
    bad and the service has not been moved. `state_reason`, `state_test` (what was measured),
    `state_since` and `state_visit_id` say why, on what evidence, since when and on which visit
    (RE-05); the audit keeps their history. `claim_until` makes a reservation a lease that a visit
    (`claim_visit_id`) holds until then, whether a service uses it or not.
    """

    __tablename__ = "network_feature"
    resource = "feature"
    prose = frozenset({"state_reason"})
    belongs_to = "state_visit_id"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    name: Mapped[str]
    parent_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    shape: Mapped[str | None] = mapped_column(geo.shape_column())
    state: Mapped[str | None]
    state_reason: Mapped[str | None]
    state_test: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    state_since: Mapped[datetime | None]
    state_visit_id: Mapped[UUID | None]
    claim_until: Mapped[datetime | None]
    claim_visit_id: Mapped[UUID | None]
    service_id: Mapped[UUID | None] = link("network_service", nullable=True)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        UniqueConstraint(
            "region_id",
            "parent_id",
            "kind",
            "name",
            name="uq_network_feature_name",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint(one_of("kind", sorted(rules.FeatureKind)), name="kind_known"),
        CheckConstraint(
            f"({one_of('kind', sorted(rules.STATEFUL))}) = (state is not null)",
            name="state_of_kind",
        ),
        CheckConstraint(one_of("state", sorted(rules.State)), name="state_known"),
        CheckConstraint(
            "(state in ('free', 'retired') and service_id is null)"
            " or (state in ('reserved', 'occupied') and service_id is not null)"
            " or state = 'bad' or (state is null and service_id is null)",
            name="one_service",
        ),
        CheckConstraint(
            "state <> 'bad' or (state_reason is not null and state_since is not null)",
            name="bad_explained",
        ),
        CheckConstraint(
            f"({one_of('kind', sorted(rules.STATEFUL))}) = (shape is null)", name="shape_of_kind"
        ),
        CheckConstraint("claim_until is null or state = 'reserved'", name="claim_reserved"),
        Index(
            "ix_network_feature_claim",
            "region_id",
            "claim_until",
            postgresql_where=text("claim_until is not null"),
        ),
        Index(
            "ix_network_feature_state_visit",
            "region_id",
            "state_visit_id",
            postgresql_where=text("state_visit_id is not null"),
        ),
        Index(
            "ix_network_feature_shape",
            "region_id",
            "shape",
            postgresql_using="gist",
            postgresql_where=text("shape is not null"),
        ),
        Index(
            "ix_network_feature_ground",
            "region_id",
            text("(shape::geography(geometry, 4326))"),
            postgresql_using="gist",
            postgresql_where=text("shape is not null"),
        ),
    )


class NetworkConnection(Regional):
    """A directed tie between two features, seen from the exchange."""

    __tablename__ = "network_connection"
    resource = "connection"

    from_id: Mapped[UUID] = link("network_feature")
    to_id: Mapped[UUID] = link("network_feature")
    kind: Mapped[str]
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")

    __table_args__ = (
        UniqueConstraint("region_id", "from_id", "to_id", "kind", name="uq_network_connection_tie"),
        CheckConstraint(one_of("kind", sorted(rules.Tie)), name="kind_known"),
        CheckConstraint("from_id <> to_id", name="two_ends"),
    )


class PathElement(Regional):
    """One step of a service's access path: position 1 is nearest to the exchange."""

    __tablename__ = "network_path_element"
    resource = "path_element"
    belongs_to = "service_id"

    service_id: Mapped[UUID] = link("network_service")
    position: Mapped[int]
    feature_id: Mapped[UUID] = link("network_feature")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")

    __table_args__ = (
        UniqueConstraint("region_id", "service_id", "position"),
        UniqueConstraint("region_id", "service_id", "feature_id"),
        CheckConstraint("position > 0", name="position_positive"),
    )


class Finding(Regional):
    """Something wrong that was seen on the plant (VI-06): at a feature, at a point, or both.

    `fixed` says whether it was put right on the spot; otherwise the cable department takes it.
    """

    __tablename__ = "network_finding"
    resource = "finding"
    prose = frozenset({"text"})
    belongs_to = "visit_id"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    visit_id: Mapped[UUID | None]
    reporter_id: Mapped[UUID]
    point: Mapped[str | None] = mapped_column(geo.point_column())
    kind: Mapped[str]
    severity: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    captured_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("feature_id is not null or point is not null", name="somewhere"),
        CheckConstraint(one_of("kind", sorted(rules.FeatureKind)), name="kind_known"),
        CheckConstraint(one_of("severity", sorted(rules.Severity)), name="severity_known"),
        CheckConstraint(one_of("state", sorted(rules.FindingState)), name="state_known"),
        Index("ix_network_finding_visit", "region_id", "visit_id"),
        Index("ix_network_finding_point", "region_id", "point", postgresql_using="gist"),
    )


refuse_on("uq_network_feature_name", NameTaken)
refuse_on("pk_network_feature", NameTaken)
refuse_on("uq_network_connection_tie", ConnectionKnown)
refuse_on("pk_network_connection", ConnectionKnown)
refuse_on("uq_network_service_account", ServiceKnown)
refuse_on("pk_network_service", ServiceKnown)
