"""Tables of the customers: without contact data, which stands in pii.py alone."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.customers import rules
from fieldops.customers.errors import CustomerKnown, PremisesKnown
from fieldops.kernel import geo
from fieldops.kernel.base import Catalogue, Regional, catalogue_link, one_of
from fieldops.kernel.commands import refuse_on


class Customer(Regional):
    """Somebody who is served, known by segment and tier only (CU-01).

    `locale` is the language of messages (zh_CN, en, ...); `centre_id` is the centre that looks
    after the customer, None when several do.
    """

    __tablename__ = "customers_customer"
    resource = "customer"

    external_ref: Mapped[str | None]
    segment: Mapped[str]
    tier: Mapped[str]
    locale: Mapped[str]
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)

    __table_args__ = (
        UniqueConstraint("region_id", "external_ref"),
        CheckConstraint(
            f"({one_of('segment', sorted(rules.BUSINESS))}"
            f" and {one_of('tier', rules.BUSINESS_TIERS)})"
            f" or ({one_of('segment', ('household', 'personal'))}"
            f" and {one_of('tier', rules.PRIVATE_TIERS)})",
            name="tier_fits",
        ),
    )


class Premises(Regional):
    """A home or office: address, point (SRID 4326), building, access notes (CU-03)."""

    __tablename__ = "customers_premises"
    resource = "premises"
    prose = frozenset({"access_notes"})

    external_ref: Mapped[str | None]
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    street: Mapped[str]
    house_number: Mapped[str]
    unit: Mapped[str | None]  # the stair and flat, for instance "B 14"
    postcode: Mapped[str]
    city: Mapped[str]
    building: Mapped[str | None]
    access_notes: Mapped[str | None]
    point: Mapped[str] = mapped_column(geo.point_column(), nullable=False)

    __table_args__ = (
        UniqueConstraint("region_id", "external_ref"),
        Index("ix_customers_premises_point", "region_id", "point", postgresql_using="gist"),
        Index("ix_customers_premises_street", "region_id", "street", "house_number"),
    )


class Export(Regional):
    """The register of lists that left as a file: who, when, which rows of whom, why (CU-04).

    Only added to. `customer_ids` are those whose records were in it; the erasure of one of them
    takes the words of the reason and the filters.
    """

    __tablename__ = "customers_export"
    resource = "export"
    prose = frozenset({"reason", "query"})
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    reader_id: Mapped[UUID]
    at: Mapped[datetime]
    source: Mapped[str]
    operation: Mapped[str]
    query: Mapped[dict[str, Any]]
    format: Mapped[str]
    rows: Mapped[int]
    sha256: Mapped[str]
    customer_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint(one_of("format", rules.TakenAs), name="format_known"),
        Index("ix_customers_export_reader", "region_id", "reader_id", "at"),
        Index("ix_customers_export_customers", "customer_ids", postgresql_using="gin"),
    )


class ServiceStandard(Catalogue):
    """A time limit in minutes with its upper limit; an empty key column means every value (CU-02).

    `region_number` None holds everywhere; a region's own rows stand above those.
    """

    __tablename__ = "customers_service_standard"
    resource = "service_standard"

    region_number: Mapped[int | None] = mapped_column(Integer)
    segment: Mapped[str | None]
    tier: Mapped[str | None]
    service: Mapped[str | None]
    task: Mapped[str]
    minutes: Mapped[int]
    upper_minutes: Mapped[int]

    __table_args__ = (
        UniqueConstraint(
            "task",
            "tier",
            "segment",
            "service",
            "region_number",
            name="uq_customers_service_standard_key",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint(one_of("task", tuple(rules.Task)), name="task_known"),
        CheckConstraint("minutes > 0 and upper_minutes >= minutes", name="limits_in_order"),
    )


refuse_on("uq_customers_customer_external_ref", CustomerKnown)
refuse_on("pk_customers_customer", CustomerKnown)
refuse_on("uq_customers_premises_external_ref", PremisesKnown)
refuse_on("pk_customers_premises", PremisesKnown)
