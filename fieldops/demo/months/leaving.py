"""The register of who may leave in the demo's three months (CU-09), with its revisits.

Who was let down is more often in it; others look at prices. Most are revisited in time.
"""

import random
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fieldops.complaints.models import Complaint
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import Row
from fieldops.demo.months.rows import Book
from fieldops.demo.standing import customer_centres
from fieldops.followups.models import FollowUp
from fieldops.followups.rules import Satisfaction
from fieldops.retention.models import ChurnCase, Revisit
from fieldops.retention.rules import REVISIT_WITHIN, Purpose, Reason, Said, Way

AGENTS = ("staff/agent.one", "staff/agent.two")
LET_DOWN, A_WEEK = 0.22, 1.6
"""Share of the dissatisfied who are entered, and how many others in a week."""
LATE, NEVER, UNDECIDED, GOES = 0.1, 0.04, 0.22, 0.27
WITHIN = timedelta(days=REVISIT_WITHIN.default)
OTHERS = {
    Reason.PRICE: (5, "The neighbour pays less for the same rate."),
    Reason.COMPETITION: (4, "Has an offer of somebody else on the table."),
    Reason.MOVED_OR_CLOSED: (2, "Moves out at the end of the quarter."),
    Reason.OTHER: (1, None),
}
SAID = {
    Said.STAYS: "Stays; took the larger product for the same price.",
    Said.GOES: "Has signed elsewhere.",
    Said.UNDECIDED: "Wants to sleep on it.",
}


def leave(book: Book, city: City, now: datetime, days: int, dice: random.Random) -> None:
    """Add who was entered in the last days, and what came of the revisits."""
    centres = customer_centres(city)
    entered: set[object] = set()
    said = [
        (row["answered_at"], row["customer_id"], row["centre_id"], Reason.SERVICE)
        for row in book.rows[FollowUp].values()
        if row["satisfaction"] == Satisfaction.DISSATISFIED.value
    ] + [
        (row["closed_at"], row["customer_id"], row["centre_id"], Reason.QUALITY)
        for row in book.rows[Complaint].values()
        if row["justified"]
    ]
    drawn = [one for one in said if dice.random() < LET_DOWN]
    weights = [weight for weight, _ in OTHERS.values()]
    homes = [customer for customer in city.customers if centres[customer.key] is not None]
    for customer in dice.sample(homes, k=round(A_WEEK * days / 7)):
        at = now - timedelta(hours=dice.uniform(20, days * 24))
        reason = dice.choices(list(OTHERS), weights)[0]
        drawn.append((at, city_id(customer.key), centres[customer.key], reason))
    register = _Register(book, now, ZoneInfo(city.time_zone), dice)
    for at, customer_id, centre_id, reason in sorted(drawn, key=lambda one: one[0]):
        if customer_id not in entered:
            entered.add(customer_id)
            register.enter(at, reason, {"customer_id": customer_id, "centre_id": centre_id})


class _Register:
    def __init__(self, book: Book, now: datetime, zone: ZoneInfo, dice: random.Random) -> None:
        self._book, self._now, self._zone, self._dice = book, now, zone, dice

    def enter(self, at: datetime, reason: Reason, who: Row) -> None:
        """Add a case, and one revisit after the other until it is decided."""
        opened = min(self._at_work(at), self._now)
        key = f"churn/{who['customer_id']}"
        agent = self._dice.choice(AGENTS)
        case = self._book.add(
            ChurnCase,
            key,
            created_at=opened,
            updated_at=opened,
            **who,
            reason=reason.value,
            words=OTHERS[reason][1] if reason in OTHERS else None,
            owner_id=city_id(agent),
            opened_at=opened,
            opened_by=city_id(agent),
            outcome=None,
            closed_at=None,
        )
        due_from, number = opened, 0
        while True:
            said, spoken = self._revisit(f"{key}/{number}", case, agent, due_from, who)
            if said is None:
                return
            if said is not Said.UNDECIDED:
                case |= {"outcome": said.value, "closed_at": spoken, "updated_at": spoken}
                return
            due_from, number = spoken, number + 1

    def _revisit(
        self, key: str, case: Row, agent: str, opened: datetime, who: Row
    ) -> tuple[Said | None, datetime]:
        """Add a revisit; return what was said and when, None for one that was not made yet."""
        dice = self._dice
        share = dice.uniform(1.05, 1.7) if dice.random() < LATE else dice.uniform(0.05, 0.95)
        spoken = self._at_work(opened + WITHIN * share)
        row = self._book.add(
            Revisit,
            key,
            created_at=opened,
            updated_at=opened,
            **who,
            churn_case_id=case["id"],
            purpose=Purpose.CHURN.value,
            opened_at=opened,
            due_at=opened + WITHIN,
            order_id=None,
            asked_at=None,
            answer_due_at=None,
            answered_at=None,
            answer=None,
            done_at=None,
            done_by=None,
            way=None,
            outcome=None,
            words=None,
            withdrawn_at=None,
        )
        if spoken > self._now or dice.random() < NEVER:
            return None, spoken
        said = Said.STAYS
        if dice.random() < UNDECIDED:
            said = Said.UNDECIDED
        elif dice.random() < GOES:
            said = Said.GOES
        row |= {
            "updated_at": spoken,
            "done_at": spoken,
            "done_by": city_id(agent),
            "way": dice.choice((Way.PHONE, Way.PHONE, Way.COUNTER, Way.MESSAGE)).value,
            "outcome": said.value,
            "words": SAID[said],
        }
        return said, spoken

    def _at_work(self, moment: datetime) -> datetime:
        """Return the moment, or the next one in the hours that agents work."""
        local = moment.astimezone(self._zone)
        if not 9 <= local.hour < 18:
            day = local.date() + timedelta(days=1 if local.hour >= 18 else 0)
            hour = time(9, self._dice.randrange(60))
            return datetime.combine(day, hour, self._zone).astimezone(moment.tzinfo)
        return moment
