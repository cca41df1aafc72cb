"""What people said about what was found of their work, and what was learnt of it (QA-06, QA-07).

By the commands, each as of its own time: the case of an older inspection is closed, that of the
newest waits for its person.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from fieldops.demo.copying import REGION
from fieldops.demo.months.inspecting import REGIONS, Desk
from fieldops.kernel.db import Database
from fieldops.quality.models import AccountabilityCase

STATED, DECIDED, CLOSED = timedelta(days=2), timedelta(days=4), timedelta(days=12)
OF_A_CASE = "The customer pressed me to leave; I should have called."
LESSONS: tuple[dict[str, Any], ...] = (
    {
        "text_en": {
            "title": "Water in a distribution box",
            "problem": "Lines of one box get slower together, most after rain.",
            "cause": "The seal of the door was left out when the box was opened last.",
            "remedy": "Dry the block, put in a new seal, measure each line once more.",
        },
        "text_zh": {
            "title": "分线箱进水",
            "problem": "同一分线箱的多条线路同时变慢,雨后尤甚。",
            "cause": "上次开箱后未装回密封条。",
            "remedy": "擦干端子,更换密封条,逐条复测。",
        },
        "kinds": ["repair"],
        "services": ["broadband"],
    },
    {
        "text_en": {
            "title": "A splice that comes loose",
            "problem": "The light of several fibre lines falls from week to week.",
            "cause": "The tray was closed over a fibre that was bent too tightly.",
            "remedy": "Lay the fibre anew with a bend of at least 30 mm; splice again if needed.",
        },
        "text_zh": {
            "title": "光纤接头松动",
            "problem": "多条光纤线路的光功率逐周下降。",
            "cause": "盘纤弯曲过小时合上了托盘。",
            "remedy": "重新盘纤,弯曲半径不小于30毫米,必要时重新熔接。",
        },
        "kinds": ["repair", "install"],
        "services": ["broadband"],
    },
)


async def hear(database: Database, now: datetime) -> None:
    """Let people be heard, decide what is older, and write the lessons."""
    desk = Desk(database)
    await _cases(desk, now)
    for number, lesson in enumerate(LESSONS):
        written = now - timedelta(days=20 - 9 * number)
        made = await desk.run(REGIONS, "lesson.draft", written, **lesson)
        await desk.run(REGIONS, "lesson.publish", written, lesson_id=str(made))


async def _cases(desk: Desk, now: datetime) -> None:
    async with desk.database.transaction() as session:
        statement = (
            select(
                AccountabilityCase.id,
                AccountabilityCase.technician_id,
                AccountabilityCase.opened_at,
            )
            .where(
                AccountabilityCase.region_id == REGION,
                AccountabilityCase.technician_id.is_not(None),
            )
            .order_by(AccountabilityCase.opened_at)
        )
        found: list[Any] = list(await session.execute(statement))
    for case_id, technician_id, opened_at in found[:-1]:
        of = {"accountability_case_id": str(case_id)}
        await desk.run(technician_id, "accountability_case.state", opened_at + STATED, **of,
                       statement=OF_A_CASE)  # fmt: skip
        await desk.run(REGIONS, "accountability_case.decide", opened_at + DECIDED, **of,
                       measure="talk", reason="First time, and said openly.")  # fmt: skip
        if opened_at + CLOSED < now:
            await desk.run(REGIONS, "accountability_case.close", opened_at + CLOSED, **of,
                           words="Spoken with; the next visits were looked at.")  # fmt: skip
