"""Part 2: from an event to the alert and to the mail, while attendance pours in."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiokafka
import asyncpg
from aiosmtpd.smtp import SMTP

from schemas.envelope import Event, encode_data, encode_headers
from schemas.identity import course_id
from schemas.placements import EnrolmentConfirmed, Reason
from schemas.topics import Family, topic
from tests.benchmarks import curve
from tests.benchmarks.classes import (
    CLASS,
    HELD,
    KREIS,
    OFFICE,
    Course,
    Record,
    class_day,
    class_days,
    courses_of,
    drop_topics,
    have_taught,
    know_courses,
    know_publishers,
    make_topics,
    producer_to,
    providers,
)
from tests.benchmarks.stage import Stage, free_port, process, quantile, ready, say
from tests.serving import Servers
from tests.waiting import wait_until

PROVIDERS, COURSES_EACH, PROBES_A_SECOND = 6, 350, 4
_ROLES = {1: ("consume,relay,timers,web",), 2: ("consume,web", "relay,timers")}
"""What each of so many processes does; with two, one reads and the other assesses, alerts and sends."""
_TICK = 0.01
_WARM_UP = 5
_PATIENCE = 60.0
HISTORY = 20
"""Course days of each course that were assessed before, as in courses that run for a month."""
_ABSENT_SINCE = 1  # days before the probe; the first two days unexcused are a no-show

NOTIFY = """
CREATE FUNCTION bench_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench_alert', NEW.participant_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER bench_alert AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION bench_alert();
"""


class Mails:
    """Keeps when each mail came."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        now = time.perf_counter()
        head = envelope.content.partition(b"\r\n\r\n")[0].decode()
        named = (
            line.partition(": ")[2] for line in head.splitlines() if line.startswith("X-Kurslotse-Delivery")
        )
        for one in named:
            self.taken.setdefault(one, now)
        return "250 taken"


@dataclass
class Heard:
    """When each probe was said, had its alert row committed, and its mail taken; by person."""

    said: dict[UUID, float] = field(default_factory=dict)
    alerted: dict[UUID, float] = field(default_factory=dict)
    mailed: dict[UUID, float] = field(default_factory=dict)

    def of(self, courses: Sequence[Course]) -> list[UUID]:
        """List whose probe was said."""
        return [course.people[0] for course in courses if course.people[0] in self.said]

    def took(self, courses: Sequence[Course], when: Mapping[UUID, float]) -> list[float]:
        """Return the milliseconds from each probe to what followed it, as far as it did."""
        return [1000 * (when[person] - self.said[person]) for person in self.of(courses) if person in when]

    def alert(self, _conn: Any, _pid: int, _channel: str, person: Any) -> None:  # noqa: ANN401 - asyncpg's callback
        self.alerted.setdefault(UUID(person), time.perf_counter())


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be played."""

    seconds: int
    rate: int
    background: list[Course]
    absences: list[Course]  # a class of three; the first of them is missing
    enrolments: list[Course]  # nobody else; the first is enrolled
    today: date

    @property
    def first(self) -> date:
        """The first day that is poured in."""
        return self.today - timedelta(days=40)

    @property
    def probes(self) -> set[UUID]:
        return {course.people[0] for course in (*self.absences, *self.enrolments)}

    async def fill(self, conn: asyncpg.Connection) -> None:
        await know_publishers(conn, providers(PROVIDERS))
        await know_courses(conn, self.background, self.today)
        await conn.execute("SELECT setseed(0.5)")
        await have_taught(conn, self.first - timedelta(days=HISTORY), HISTORY)
        await know_courses(conn, [*self.absences, *self.enrolments], self.today)
        yesterday = self.today - timedelta(days=_ABSENT_SINCE)
        await conn.executemany(
            "INSERT INTO course_day (course_id, day, event_id, ue_held, listed, assessed)"
            " VALUES ($1, $2, $3, $4, 3, true)",
            [(course.id, yesterday, str(uuid4()), HELD) for course in self.absences],
        )
        await conn.executemany(
            "INSERT INTO attendance (course_id, day, participant_id, mark, ue) VALUES ($1, $2, $3, $4, 0)",
            [
                (course.id, yesterday, person, mark)
                for course in self.absences
                for person, mark in zip(course.people, "UPP", strict=True)
            ],
        )
        await conn.execute("INSERT INTO risk_round (day) VALUES ($1)", self.today)  # it was done at midnight
        await conn.execute(NOTIFY)


def make_plan(seconds: int, rate: int) -> Plan:
    slugs = providers(PROVIDERS)
    each = seconds * PROBES_A_SECOND // 2 // PROVIDERS + 1
    return Plan(
        seconds,
        rate,
        courses_of(slugs, COURSES_EACH),
        courses_of(slugs, each, people=3, name="absent"),
        courses_of(slugs, each, people=1, name="enrolled"),
        datetime.now(UTC).date(),
    )


def enrolment(prefix: str, course: Course, today: date) -> Record:
    """Write what allocation says when a place is confirmed."""
    placement, person = course_id("bench", f"{course.people[0]}"), course.people[0]
    data = EnrolmentConfirmed(
        placement=placement,
        version=3,
        participant=person,
        course=course.id,
        provider=course.provider,
        own_course=course.own_id,
        office=OFFICE,
        kreis=KREIS,
        entry_section=1,
        starts_on=today,
        ends_on=today + timedelta(days=200),
        from_state="accepted",
        to_state="confirmed",
        reason=Reason(code="confirmed"),
        decided_at=datetime.now(UTC),
    )
    event = Event(str(uuid4()), data.type_, "/kurslotse/allocation", datetime.now(UTC), data)
    key = str(person).encode()
    return Record(topic(Family.PLACEMENTS, prefix=prefix), key, encode_data(data), encode_headers(event))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one rate brought: milliseconds from saying a probe to what followed, those missing left out."""

    rate: int
    enrolment_alert: list[float]
    absence_alert: list[float]


async def latency(
    servers: Servers, *, seconds: int, rates: Sequence[int], processes: int, plot: Path | None
) -> None:
    """Measure each rate, print, and draw them all."""
    measured = [await _at_rate(servers, seconds, rate, processes) for rate in rates]
    if plot is not None:
        await asyncio.to_thread(plot.write_text, _drawn(measured), "utf-8")


def _drawn(measured: Sequence[Measured]) -> str:
    lines = []
    for share, name in ((0.99, "p99"), (0.5, "p50")):
        absence = [(one.rate, quantile(one.absence_alert, share)) for one in measured]
        enrolment = [(one.rate, quantile(one.enrolment_alert, share)) for one in measured]
        lines += [curve.Line(f"absence, {name}", absence), curve.Line(f"enrolment, {name}", enrolment)]
    across = f"course days a second, {CLASS} entries each"
    return curve.svg(lines, across=across, up="event to alert, ms")


async def _at_rate(servers: Servers, seconds: int, rate: int, processes: int) -> Measured:
    stage, plan = Stage(servers), make_plan(seconds, rate)
    say(
        f"Alert latency at {rate:,} events/s of {CLASS} entries for {seconds} s,"
        f" {len(plan.background):,} courses, {PROBES_A_SECOND} probes a second, {processes} process(es)"
    )
    mails = Mails()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(mails), "127.0.0.1", 0)
    smtp, ops = listening.sockets[0].getsockname()[1], [free_port() for _ in range(processes)]
    try:
        await stage.prepare(plan.fill)
        await make_topics(servers, stage.prefix, providers(PROVIDERS))
        async with stage.database() as database, contextlib.AsyncExitStack() as running:
            watch = await asyncpg.connect(database.admin)
            running.push_async_callback(watch.close)
            for port, roles in zip(ops, _ROLES[processes], strict=True):
                env = stage.environment(database, ops=port, smtp=smtp)
                command = ["-m", "services.cli", "run", "notifications", "--roles", roles]
                await running.enter_async_context(process(command, env))
            for port in ops:
                await wait_until(partial(ready, port), 60.0, "ready")
            return await _play(servers, stage.prefix, plan, watch, mails)
    finally:
        listening.close()
        await stage.close()
        await asyncio.to_thread(drop_topics, servers, stage.prefix)


async def _play(
    servers: Servers, prefix: str, plan: Plan, watch: asyncpg.Connection, mails: Mails
) -> Measured:
    heard = Heard()
    await watch.add_listener("bench_alert", heard.alert)
    records = list(class_days(prefix, plan.background, plan.first, (plan.seconds + _WARM_UP) * plan.rate))
    load, probe = producer_to(servers), producer_to(servers, 0)
    await load.start()
    await probe.start()
    try:
        pouring = asyncio.create_task(_pour(load, records, plan.rate))
        await asyncio.sleep(_WARM_UP)
        begun, before = time.perf_counter(), await _read(watch, prefix)
        await _ask(probe, prefix, plan, heard)
        lasted, after = time.perf_counter() - begun, await _read(watch, prefix)
        said = await pouring
        alerts = await watch.fetchval("SELECT count(*) FROM alert")
        waiting = await watch.fetchval("SELECT count(DISTINCT course_id) FROM course_day WHERE NOT assessed")
    finally:
        await load.stop()
        await probe.stop()
    await _stragglers(plan, heard, watch, mails)
    say(
        f"  load really reached: said {len(records) / said:,.0f} events/s, read and committed"
        f" {(after - before) / lasted:,.0f} events/s; at the end {waiting} courses not yet assessed,"
        f" {alerts:,} alerts raised since the load began,"
        f" {100 * alerts / len(records):.1f} per 100 course days"
    )
    for name, courses in (("enrolment", plan.enrolments), ("absence", plan.absences)):
        for what, when in (("alert row committed", heard.alerted), ("mail at the sink", heard.mailed)):
            _print(name, what, heard.took(courses, when), len(heard.of(courses)))
    return Measured(
        plan.rate,
        heard.took(plan.enrolments, heard.alerted),
        heard.took(plan.absences, heard.alerted),
    )


def _print(name: str, what: str, took: list[float], said: int) -> None:
    figures = f"p50 {quantile(took, 0.5):6.0f} ms   p99 {quantile(took, 0.99):6.0f} ms" if took else "-"
    missing = f"   MISSING {said - len(took)}" if len(took) < said else ""
    say(f"  {name:9} -> {what:20} n {len(took):4}   {figures}{missing}")


async def _read(watch: asyncpg.Connection, prefix: str) -> int:
    return int(
        await watch.fetchval(
            "SELECT coalesce(sum(next_offset), 0) FROM runtime.stored_offset WHERE consumer_group = $1",
            f"{prefix}kurslotse.notifications.support",
        )
    )


async def _pour(producer: aiokafka.AIOKafkaProducer, records: Sequence[Record], rate: int) -> float:
    """Say all records at this rate; return how long it took."""
    begun, sent = time.perf_counter(), 0
    while sent < len(records):
        due = min(len(records), int((time.perf_counter() - begun) * rate) + 1)
        for record in records[sent:due]:
            await producer.send(record.topic, record.value, key=record.key, headers=record.headers)
        sent = due
        await asyncio.sleep(_TICK)
    await producer.flush()
    return time.perf_counter() - begun


async def _ask(producer: aiokafka.AIOKafkaProducer, prefix: str, plan: Plan, heard: Heard) -> None:
    """Say the probes, evenly, enrolments and absences taking turns."""
    begun = time.perf_counter()
    pairs = list(zip(plan.enrolments, plan.absences, strict=True))[: plan.seconds * PROBES_A_SECOND // 2]
    for number, (enrolled, absent) in enumerate(pairs):
        for part, (person, record) in enumerate(
            (
                (enrolled.people[0], enrolment(prefix, enrolled, plan.today)),
                (absent.people[0], class_day(prefix, absent, plan.today, "UPP")),
            )
        ):
            due = begun + (2 * number + part) / PROBES_A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            heard.said[person] = time.perf_counter()
            await producer.send(record.topic, record.value, key=record.key, headers=record.headers)


async def _stragglers(plan: Plan, heard: Heard, watch: asyncpg.Connection, mails: Mails) -> None:
    """Wait for what is still under way, then match mails with people."""
    persons: dict[str, UUID] = {}

    async def everybody() -> bool:
        rows = await watch.fetch(
            "SELECT d.delivery_id::text AS id, a.participant_id AS person FROM delivery AS d"
            " JOIN alert AS a USING (alert_id) WHERE a.participant_id = ANY($1::uuid[])",
            list(plan.probes),
        )
        persons.update({row["id"]: row["person"] for row in rows})
        arrived = {persons[id_] for id_ in mails.taken if id_ in persons}
        return heard.said.keys() <= arrived

    with contextlib.suppress(AssertionError):  # what is missing is printed
        await wait_until(everybody, _PATIENCE, "all mails")
    for id_, when in mails.taken.items():
        person = persons.get(id_)
        if person is not None:
            heard.mailed[person] = min(when, heard.mailed.get(person, when))
