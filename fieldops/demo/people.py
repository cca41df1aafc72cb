"""The staff of the demo city: units, technicians with qualifications and shifts, the office.

Names and logins are fixed, so that documents and demos can speak of "Aino Virtanen in the North
centre" whatever the seed; dates and calendars follow the seed and the start date.
"""

import random
from dataclasses import dataclass
from datetime import date, time, timedelta

LOGIN_DOMAIN = "demo.example.org"
"""example.org is kept for examples by RFC 2606: no mail to these logins can arrive anywhere."""

NO_SUCH_AREA = "+35812"
"""Demo phone numbers are +358 12 0xxxxxx: well-formed E.164 (12 digits) and impossible in Finland.

Finland has no area code 012: its codes are 02, 03, 05, 06, 08, 09 and 013 to 019 (Traficom's
Regulation 32 on numbering, as libphonenumber's tables for 358, which cite it, list them; no mobile,
service or business number begins with 12 there either, and a test asks libphonenumber about every
number of the city). Nor do subscriber numbers begin with 0, the trunk prefix, so that even a new
area code 012 would not bring these numbers to life.
"""


def impossible_phone(number: int) -> str:
    """The demo phone number with this serial number (0 to 999999), in E.164 form."""
    if not 0 <= number <= 999_999:
        raise ValueError(f"{number} does not fit into six digits")
    return f"{NO_SUCH_AREA}0{number:06d}"


@dataclass(frozen=True)
class Unit:
    """A unit of the tree group > province > region > centre (ORG-01), or a contractor firm."""

    key: str
    kind: str
    name: str
    parent_key: str | None
    works_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Qualification:
    """ORG-03. Valid on both days given."""

    skill: str
    certificate_number: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class Shift:
    """A working day of every week, Monday = 0; local times of Europe/Helsinki (ORG-07)."""

    weekday: int
    starts: time
    ends: time
    lunch_starts: time
    lunch_ends: time


@dataclass(frozen=True)
class Leave:
    """Days off, both included."""

    kind: str
    first_day: date
    last_day: date


@dataclass(frozen=True)
class StaffMember:
    """A person or machine that logs in. Contractor staff carry their firm's key (ORG-06).

    `unit_key` is where the role is granted (ORG-02); a technician's `home_centre_key` is the
    centre whose work they do.
    """

    key: str
    login: str
    name: str
    role: str
    unit_key: str
    phone: str
    language: str
    firm_key: str | None = None
    home_centre_key: str | None = None
    certificate_number: str | None = None
    qualifications: tuple[Qualification, ...] = ()
    shifts: tuple[Shift, ...] = ()
    leave: tuple[Leave, ...] = ()


GROUP, PROVINCE, REGION = "unit/group", "unit/uusimaa", "unit/helsinki"
NORTH, SOUTH, FIRM = "unit/north", "unit/south", "unit/lanka-ja-valo"

UNITS = (
    Unit(GROUP, "group", "Demo Telecom", None),
    Unit(PROVINCE, "province", "Uusimaa", GROUP),
    Unit(REGION, "region", "Helsinki", PROVINCE),
    Unit(NORTH, "centre", "Helsinki North", REGION),
    Unit(SOUTH, "centre", "Helsinki South", REGION),
    Unit(FIRM, "contractor", "Lanka ja Valo Demo Oy", REGION, works_for=(NORTH, SOUTH)),
)

SKILLS = {
    # the letter used in the table below: the skill (ORG-03)
    "L": "fixed_line",
    "B": "copper_broadband",
    "F": "fibre",
    "I": "indoor_network",
    "E": "enterprise",
}

TECHNICIANS: tuple[tuple[str, str, str, str | None, str], ...] = (
    # name, language, centre, firm, skills
    ("Aino Virtanen", "fi", NORTH, None, "LBFI"),
    ("Onni Korhonen", "fi", NORTH, None, "LB"),
    ("Li Wei", "zh_CN", NORTH, None, "LBFI"),
    ("Helmi Nieminen", "fi", NORTH, None, "FIE"),
    ("Erik Lindqvist", "sv", NORTH, None, "LBE"),
    ("Eino Hakala", "fi", NORTH, None, "LBF"),
    ("Siiri Rantanen", "fi", NORTH, None, "BFI"),
    ("Otso Salmi", "fi", NORTH, None, "LBI"),
    ("Maria Ekholm", "sv", NORTH, None, "LBFIE"),
    ("Veikko Laine", "fi", SOUTH, None, "LBFI"),
    ("Zhang Min", "zh_CN", SOUTH, None, "LBF"),
    ("Lempi Heikkinen", "fi", SOUTH, None, "LB"),
    ("Kalle Saarinen", "fi", SOUTH, None, "FIE"),
    ("Astrid Nyman", "sv", SOUTH, None, "LBFIE"),
    ("Toivo Mattila", "fi", SOUTH, None, "LBI"),
    ("Elsa Turunen", "fi", SOUTH, None, "BFI"),
    ("Daniel Okafor", "en", SOUTH, None, "LBF"),
    ("Ilmari Koski", "fi", SOUTH, None, "LE"),
    ("Roope Kallio", "fi", NORTH, FIRM, "LBFI"),
    ("Anna Kuznetsova", "en", NORTH, FIRM, "FI"),
    ("Jalmari Aho", "fi", NORTH, FIRM, "LB"),
    ("Fredrik Berg", "sv", SOUTH, FIRM, "LBFI"),
    ("Wang Fang", "zh_CN", SOUTH, FIRM, "FI"),
    ("Tuomas Leino", "fi", SOUTH, FIRM, "LB"),
)

OFFICE = (
    # login, name, role, unit, language
    ("dispatcher.north", "Inka Jokinen", "dispatcher", NORTH, "fi"),
    ("dispatcher.south", "Sami Peltonen", "dispatcher", SOUTH, "fi"),
    ("dispatcher.night", "Chen Jing", "dispatcher", REGION, "zh_CN"),
    ("supervisor.north", "Ritva Lahtinen", "supervisor", NORTH, "fi"),
    ("supervisor.south", "Johan Wikström", "supervisor", SOUTH, "sv"),
    ("supervisor.region", "Kerttu Ahonen", "supervisor", REGION, "fi"),
    ("agent.one", "Pinja Karjalainen", "agent", REGION, "fi"),
    ("agent.two", "Liu Yang", "agent", REGION, "zh_CN"),
    ("contractor.manager", "Heikki Lanka", "contractor_manager", FIRM, "fi"),
    ("administrator", "Outi Mäkelä", "administrator", REGION, "fi"),
    ("integration", "Order intake", "integration_client", REGION, "en"),
)

EARLY = (time(7, 30), time(15, 30), time(11, 0), time(11, 30))
LATE = (time(10, 0), time(18, 0), time(13, 30), time(14, 0))
LONG = (time(8, 0), time(17, 0), time(12, 0), time(12, 30))
LEAVE_KINDS = ("annual_leave", "sick_leave", "training", "parental_leave")


def build_staff(rng: random.Random, start: date) -> tuple[StaffMember, ...]:
    """The 24 technicians (tech01 to tech24) and the office people around the two weeks at start.

    One technician's certificate has run out and two end within 30 days (ORG-03); six technicians
    are on leave for some days of the two weeks (ORG-07).
    """
    on_leave = set(rng.sample(range(len(TECHNICIANS)), 6))
    drawn = rng.sample(range(1, len(TECHNICIANS) + 1), 3)
    endings = {number: place for place, number in enumerate(drawn)}
    technicians = tuple(
        StaffMember(
            key=f"staff/tech{number:02d}",
            login=f"tech{number:02d}@{LOGIN_DOMAIN}",
            name=name,
            role="technician",
            unit_key=firm or centre,
            phone=impossible_phone(900_000 + number),
            language=language,
            firm_key=firm,
            home_centre_key=centre,
            certificate_number=f"DT-{1000 + number * 7}",
            qualifications=_qualifications(number, skills, endings.get(number), rng, start),
            shifts=_shifts(number),
            leave=(_leave(rng, start),) if number - 1 in on_leave else (),
        )
        for number, (name, language, centre, firm, skills) in enumerate(TECHNICIANS, start=1)
    )
    office = tuple(
        StaffMember(
            key=f"staff/{login}",
            login=f"{login}@{LOGIN_DOMAIN}",
            name=name,
            role=role,
            unit_key=unit,
            phone=impossible_phone(950_000 + number),
            language=language,
            firm_key=FIRM if unit == FIRM else None,
        )
        for number, (login, name, role, unit, language) in enumerate(OFFICE, start=1)
    )
    return technicians + office


def _qualifications(
    number: int,
    skills: str,
    ending: int | None,
    rng: random.Random,
    start: date,
) -> tuple[Qualification, ...]:
    """Three-year certificates. `ending` 0: the last skill's has run out; 1 or 2: it ends soon."""
    made = []
    for place, letter in enumerate(SKILLS, start=1):
        if letter not in skills:
            continue
        until = start + timedelta(days=rng.randint(60, 1000))
        if ending is not None and letter == skills[-1]:
            days = -rng.randint(5, 20) if ending == 0 else rng.randint(14, 30)
            until = start + timedelta(days=days)
        made.append(
            Qualification(
                skill=SKILLS[letter],
                certificate_number=f"Q-{place}{number:02d}-{until.year - 3}",
                valid_from=until - timedelta(days=3 * 365),
                valid_until=until,
            ),
        )
    return tuple(made)


def _shifts(number: int) -> tuple[Shift, ...]:
    """Early, late and long weeks in turn; every fourth technician works Tuesday to Saturday."""
    hours = (EARLY, LATE, LONG)[number % 3]
    days = range(1, 6) if number % 4 == 0 else range(5)
    return tuple(Shift(day, *hours) for day in days)


def _leave(rng: random.Random, start: date) -> Leave:
    first = start + timedelta(days=rng.randrange(12))
    return Leave(rng.choice(LEAVE_KINDS), first, first + timedelta(days=rng.randrange(4)))
