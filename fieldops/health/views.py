"""Device views of health records: there before the technician arrives (HR-03)."""

from typing import Any

from sqlalchemy import Select, case, func, or_, select

from fieldops.health.models import HealthReading, HealthRecord
from fieldops.health.schemas import HealthReadingOnDevice, HealthRecordOnDevice
from fieldops.kernel.views import DeviceScope, document, view
from fieldops.visits.views import own_visits, reach
from fieldops.visits.views.work import fields

LAST = 5


@view("health_record", rank=35, schema=HealthRecordOnDevice)
def records(scope: DeviceScope) -> Select[Any]:
    """Return the health records of the lines at the premises of own visits (HR-03)."""
    own = own_visits(scope)
    needed = reach.first_tier(own, own.c.premises_id)
    return (
        document(HealthRecord, fields(HealthRecord, HealthRecordOnDevice), tier=needed.c.tier)
        .select_from(HealthRecord)
        .join(needed, needed.c.key == HealthRecord.premises_id)
        .where(HealthRecord.region_id == scope.region_id)
    )


@view("health_reading", rank=40, schema=HealthReadingOnDevice)
def readings(scope: DeviceScope) -> Select[Any]:
    """Return the baseline and the last five readings of those records (HR-02, HR-03)."""
    own = own_visits(scope)
    needed = reach.first_tier(own, own.c.premises_id)
    ranked = (
        select(
            HealthReading.id.label("key"),
            needed.c.tier.label("tier"),
            func.row_number()
            .over(
                partition_by=HealthReading.record_id,
                order_by=(HealthReading.estimated_at.desc(), HealthReading.id.desc()),
            )
            .label("place"),
        )
        .select_from(HealthReading)
        .join(
            HealthRecord,
            (HealthRecord.region_id == HealthReading.region_id)
            & (HealthRecord.id == HealthReading.record_id),
        )
        .join(needed, needed.c.key == HealthRecord.premises_id)
        .where(
            HealthReading.region_id == scope.region_id, HealthRecord.region_id == scope.region_id
        )
        .subquery("ranked")
    )
    held = own_visits(scope).alias("held")
    # The visit is named only where the device holds it: no child without its parent.
    visit_id = case((held.c.visit_id.is_not(None), HealthReading.visit_id))
    return (
        document(
            HealthReading,
            fields(HealthReading, HealthReadingOnDevice, visit_id=visit_id),
            tier=ranked.c.tier,
        )
        .select_from(HealthReading)
        .join(ranked, ranked.c.key == HealthReading.id)
        .outerjoin(held, held.c.visit_id == HealthReading.visit_id)
        .where(
            HealthReading.region_id == scope.region_id,
            or_(ranked.c.place <= LAST, HealthReading.is_baseline),
        )
    )
