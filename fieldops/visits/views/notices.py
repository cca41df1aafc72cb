"""Device view of notices: what a technician must hear of, also when the visit has left."""

from typing import Any

from sqlalchemy import Select, select

from fieldops.kernel.views import TODAY, DeviceScope, document, view
from fieldops.organisation.models import Person
from fieldops.visits import rules
from fieldops.visits.models import Notice
from fieldops.visits.schemas import NoticeOnDevice
from fieldops.visits.views.work import fields


@view("notice", rank=5, schema=NoticeOnDevice, own=True)
def notices(scope: DeviceScope) -> Select[Any]:
    """Return a technician's unread notices of the last 14 days.

    With the lowest rank and today's tier they come right after the dels, so that a page that
    takes a visit away brings the notice of it.
    """
    name = select(Person.name).where(Person.id == Notice.by_id).scalar_subquery()
    until = Notice.at + rules.NOTICES_KEPT
    columns = fields(Notice, NoticeOnDevice, by_name=name)
    return document(Notice, columns, tier=TODAY, until=until).where(
        Notice.region_id == scope.region_id,
        Notice.technician_id == scope.person_id,
        Notice.at > scope.now - rules.NOTICES_KEPT,
        Notice.read_at.is_(None),
    )
