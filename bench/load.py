"""Fill an empty, migrated database with a benchmark's world: set-based SQL, a minute at 10x."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy.dialects.postgresql import JSONB

import fieldops.modules  # noqa: F401 - registers every table
from bench import shape
from bench.shape import REGION, Kind, Size
from fieldops.appointments.models import Appointment, Reservation
from fieldops.customers.models import Customer, Premises
from fieldops.customers.pii import Contact
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel.audit import Audit
from fieldops.kernel.base import Base
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.ledger import LedgerEntry
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation.models import (
    Person,
    Qualification,
    RoleGrant,
    Shift,
    Technician,
    Unit,
)
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork

Say = Callable[[str], None]
Connection = psycopg.Connection[Any]
SKILLS = ("fixed_line", "copper_broadband", "fibre", "indoor_network")


class Loader:
    """Writes one size of world; every fill is one INSERT ... SELECT over generate_series."""

    def __init__(self, connection: Connection, size: Size, now: datetime, say: Say) -> None:
        self.connection = connection
        self.size = size
        self.now = now
        self.say = say
        self.zone = ZoneInfo(shape.ZONE)

    def fill(self, model: type[Base], source: str, **columns: str) -> None:
        """Insert rows of a model from a FROM clause; columns are SQL expressions.

        What is left out has the model's default, or null.
        """
        given = {"version": "1", "created_at": self.at(self.now), "updated_at": self.at(self.now)}
        if "region_id" in model.__table__.c:
            given["region_id"] = str(REGION)
        given["id"] = "gen_random_uuid()"
        given |= columns
        for column in model.__table__.c:
            default = column.default
            if column.name not in given and default is not None:
                given[column.name] = _literal(column, default)
        self.connection.execute(
            f"insert into {model.__tablename__} ({', '.join(given)}) "
            f"select {', '.join(given.values())} from {source}"
        )
        # Foreign key checks keep their plan: one made for an empty table would scan a full one.
        if self.size.factor == 1:
            self.connection.execute(f"analyze {model.__tablename__}")

    @staticmethod
    def at(moment: datetime) -> str:
        return f"timestamptz '{moment.isoformat()}'"

    def load(self) -> None:
        """Write the whole world and gather statistics."""
        began = time.monotonic()
        self.connection.execute(shape.ID_FUNCTION)
        for part in (
            self.organisation,
            self.customers,
            self.network,
            self.history,
            self.evidence,
            self.records,
            self.present,
            self.notes,
            self.planned,
        ):
            part()
            self.say(f"  {part.__name__} ({time.monotonic() - began:.0f} s)")
        self.connection.execute("vacuum analyze")
        self.say(f"  vacuum analyze ({time.monotonic() - began:.0f} s)")

    # The standing world

    def organisation(self) -> None:
        unit, person = int(Kind.UNIT), int(Kind.PERSON)
        centre = f"bench_id({unit}, 100 + n % {self.size.centres})"
        above = f"bench_id({unit}, 1)"
        self.fill(
            Unit,
            "(select 1) as one",
            id=above,
            kind="'region'",
            name="'Bench'",
            code="'bench'",
            region_number=str(REGION),
            zone=f"'{shape.ZONE}'",
        )
        self.fill(
            Unit,
            f"generate_series(0, {self.size.centres - 1}) as n",
            id=f"bench_id({unit}, 100 + n)",
            kind="'centre'",
            name="'Centre ' || n",
            code="'centre-' || n",
            region_number=str(REGION),
            parent_id=above,
        )
        staff = self.size.technicians
        people = f"""(
            select n, 'technician' as role, {centre} as unit
              from generate_series(0, {staff - 1}) as n
            union all select 10000 + n, 'dispatcher', bench_id({unit}, 100 + n)
              from generate_series(0, {self.size.centres - 1}) as n
            union all select 20000, 'supervisor', {above}
        ) as p"""
        self.fill(
            Person,
            people,
            id=f"bench_id({person}, n)",
            email="'person' || n || '@bench.example'",
            name="'Person ' || n",
            home_region=str(REGION),
        )
        self.fill(
            RoleGrant, people, person_id=f"bench_id({person}, n)", unit_id="unit", role="role"
        )
        technicians = f"generate_series(0, {staff - 1}) as n"
        who = {"technician_id": f"bench_id({person}, n)", "centre_id": centre}
        self.fill(
            Technician,
            technicians,
            id=f"bench_id({person}, n)",
            centre_id=centre,
            name="'Technician ' || n",
            certificate_number="'C' || n",
        )
        for skill in SKILLS:
            self.fill(
                Qualification,
                technicians,
                **who,
                skill=f"'{skill}'",
                certificate_number="'Q' || n",
                valid_from="date '2020-01-01'",
                valid_until="date '2040-01-01'",
            )
        self.fill(
            Shift,
            f"generate_series(0, {staff - 1}) as n, generate_series(1, 7) as d",
            **who,
            weekday="d",
            starts="time '08:00'",
            ends="time '17:00'",
            lunch_starts="time '12:00'",
            lunch_ends="time '12:30'",
        )

    @property
    def _homes(self) -> str:
        """All premises: number n, grid place x and y, centre c (bands from west to east)."""
        side = self.size.side
        return f"""(
            select n, n % {side} as x, n / {side} as y,
                   (n % {side}) * {self.size.centres} / {side} as c
              from generate_series(0, {self.size.premises - 1}) as n
        ) as h"""

    def customers(self) -> None:
        centre = f"bench_id({int(Kind.UNIT)}, 100 + c)"
        customer = f"bench_id({int(Kind.CUSTOMER)}, n)"
        self.fill(
            Customer,
            self._homes,
            id=customer,
            external_ref="'C' || n",
            segment="'household'",
            tier="(array['basic', 'silver', 'gold', 'diamond'])[1 + n % 4]",
            locale="'en'",
            centre_id=centre,
        )
        self.fill(
            Contact,
            self._homes,
            id=customer,
            centre_id=centre,
            name="'Customer ' || n",
            phone="'+9990' || lpad(n::text, 7, '0')",
            email="'customer' || n || '@bench.example'",
        )
        self.fill(
            Premises,
            self._homes,
            id=f"bench_id({int(Kind.PREMISES)}, n)",
            external_ref="'P' || n",
            centre_id=centre,
            street="'Street ' || y",
            house_number="x::text",
            postcode="'00100'",
            city="'Bench'",
            access_notes="'Ring the doorbell.'",
            point=_POINT,
        )

    def network(self) -> None:
        centre = f"bench_id({int(Kind.UNIT)}, 100 + c)"
        service = f"bench_id({int(Kind.SERVICE)}, n)"
        self.fill(
            NetworkService,
            self._homes,
            id=service,
            premises_id=f"bench_id({int(Kind.PREMISES)}, n)",
            customer_id=f"bench_id({int(Kind.CUSTOMER)}, n)",
            centre_id=centre,
            kind="'broadband'",
            technology="'copper'",
            sold_down_mbps="100",
            sold_up_mbps="20",
            account="'A' || n",
            state="'active'",
        )
        self._plant(Kind.EXCHANGE, "exchange", self.size.premises // self.size.centres, None)
        self._plant(
            Kind.CABINET, "cross_connect_cabinet", shape.PREMISES_PER_CABINET, Kind.EXCHANGE
        )
        self._plant(Kind.BOX, "distribution_box", shape.PREMISES_PER_BOX, Kind.CABINET)
        self._plant(Kind.CABLE, "cable", shape.PREMISES_PER_BOX, Kind.BOX)
        self.fill(
            NetworkFeature,
            self._homes,
            id=f"bench_id({int(Kind.PAIR)}, n)",
            centre_id=centre,
            kind="'pair'",
            name="'pair ' || n",
            parent_id=f"bench_id({int(Kind.CABLE)}, n / {shape.PREMISES_PER_BOX})",
            state="'occupied'",
            state_since=self.at(self.now - timedelta(days=400)),
            service_id=service,
        )
        for position, (kind, every) in enumerate(
            (
                (Kind.EXCHANGE, self.size.premises // self.size.centres),
                (Kind.CABINET, shape.PREMISES_PER_CABINET),
                (Kind.BOX, shape.PREMISES_PER_BOX),
                (Kind.PAIR, 1),
            ),
            start=1,
        ):
            self.fill(
                PathElement,
                self._homes,
                service_id=service,
                position=str(position),
                feature_id=f"bench_id({int(kind)}, n / {every})",
                centre_id=centre,
            )

    def _plant(self, kind: Kind, name: str, every: int, parent: Kind | None) -> None:
        """Put one piece of plant at every so-many-th home, parts of the piece above."""
        above = {
            Kind.EXCHANGE: self.size.premises // self.size.centres,
            Kind.CABINET: shape.PREMISES_PER_CABINET,
            Kind.BOX: shape.PREMISES_PER_BOX,
        }
        line = "st_makeline({0}, st_translate({0}, 0.0003, 0.0001))".format(_POINT)  # noqa: UP032
        self.fill(
            NetworkFeature,
            f"(select * from {self._homes} where n % {every} = 0) as f",
            id=f"bench_id({int(kind)}, n / {every})",
            centre_id=f"bench_id({int(Kind.UNIT)}, 100 + c)",
            kind=f"'{name}'",
            name=f"'{name} ' || n",
            parent_id="null" if parent is None else f"bench_id({int(parent)}, n / {above[parent]})",
            shape=line if kind is Kind.CABLE else _POINT,
        )

    # What happened in the past year: one visit for every home

    @property
    def _past(self) -> str:
        """The past visits: number v, home n, centre c, technician t, window w."""
        today = self.at(start_of_day(local_day(self.now, self.zone), self.zone))
        per_centre = self.size.technicians // self.size.centres
        return f"""(
            select h.*, {shape.HISTORY_FROM} + n as v,
                   c + {self.size.centres} * (n % {per_centre}) as t,
                   {today} - make_interval(days => 3 + n % 362, hours => -8 - n % 8) as w
              from {self._homes}
        ) as p"""

    def history(self) -> None:
        self._visits(
            self._past,
            state="'completed'",
            done=True,
            work_kind="case when n % 3 = 0 then 'install' else 'repair' end",
        )

    def _visits(
        self, source: str, *, state: str, done: bool, work_kind: str, window: bool = True
    ) -> None:
        """Write orders, work orders, visits, assignments and appointments of a source."""
        ids = {k: f"bench_id({int(k)}, v)" for k in (Kind.ORDER, Kind.WORK_ORDER, Kind.VISIT)}
        centre = f"bench_id({int(Kind.UNIT)}, 100 + c)"
        customer = f"bench_id({int(Kind.CUSTOMER)}, n)"
        premises = f"bench_id({int(Kind.PREMISES)}, n)"
        person = f"bench_id({int(Kind.PERSON)}, t)"
        work_state = "'completed'" if done else "'dispatched'" if window else "'received'"
        self.fill(
            ServiceOrder,
            source,
            id=ids[Kind.ORDER],
            external_ref="'O' || v",
            customer_id=customer,
            premises_id=premises,
            centre_id=centre,
            state=work_state,
            received_at="w - interval '3 days'",
        )
        self.fill(
            WorkOrder,
            source,
            id=ids[Kind.WORK_ORDER],
            order_id=ids[Kind.ORDER],
            centre_id=centre,
            number="1",
            kind=work_kind,
            service="'broadband'",
            technology="'copper'",
            service_id=f"bench_id({int(Kind.SERVICE)}, n)",
            skill="'copper_broadband'",
            state=work_state,
            state_since="w",
            received_at="w - interval '3 days'",
            limit_seconds="1209600",
            due_at="w + interval '11 days'",
            duration_minutes="60",
            priority="2200",
        )
        times = {
            "window_start": "w",
            "window_end": "w + interval '2 hours'",
            "expected_arrival": "w",
        }
        ended = {
            "arrived_at": "w + interval '5 minutes'",
            "started_at": "w + interval '10 minutes'",
            "ended_at": "w + interval '65 minutes'",
        }
        self.fill(
            Visit,
            source,
            id=ids[Kind.VISIT],
            order_id=ids[Kind.ORDER],
            premises_id=premises,
            customer_id=customer,
            centre_id=centre,
            state=state,
            duration_minutes="60",
            kit="'{}'::jsonb",
            **(times if window else {}),
            **({**ended, "signature_refused_reason": "'not at home'"} if done else {}),
        )
        self.fill(
            VisitWork,
            source,
            visit_id=ids[Kind.VISIT],
            work_order_id=ids[Kind.WORK_ORDER],
            centre_id=centre,
            **({"ended_at": "w", "outcome": "'completed'"} if done else {}),
        )
        if not window:
            return
        self.fill(
            Assignment,
            source,
            visit_id=ids[Kind.VISIT],
            technician_id=person,
            centre_id=f"bench_id({int(Kind.UNIT)}, 100 + t % {self.size.centres})",
            is_contact="true",
            state="'done'" if done else "'offered'",
            assigned_at="w - interval '2 days'",
            travel_seconds="900",
            latest_departure_at="w - interval '20 minutes'",
        )
        self.fill(
            Appointment,
            source,
            visit_id=ids[Kind.VISIT],
            customer_id=customer,
            centre_id=centre,
            state="'kept'" if done else "case when n % 5 = 0 then 'booked' else 'confirmed' end",
            window_start="w",
            window_end="w + interval '2 hours'",
            channel="'phone'",
            customer_said="'yes'",
            needs_person="false",
            booked_at="w - interval '3 days'",
            confirmed_at="w - interval '1 day'",
        )

    def evidence(self) -> None:
        visit = f"bench_id({int(Kind.VISIT)}, v)"
        service = f"bench_id({int(Kind.SERVICE)}, n)"
        common = {
            "visit_id": visit,
            "centre_id": f"bench_id({int(Kind.UNIT)}, 100 + c)",
            "technician_id": f"bench_id({int(Kind.PERSON)}, t)",
            "estimated_at": "w",
        }
        self.fill(
            VisitFact,
            f"{self._past}, unnest(array['arrival', 'start', 'completion']) as k",
            **common,
            person_id=f"bench_id({int(Kind.PERSON)}, t)",
            kind="k",
            body="'{}'::jsonb",
            received_at="w",
        )
        self.fill(
            LineTest,
            self._past,
            **common,
            service_id=service,
            measured_at_place="'outlet'",
            attenuation_db="12.5",
        )
        speeds = {"down_mbps": "92.5", "up_mbps": "18.5", "latency_ms": "9.5"}
        self.fill(SpeedTest, self._past, **common, **speeds, service_id=service, method="'wired'")
        record = f"bench_id({int(Kind.RECORD)}, n)"
        self.fill(
            HealthRecord,
            self._homes,
            id=record,
            service_id=service,
            premises_id=f"bench_id({int(Kind.PREMISES)}, n)",
            centre_id=common["centre_id"],
        )
        self.fill(
            HealthReading, self._past, **common, **speeds, service_id=service, record_id=record
        )

    def records(self) -> None:
        """Write the audit and the ledger of the past: four changes and commands a visit."""
        source = f"{self._past}, generate_series(1, 4) as k"
        visit = f"bench_id({int(Kind.VISIT)}, v)"
        person = f"bench_id({int(Kind.PERSON)}, t)"
        self.fill(
            Audit,
            source,
            at="w",
            entity="'visits_visit'",
            entity_id=visit,
            entity_version="k",
            action="'changed'",
            before="""'{"state": "accepted"}'::jsonb""",
            after="""'{"state": "on_site"}'::jsonb""",
            actor_id=person,
        )
        result = '{"status": "applied", "refs": []}'
        self.fill(
            LedgerEntry,
            source,
            actor_id=person,
            name="'visit.arrive'",
            v="1",
            subject_id=visit,
            content_hash="sha256((v::text || k::text)::bytea)",
            status="'applied'",
            result=f"'{result}'::json",
            received_at="w",
        )

    # What the day's work looks at: the same at every size

    def present(self) -> None:
        today = local_day(self.now, self.zone)
        rows = []
        for slot, (offset, hour) in enumerate(zip(shape.DAYS, shape.START_HOURS, strict=True)):
            start = start_of_day(today + timedelta(days=offset), self.zone) + timedelta(hours=hour)
            rows += [
                (self.size.visit_of(t, slot), *self.size.home_of(t, slot), t, start, offset < 0)
                for t in range(self.size.technicians)
            ]
        self.connection.execute("drop table if exists bench_present")
        self.connection.execute(
            "create table bench_present (v int, n int, c int, t int, w timestamptz, past bool)"
        )
        with self.connection.cursor().copy("copy bench_present from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        work_kind = "case when v % 2 = 0 then 'install' else 'repair' end"
        self._visits(
            "(select * from bench_present where past) as p",
            state="'completed'",
            done=True,
            work_kind=work_kind,
        )
        coming = "(select * from bench_present where not past) as p"
        self._visits(coming, state="'dispatched'", done=False, work_kind=work_kind)
        self.fill(
            Reservation,
            coming,
            visit_id=f"bench_id({int(Kind.VISIT)}, v)",
            technician_id=f"bench_id({int(Kind.PERSON)}, t)",
            centre_id=f"bench_id({int(Kind.UNIT)}, 100 + t % {self.size.centres})",
            during="tstzrange(w, w + interval '1 hour')",
        )
        self.connection.execute(
            "insert into kernel_change_counter (region_id, centre_id, counter) "
            f"select {REGION}, bench_id({int(Kind.UNIT)}, 100 + n), 1 "
            f"from generate_series(0, {self.size.centres - 1}) as n"
        )

    def notes(self) -> None:
        """Write notes on the present visits, and how to find their premises: texts of phones."""
        if not self.size.notes:
            return
        self.connection.execute(TEXT_FUNCTION)
        self.fill(
            VisitFact,
            f"bench_present as p, generate_series(1, {self.size.notes}) as k",
            id=f"bench_id({int(Kind.NOTE)}, v * 100 + k)",
            visit_id=f"bench_id({int(Kind.VISIT)}, v)",
            centre_id=f"bench_id({int(Kind.UNIT)}, 100 + c)",
            technician_id=f"bench_id({int(Kind.PERSON)}, t)",
            person_id=f"bench_id({int(Kind.PERSON)}, t)",
            kind="'note'",
            body="jsonb_build_object('text', bench_text(v * 100 + k, 430))",
            estimated_at="w",
            received_at="w",
        )
        self.connection.execute(
            "update customers_premises set access_notes = bench_text(p.n, 150) "
            "from (select distinct n from bench_present) as p "
            "where region_id = %s and id = bench_id(%s, p.n)",
            [REGION, int(Kind.PREMISES)],
        )

    def planned(self) -> None:
        """Write visits that wait for an appointment, for the slot list."""
        count = self.size.centres * shape.PLANNED_PER_CENTRE
        rows = [
            (shape.PLANNED_FROM + i, *self.size.home_of(i, 20), i, self.now, False)
            for i in range(count)
        ]
        with self.connection.cursor().copy("copy bench_present from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        self._visits(
            f"(select * from bench_present where v >= {shape.PLANNED_FROM}) as p",
            state="'planned'",
            done=False,
            work_kind="'install'",
            window=False,
        )


# A text of so many words: it compresses about as well as what people write.
TEXT_FUNCTION = """
create or replace function bench_text(seed bigint, words int) returns text
language sql immutable parallel safe as $$
  select string_agg((array['the', 'box', 'stands', 'behind', 'second', 'gate', 'ask', 'for', 'key',
    'cabinet', 'pair', 'noise', 'line', 'tested', 'again', 'after', 'socket', 'moved', 'to', 'hall',
    'customer', 'wants', 'call', 'before', 'visit', 'dog', 'in', 'yard', 'drop', 'cable', 'worn',
    'replaced', 'splice', 'wet', 'duct', 'full', 'use', 'ladder', 'from', 'van', 'splitter',
    'port', 'marked', 'wrong', 'label', 'new', 'one', 'left', 'basement', 'door', 'code', 'changed',
    'since', 'last', 'time', 'modem', 'shows', 'red', 'lamp', 'restarted', 'twice', 'works', 'now',
    'fine']
    )[1 + (hashint8(seed * 1000 + i) & 63)], ' ' order by i) from generate_series(1, words) as i
$$
"""
_POINT = "st_setsrid(st_makepoint(24.9 + x * 0.0007, 60.1 + y * 0.00035), 4326)"


def _literal(column: Any, default: Any) -> str:
    """Return a column's default as SQL; callables are lists and dicts here."""
    value = default.arg(None) if callable(default.arg) else default.arg
    if isinstance(value, list | dict):
        kind = "jsonb" if isinstance(column.type, JSONB) else "json"
        return f"'{json.dumps(value)}'::{kind}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def load(conninfo: str, size: Size, say: Say) -> None:
    """Fill the migrated, empty database behind a libpq URL."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        if size.factor > 1:
            # The same formulas have passed every foreign key at the small size.
            connection.execute("set session_replication_role = replica")
        connection.execute("set maintenance_work_mem = '256MB'")
        Loader(connection, size, datetime.now(UTC), say).load()
