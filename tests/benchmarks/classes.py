"""What the benchmarks play: publishers, courses, people who consented, and events about them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import aiokafka
import asyncpg

from schemas.envelope import Event, encode_data, encode_headers
from schemas.identity import course_id
from schemas.support import AttendanceEntry, AttendanceRecorded
from schemas.topics import EVENT_TYPES, Family, topic
from services.runtime.kafka.administration import (
    KafkaAdmin,
    client_options,
    ensure_publisher_access,
    parse_address,
    shared_topics,
)
from services.runtime.kafka.installation import announce
from tests.databases import TESTED
from tests.serving import Servers

OFFICE, MBE, KREIS, TOWN = "amt-bench", "mbe-bench", "99001", "99001001"
CLASS = 20
MARKS = ("X",) * 95 + ("E",) * 3 + ("U",) * 2
HELD = 5.0
LONGEST_DAYS = 3000
"""Days ago on which everybody took their seat: marks count from then on."""

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Course:
    """A course with its people; all of them consented."""

    provider: str
    own_id: str
    people: tuple[UUID, ...]

    @property
    def id(self) -> UUID:
        return course_id(self.provider, self.own_id)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, ready to be produced."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def providers(number: int) -> list[str]:
    return [f"kurs-bench-{n}" for n in range(number)]


def courses_of(slugs: Sequence[str], each: int, *, people: int = CLASS, name: str = "k") -> list[Course]:
    """Make courses, those of different providers taking turns."""
    chance = random.Random(f"{name}/{each}/{people}")
    return [
        Course(
            slug, f"{name}-{n}", tuple(UUID(int=chance.getrandbits(128), version=4) for _ in range(people))
        )
        for n in range(each)
        for slug in slugs
    ]


def class_day(prefix: str, course: Course, day: date, marks: Sequence[str]) -> Record:
    """Write one course day of a whole class as its provider sends it."""
    entries = tuple(
        AttendanceEntry(participant=person, mark=mark, ue=HELD if mark == "X" else 0)
        for person, mark in zip(course.people, marks, strict=True)
    )
    data = AttendanceRecorded(course=course.own_id, day=day, ue_held=HELD, entries=entries)
    event = Event(
        id=f"{course.own_id}/{day}",
        type=data.type_,
        source=f"/{course.provider}",
        time=datetime.now(UTC),
        data=data,
    )
    name = topic(Family.SUPPORT, course.provider, prefix=prefix)
    return Record(name, str(course.id).encode(), encode_data(data), encode_headers(event))


def class_days(prefix: str, courses: Sequence[Course], first: date, number: int) -> Iterator[Record]:
    """Yield so many course days, one day of all courses after the other."""
    chance = random.Random(7)
    for n in range(number):
        course = courses[n % len(courses)]
        day = first + timedelta(days=n // len(courses))
        yield class_day(prefix, course, day, chance.choices(MARKS, k=len(course.people)))


async def make_topics(servers: Servers, prefix: str, slugs: Sequence[str]) -> None:
    """Make all topics, as an installation has them."""
    admin = KafkaAdmin(parse_address(servers.kafka))
    admin.ensure_topics(shared_topics(prefix))
    announce(admin.address, prefix, TESTED)
    for slug in slugs:
        ensure_publisher_access(admin, slug, None, prefix=prefix)


def drop_topics(servers: Servers, prefix: str) -> None:
    admin = KafkaAdmin(parse_address(servers.kafka))
    admin.remove(topics=admin.topics(prefix))


def producer_to(servers: Servers, linger_ms: int = 5) -> aiokafka.AIOKafkaProducer:
    return aiokafka.AIOKafkaProducer(
        **client_options(parse_address(servers.kafka)),
        acks="all",
        enable_idempotence=True,
        linger_ms=linger_ms,
        max_batch_size=262_144,
    )


async def produce(servers: Servers, records: Iterator[Record]) -> None:
    """Put records on their topics."""
    producer = producer_to(servers, 20)
    await producer.start()
    try:
        for record in records:
            await producer.send(record.topic, record.value, key=record.key, headers=record.headers)
        await producer.flush()
    finally:
        await producer.stop()


async def have_taught(
    conn: asyncpg.Connection,
    first: date,
    days: int,
    *,
    marks: Sequence[str] = MARKS,
    assessed: bool = True,
) -> None:
    """Store course days of all courses, everybody's marks drawn from `marks`."""
    await conn.execute(
        """
        INSERT INTO course_day (course_id, day, event_id, ue_held, listed, assessed)
        SELECT p.course_id, $1::date + n, gen_random_uuid()::text, $3, count(*), $4
        FROM placement AS p CROSS JOIN generate_series(0, $2::integer - 1) AS n GROUP BY p.course_id, n
        """,
        first,
        days,
        HELD,
        assessed,
    )
    await conn.execute(
        """
        INSERT INTO attendance (course_id, day, participant_id, mark, ue)
        SELECT course_id, day, participant_id, mark, CASE mark WHEN 'X' THEN $3::real ELSE 0 END
        FROM (SELECT p.course_id, $1::date + n AS day, p.participant_id,
            ($4::text[])[1 + floor(random() * cardinality($4::text[]))::integer] AS mark
            FROM placement AS p CROSS JOIN generate_series(0, $2::integer - 1) AS n) AS drawn
        """,
        first,
        days,
        HELD,
        list(marks),
    )


async def know_publishers(conn: asyncpg.Connection, slugs: Sequence[str]) -> None:
    """Put providers and the counselling office into the registry and the directory."""
    await conn.executemany(
        "INSERT INTO runtime.publisher (slug, name, kinds, organisation, authority, kreise, event_types,"
        " supplier_ids, active, version) VALUES ($1, $1, $2, $3, false, $4, $5, '{}', true, 1)",
        [(slug, ["provider"], slug, [KREIS], list(EVENT_TYPES)) for slug in slugs]
        + [(slug, ["office", "counselling"], slug, [KREIS], list(EVENT_TYPES)) for slug in (OFFICE, MBE)],
    )
    await conn.execute(
        "INSERT INTO office (slug, organisation, name, kind, catchment, capacity, mail, lead_mail, hours)"
        " VALUES ($1, $1, $1, 'mbe', $2, 1000000, $3, $3, '{}')",
        MBE,
        [KREIS],
        "post@mbe-bench.kurslotse.invalid",
    )


async def know_courses(conn: asyncpg.Connection, courses: Sequence[Course], today: date) -> None:
    """Store courses, the seats of their people and their consents, as if they had been read long ago."""
    begun, ends = today - timedelta(days=60), today + timedelta(days=300)
    now = datetime.now(UTC)
    await conn.copy_records_to_table(
        "course",
        columns=("course_id", "provider", "own_id", "title", "kreis", "starts_on", "ends_on", "sections"),
        records=[(c.id, c.provider, c.own_id, "Kurs", KREIS, begun, ends, "[]") for c in courses],
    )
    people = [person for course in courses for person in course.people]
    await conn.copy_records_to_table(
        "participant_fact",
        columns=(
            "participant_id",
            "office",
            "organisation",
            "kreis",
            "town",
            "asylum_phase",
            "registered_on",
        ),
        records=[(person, OFFICE, OFFICE, KREIS, TOWN, "none", begun) for person in people],
    )
    await conn.copy_records_to_table(
        "consent",
        columns=(
            "participant_id",
            "office",
            "purpose",
            "registrar",
            "registrar_organisation",
            "registrar_authority",
            "given_on",
            "valid_until",
        ),
        records=[
            (person, MBE, purpose, OFFICE, OFFICE, False, begun, ends)
            for person in people
            for purpose in ("dropout_support", "enrolment_notice")
        ],
    )
    await conn.copy_records_to_table(
        "placement",
        columns=(
            "placement_id",
            "version",
            "participant_id",
            "course_id",
            "provider",
            "provider_organisation",
            "own_course",
            "office",
            "office_organisation",
            "kreis",
            "entry_section",
            "starts_on",
            "ends_on",
            "state",
            "released",
            "reason",
            "decided_at",
        ),
        records=[
            (
                uuid5(c.id, str(person)),
                5,
                person,
                c.id,
                c.provider,
                c.provider,
                c.own_id,
                OFFICE,
                OFFICE,
                KREIS,
                1,
                today - timedelta(days=LONGEST_DAYS),
                ends,
                "started",
                True,
                '{"code": "section_began"}',
                now,
            )
            for c in courses
            for person in c.people
        ],
    )
