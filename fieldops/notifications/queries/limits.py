"""What nears or passed its limit: who is to be warned, who has to be told, what is over."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    extract,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.kernel.ids import new_id
from fieldops.kernel.limits import Limit, Stage
from fieldops.kernel.permissions import Role
from fieldops.notifications.models import LimitWarning
from fieldops.organisation.models import Person, Technician
from fieldops.organisation.queries.staff import covering

AT_ONCE = 1000
_KEY = ("region_id", "about", "record_id", "due_at", "stage", "person_id")
_ABOVE = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})


def _owned(running: Select[Any]) -> CTE:
    """Return what runs towards a limit; an owner whose account is closed answers for nothing."""
    one = running.subquery("one")
    return (
        select(
            one.c.record_id, one.c.centre_id, Person.id.label("owner_id"), one.c.since, one.c.due_at
        )
        .outerjoin(Person, and_(Person.id == one.c.owner_id, Person.active))
        .cte("running")
    )


async def warn(
    session: AsyncSession,
    limit: Limit,
    running: Select[Any],
    region_id: int,
    now: datetime,
    percents: Mapping[Stage, float],
) -> int:
    """Write down who is warned of matters past a share of a limit; returns how many warnings.

    Everybody once for each matter, limit and stage, however many look at the same time. A warning
    that was over and is true again is shown again, and tells nobody a second time.
    """
    found = (
        await session.execute(_due(limit, _owned(running), region_id, now, percents))
    ).mappings()
    rows = [
        {
            "region_id": region_id,
            "id": new_id(),
            "version": 1,
            "about": limit.name,
            "warned_at": now,
        }
        | dict(row)
        for row in found
    ]
    if rows:
        again = insert(LimitWarning).on_conflict_do_update(
            index_elements=_KEY,
            set_={"over_at": None, "version": LimitWarning.version + 1},
            where=LimitWarning.over_at.is_not(None),
        )
        await session.execute(again, rows)
    return len(rows)


def _due(
    limit: Limit, running: CTE, region_id: int, now: datetime, percents: Mapping[Stage, float]
) -> Select[Any]:
    """Return the statement for the warnings there should be and are not."""
    staff = covering(region_id, limit.takers | _ABOVE).cte("staff")
    people = union_all(
        *(
            part
            for stage, percent in percents.items()
            for part in _people(limit, running, staff, region_id, now, stage, percent)
        )
    ).subquery("people")
    written = (
        select(LimitWarning.id)
        .where(
            LimitWarning.region_id == region_id,
            LimitWarning.about == limit.name,
            LimitWarning.record_id == people.c.record_id,
            LimitWarning.due_at == people.c.due_at,
            LimitWarning.stage == people.c.stage,
            LimitWarning.person_id == people.c.person_id,
            LimitWarning.over_at.is_(None),
        )
        .exists()
    )
    return (
        select(people)
        .distinct()
        .where(~written)
        .order_by(people.c.due_at, people.c.record_id, people.c.stage, people.c.person_id)
        .limit(AT_ONCE)
    )


def _people(
    limit: Limit,
    running: CTE,
    every: CTE,
    region_id: int,
    now: datetime,
    stage: Stage,
    percent: float,
) -> list[Select[Any]]:
    """Return the statements for who hears of what is past a share of its time, by stage.

    Who is responsible is the owner, or else everybody who may take it; the supervisor is the
    nearest one who is not the owner, the unit above the nearest above.
    """
    at = running.alias(f"at_{stage.value}")
    said = [
        at.c.record_id,
        at.c.centre_id,
        at.c.due_at,
        literal(stage.value).label("stage"),
        literal(int(percent)).label("percent"),
    ]
    seconds = extract("epoch", at.c.due_at - at.c.since) * (percent / 100)
    past = at.c.since + func.make_interval(0, 0, 0, 0, 0, 0, seconds) <= now
    roles = {
        Stage.RESPONSIBLE: limit.takers,
        Stage.SUPERVISOR: {Role.SUPERVISOR},
        Stage.UNIT_ABOVE: _ABOVE,
    }[stage]
    staff = every.alias(f"staff_{stage.value}")
    meant = {
        Stage.RESPONSIBLE: and_(at.c.owner_id.is_(None), _of_department(limit, staff, region_id)),
        Stage.SUPERVISOR: staff.c.person_id.is_distinct_from(at.c.owner_id),
        Stage.UNIT_ABOVE: staff.c.steps > 0,
    }[stage]
    place = func.rank().over(
        partition_by=(at.c.record_id, at.c.due_at, staff.c.role), order_by=staff.c.steps
    )
    ranked = (
        select(*said, staff.c.person_id, place.label("place"))
        .join(staff, staff.c.unit_id == at.c.centre_id)
        .where(past, meant, staff.c.role.in_(sorted(roles)))
        .subquery()
    )
    nearest = select(*(c for c in ranked.c if c.name != "place")).where(ranked.c.place == 1)
    if stage is not Stage.RESPONSIBLE:
        return [nearest]
    own = select(*said, at.c.owner_id.label("person_id")).where(past, at.c.owner_id.is_not(None))
    return [own, nearest]


def _of_department(limit: Limit, staff: Any, region_id: int) -> ColumnElement[bool]:
    """Return the condition for people who may take a matter: of technicians one department's."""
    members = select(Technician.id).where(
        Technician.region_id == region_id, Technician.department == limit.department
    )
    return or_(staff.c.role != Role.TECHNICIAN, staff.c.person_id.in_(members))


async def end(
    session: AsyncSession, limit: Limit, running: Select[Any] | None, region_id: int, now: datetime
) -> None:
    """Mark the warnings that are no longer true: done, moved, or somebody else's by now."""
    over = update(LimitWarning).where(
        LimitWarning.region_id == region_id,
        LimitWarning.about == limit.name,
        LimitWarning.over_at.is_(None),
    )
    if running is not None:
        still = _owned(running)
        mine = or_(
            LimitWarning.stage != Stage.RESPONSIBLE,
            still.c.owner_id.is_(None),
            still.c.owner_id == LimitWarning.person_id,
        )
        over = over.where(
            ~select(still.c.record_id)
            .where(
                still.c.record_id == LimitWarning.record_id,
                still.c.due_at == LimitWarning.due_at,
                mine,
            )
            .exists()
        )
    await session.execute(
        over.values(
            over_at=now, version=LimitWarning.version + 1, updated_at=now
        ).execution_options(synchronize_session=False)
    )


# --- what people are told and see ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has warnings they were not told of."""

    id: UUID
    email: str
    locale: str


async def to_tell(session: AsyncSession, region_id: int, told_before: datetime) -> list[Account]:
    """Return the people with new warnings, left out who was told of others after a moment."""
    lately = aliased(LimitWarning)
    told = (
        select(lately.id)
        .where(
            lately.region_id == region_id,
            lately.region_id == LimitWarning.region_id,
            lately.person_id == LimitWarning.person_id,
            lately.told_at > told_before,
        )
        .exists()
    )
    found = await session.execute(
        select(Person.id, Person.email, Person.locale)
        .join(LimitWarning, LimitWarning.person_id == Person.id)
        .where(LimitWarning.region_id == region_id, *_UNTOLD, Person.active, ~told)
        .distinct()
        .order_by(Person.id)
    )
    return [Account(*row) for row in found]


_UNTOLD = (
    LimitWarning.told_at.is_(None),
    LimitWarning.over_at.is_(None),
    LimitWarning.seen_at.is_(None),
)


async def lock_untold(session: AsyncSession, region_id: int, person_id: UUID) -> list[LimitWarning]:
    """Return a person's new warnings, locked, the oldest first; none that somebody else tells."""
    found = await session.scalars(
        select(LimitWarning)
        .where(LimitWarning.region_id == region_id, LimitWarning.person_id == person_id, *_UNTOLD)
        .order_by(LimitWarning.id)
        .with_for_update(of=LimitWarning, skip_locked=True)
    )
    return list(found)


def warnings(region_id: int, person_id: UUID) -> Select[LimitWarning]:
    """Return the statement for a person's own warnings, by id."""
    return (
        select(LimitWarning)
        .where(LimitWarning.region_id == region_id, LimitWarning.person_id == person_id)
        .order_by(LimitWarning.id)
    )


async def lock_own(
    session: AsyncSession, region_id: int, person_id: UUID, ids: Collection[UUID]
) -> list[LimitWarning]:
    """Return those of a person's own warnings that are among these, locked in order."""
    found = await session.scalars(
        warnings(region_id, person_id)
        .where(LimitWarning.id.in_(sorted(ids)))
        .with_for_update(of=LimitWarning)
    )
    return list(found)
