"""The history of a piece of plant, out of the audit: what changed, why, by whom, where (RE-05)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, cast, select
from sqlalchemy.types import Uuid

from fieldops.kernel import commands
from fieldops.kernel.audit import MASK, Audit
from fieldops.kernel.ledger import LedgerEntry
from fieldops.network.models import NetworkFeature
from fieldops.organisation.models import Person

SUBJECT = "visit_id"


def of_feature(region_id: int, feature_id: UUID) -> Select[Any]:
    """Return the statement for a feature's changes, oldest first; the caller has read it in scope.

    The visit is the one the change names, or else the one its command was about.
    """
    named = Audit.after["state_visit_id"].astext
    about_visits = sorted({s.name for s in commands.REGISTRY.values() if s.subject == SUBJECT})
    visit = case(
        (and_(named.is_not(None), named != MASK), cast(named, Uuid)),
        (Audit.command.in_(about_visits), LedgerEntry.subject_id),
    )
    return (
        select(
            Audit.id,
            Audit.at,
            Audit.captured_at,
            Audit.entity_version.label("version"),
            Audit.action,
            Audit.command,
            Audit.before,
            Audit.after,
            Audit.reason,
            Audit.actor_id,
            Person.name.label("actor_name"),
            Audit.device_id,
            visit.label("visit_id"),
        )
        .outerjoin(Person, Person.id == Audit.actor_id)
        .outerjoin(
            LedgerEntry,
            and_(LedgerEntry.region_id == region_id, LedgerEntry.id == Audit.command_id),
        )
        .where(
            Audit.region_id == region_id,
            Audit.entity == NetworkFeature.__tablename__,
            Audit.entity_id == feature_id,
        )
        .order_by(Audit.id)
    )
