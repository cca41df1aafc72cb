"""The one table: how a region's road times differ from the formula, zone by zone."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, one_of
from fieldops.travel import rules


class TravelTable(Regional):
    """A region's factors for some hours of the week, or for `any` when the source knows none.

    `cells` are int32 [zone, (x, y)], `factors` uint16 [from, to] in thousandths, 0 unknown, both
    little-endian; `source` is who was asked and `licence` what its map data stand under.
    """

    __tablename__ = "travel_table"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    hours: Mapped[str]
    zone_metres: Mapped[int] = mapped_column(Integer)
    latitude: Mapped[float]
    cells: Mapped[bytes] = mapped_column(LargeBinary)
    factors: Mapped[bytes] = mapped_column(LargeBinary)
    source: Mapped[str]
    licence: Mapped[str]
    made_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "hours"),
        CheckConstraint(
            one_of("hours", (*(h.value for h in rules.Hours), rules.ANY_HOUR)), name="hours_known"
        ),
    )
