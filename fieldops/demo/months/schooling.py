"""Trainings and exams of the demo city's three months (ORG-04), and what was qualified (ORG-03).

Every centre teaches its own and the firm's people every two weeks; who was there is examined. A
passed exam gives the certificate that follows one that ends soon.
"""

import random
from datetime import date, datetime, timedelta

from fieldops.demo.city import City, city_id
from fieldops.demo.months.rows import Book
from fieldops.demo.people import StaffMember
from fieldops.organisation.models import Qualification
from fieldops.training.models import Attendance, Exam, TrainingSession
from fieldops.training.rules import State, is_passed

SUBJECTS = (
    # Chinese, English, the skill it is about
    ("光纤熔接与测量", "Splicing and measuring fibre", "fibre"),
    ("铜线故障定位", "Finding faults on copper lines", "copper_broadband"),
    ("楼内布线检查", "Inspecting the cabling of buildings", "indoor_network"),
    ("与客户沟通", "Speaking with customers", None),
    ("固定电话安装规范", "Installing fixed lines by the book", "fixed_line"),
    ("高处作业安全", "Safety at height", None),
)
EVERY_DAYS, MINUTES = 14, (60, 90, 120, 180)
PRESENT, MAXIMUM, PASS_MARK = 0.88, 100.0, 60.0
MEAN, SPREAD = 74, 13
ENDS_SOON = timedelta(days=120)
VALID = timedelta(days=3 * 365)
TRAINERS = {"north": "Ritva Lahtinen", "south": "Johan Wikström"}


def teach(book: Book, city: City, now: datetime, days: int, dice: random.Random) -> None:
    """Add the sessions of the last days, who was there, their exams and what came of them."""
    today = now.date()
    for centre, trainer in TRAINERS.items():
        people = [who for who in city.technicians if who.home_centre_key == f"unit/{centre}"]
        shift = dice.randrange(len(SUBJECTS))
        first = today - timedelta(days=days - dice.randint(2, 8))
        for number in range((days + 2 * EVERY_DAYS) // EVERY_DAYS):
            held_on = first + timedelta(days=EVERY_DAYS * number)
            held_on -= timedelta(days=max(0, held_on.weekday() - 4))
            zh, en, skill = SUBJECTS[(number + shift) % len(SUBJECTS)]
            cancelled = number == 3 and centre == "south"
            held = held_on < today and not cancelled
            state = State.HELD if held else State.CANCELLED if cancelled else State.PLANNED
            key = f"training/{centre}/{held_on}"
            book.add(
                TrainingSession,
                key,
                centre_id=city_id(f"unit/{centre}"),
                subject_zh=zh,
                subject_en=en,
                skill=skill,
                held_on=held_on,
                minutes=dice.choice(MINUTES),
                trainer=trainer,
                state=state.value,
            )
            if held:
                _attend(book, key, people, (zh, en, skill), held_on, trainer, dice)


def _attend(
    book: Book,
    key: str,
    people: list[StaffMember],
    subject: tuple[str, str, str | None],
    held_on: date,
    trainer: str,
    dice: random.Random,
) -> None:
    zh, en, skill = subject
    for who in dice.sample(people, k=max(4, len(people) * 2 // 3)):
        present = dice.random() < PRESENT
        book.add(
            Attendance,
            f"{key}/{who.key}",
            training_id=city_id(key),
            technician_id=city_id(who.key),
            centre_id=city_id(who.home_centre_key or ""),
            present=present,
        )
        if skill is None or not present:
            continue
        score = float(min(MAXIMUM, max(20, round(dice.gauss(MEAN, SPREAD)))))
        exam = book.add(
            Exam,
            f"{key}/{who.key}/exam",
            technician_id=city_id(who.key),
            centre_id=city_id(who.home_centre_key or ""),
            training_id=city_id(key),
            subject_zh=zh,
            subject_en=en,
            skill=skill,
            taken_on=held_on,
            examiner=trainer,
            score=score,
            maximum=MAXIMUM,
            pass_mark=PASS_MARK,
            passed=is_passed(score, PASS_MARK),
            qualification_id=None,
        )
        if exam["passed"]:
            exam["qualification_id"] = _qualify(book, who, skill, held_on)


def _qualify(book: Book, who: StaffMember, skill: str, day: date) -> object:
    """Add the certificate that follows the one that ends soon; return its id, else None."""
    held = next((one for one in who.qualifications if one.skill == skill), None)
    key = f"qualification/{who.key}/{skill}/next"
    if held is None or not day < held.valid_until < day + ENDS_SOON:
        return None
    if key in book.rows[Qualification]:
        return None
    starts = held.valid_until + timedelta(days=1)
    return book.add(
        Qualification,
        key,
        technician_id=city_id(who.key),
        centre_id=city_id(who.home_centre_key or ""),
        skill=skill,
        certificate_number=f"Q-{who.key[-2:]}-{skill[:2].upper()}-{starts.year}",
        valid_from=starts,
        valid_until=starts + VALID,
    )["id"]
