"""The support side on a real database: what publishers and allocation say, and a mail server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from prometheus_client import CollectorRegistry

from schemas.base import Payload
from schemas.envelope import Event
from schemas.identity import course_id, event_uuid, participant_id
from schemas.placements import (
    CourseStated,
    EnrolmentConfirmed,
    ParticipantStated,
    PlacementStep,
    Reason,
    StatedSection,
)
from schemas.support import AttendanceEntry, AttendanceRecorded, ConsentGranted, ConsentRevoked
from schemas.topics import EVENT_TYPES, Family
from services.notifications import settings
from services.notifications.alerts.escalation import EscalationWorker
from services.notifications.alerts.reconciler import AlertReconciler
from services.notifications.alerts.reminding import ReminderWorker
from services.notifications.consumer import read_support
from services.notifications.delivery.domain import Attempted, Outcome
from services.notifications.delivery.holding.domain import Telling
from services.notifications.delivery.holding.worker import ReleaseWorker
from services.notifications.delivery.mail import MailTexts
from services.notifications.delivery.worker import DeliveryWorker
from services.notifications.events import placements
from services.notifications.metrics import DeliveryMetrics
from services.notifications.offices import handlers as offices
from services.notifications.offices.entries import OfficeEntry
from services.notifications.offices.store import office_hours
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact
from services.notifications.people.keys import Keks, PersonSecrets
from services.notifications.risk import parameters
from services.notifications.risk.assessor import RiskAssessor
from services.notifications.risk.parameters_store import RiskBookshelf
from services.notifications.risk.rounds import Rounds
from services.runtime.data.db import Connection, open_pool, transaction, web_transaction
from services.runtime.events.subscription import Incoming, RecordPosition, Verdict
from tests.databases import Database
from tests.identity import IDENTITY_KEY, KEK

StepType = TypeVar("StepType", bound=PlacementStep)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday, ten in the morning
TODAY = NOW.date()
PROVIDER, JOBCENTER, DESK = "vhs-probe", "jobcenter-probe", "treff-probe"
MBE, JMD, OTHER = "mbe-probe", "jmd-probe", "mbe-fern"
SISTERS = {PROVIDER: "vhs-ost", DESK: "treff-ost", MBE: "mbe-ost"}
"""Office -> another one of the same organisation."""
TOWN = "99001001"

PUBLISHERS = {
    PROVIDER: ("vhs", False),
    JOBCENTER: ("jobcenter", True),
    DESK: ("treff", False),
    MBE: ("wohlfahrt", False),
    JMD: ("jugend", False),
    OTHER: ("fern", False),
    SISTERS[PROVIDER]: ("vhs", False),
    SISTERS[DESK]: ("treff", False),
    SISTERS[MBE]: ("wohlfahrt", False),
}


def office(slug: str, **changes: Any) -> OfficeEntry:  # noqa: ANN401 - fields of an entry
    organisation = PUBLISHERS[slug][0]
    fields: dict[str, Any] = {
        "slug": slug,
        "name": f"Stelle {slug}",
        "organisation": organisation,
        "kind": "jmd" if slug == JMD else "mbe",
        "catchment": ["99001"],
        "age_from": None if slug == JMD else 27,
        "age_below": 27 if slug == JMD else None,
        "languages": ["de"],
        "mail": f"post@{slug}.kurslotse.invalid",
        "lead_mail": f"leitung@{organisation}.kurslotse.invalid",
        "capacity": 50,
    }
    return OfficeEntry(**(fields | changes))


@dataclass
class Outbox:
    """A mail server in memory that does as it is told; the real one is tested with aiosmtpd."""

    answers: list[Attempted] = field(default_factory=list)
    mails: list[Any] = field(default_factory=list)

    async def send(self, message: Any, /) -> Attempted:  # noqa: ANN401 - an EmailMessage
        self.mails.append(message)
        return self.answers.pop(0) if self.answers else Attempted(Outcome.SENT, 250)


@dataclass
class World:
    """One database with everything that works on it."""

    database: Database
    worker: asyncpg.Pool
    web: asyncpg.Pool
    secrets: PersonSecrets
    policy: settings.Policy
    books: RiskBookshelf = field(default_factory=lambda: RiskBookshelf(parameters.load()))
    server: Outbox = field(default_factory=Outbox)
    now: datetime = NOW
    people: list[UUID] = field(default_factory=list)
    """A class, where a test has one."""
    _offset: "count[int]" = field(default_factory=count)
    _versions: "count[int]" = field(default_factory=partial(count, 1))

    def incoming(
        self,
        publisher: str | None,
        payload: Payload,
        *,
        id_: str | None = None,
        corrects: str | None = None,
        retracts: str | None = None,
    ) -> Incoming:
        family = EVENT_TYPES[payload.type_].family
        event = Event(
            id=id_ or str(uuid4()),
            type=payload.type_,
            source=f"/{publisher}",
            time=self.now,
            data=payload,
            corrects=corrects,
            retracts=retracts,
        )
        return Incoming(
            RecordPosition(f"{family}.{publisher}", 0, next(self._offset)),
            family,
            publisher,
            event,
            event_uuid(publisher or "", family, event.id),
            payload.subject_key(publisher or ""),
        )

    async def read(self, *events: Incoming) -> list[Verdict]:
        """Let the right reader decide a batch, in a transaction as the loop has one."""
        match events[0].family:
            case Family.SUPPORT:
                handler: Any = self.read_support
            case _:
                handler = partial(placements.read, secrets=self.secrets, policy=self.policy.disclosure)
        async with transaction(self.worker) as conn:
            return list(await handler(conn, events, self.now))

    async def read_support(self, conn: Connection, batch: Sequence[Incoming], now: datetime) -> list[Verdict]:
        months = self.policy.consent.months
        return await read_support(conn, batch, now, consent_months=months, secrets=self.secrets)

    async def say(self, publisher: str | None, *payloads: Payload) -> list[Verdict]:
        return await self.read(*(self.incoming(publisher, payload) for payload in payloads))

    async def settle(self) -> None:
        """Work off what waits: assessments, then alerts."""
        assessor, reconciler = RiskAssessor(self.worker, self.books), self.reconciler
        while await assessor.drain(self.now) + await reconciler.drain(self.now):
            pass
        await self.release()

    async def release(self) -> None:
        """Let the held mails go out whose office allows it now."""
        worker = ReleaseWorker(self.worker, office_hours, Telling())
        while await worker.drain(self.now):
            pass

    @property
    def reconciler(self) -> AlertReconciler:
        return AlertReconciler(
            self.worker, self.secrets, self.policy, Rounds(RiskBookshelf(parameters.load()))
        )

    async def send_all(self, worker: DeliveryWorker) -> None:
        """Send what may go out, and what somebody else hears because it did not arrive."""
        await self.release()
        while await worker.drain():
            await self.release()

    async def escalate(self) -> int:
        done = await EscalationWorker(self.worker).drain(self.now)
        await self.release()
        return done

    async def remind(self) -> int:
        done = await ReminderWorker(self.worker).drain(self.now)
        await self.release()
        return done

    def delivery_worker(self, **changes: Any) -> DeliveryWorker:  # noqa: ANN401 - fields of the worker
        metrics = DeliveryMetrics.on(CollectorRegistry())
        usual = DeliveryWorker(
            self.worker, self.server, MailTexts(), "https://hilfe.example", 1, metrics.count
        )
        return replace(usual, **changes)

    async def deliver(self) -> int:
        await self.release()
        return await self.delivery_worker().drain()

    def visiting(
        self, organisation: str, *offices: str, person: str = "somebody"
    ) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction as somebody of these offices (all of the organisation if none is named)."""
        own = [slug for slug, (whose, _) in PUBLISHERS.items() if whose == organisation]
        return web_transaction(self.web, organisation=organisation, offices=offices or own, person=person)

    async def rows(self, statement: str, *args: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - SQL arguments
        async with self.worker.acquire() as conn:
            return list(await conn.fetch(statement, *args))

    async def value(self, statement: str, *args: Any) -> Any:  # noqa: ANN401 - SQL arguments and values
        async with self.worker.acquire() as conn:
            return await conn.fetchval(statement, *args)

    async def forget(self, *tables: str) -> None:
        """Empty tables, as only the administrator may."""
        admin = await asyncpg.connect(self.database.admin)
        try:
            await admin.execute(f"TRUNCATE {', '.join(tables)}")
        finally:
            await admin.close()

    async def load_offices(self, *entries: OfficeEntry) -> None:
        async with transaction(self.worker) as conn:
            await offices.load(conn, entries)

    # What people do

    async def register(
        self, reference: str, *, desk: str = DESK, youth_until: str | None = None, town: str = TOWN
    ) -> UUID:
        stated = registration(reference, desk=desk, youth_until=youth_until, town=town)
        await self.say(None, stated.model_copy(update={"version": next(self._versions)}))
        return participant_id(desk, reference)

    async def registered(self, reference: str, **changes: Any) -> UUID:  # noqa: ANN401 - fields of the state
        """Have allocation state a person anew."""
        stated = registration(reference).model_copy(update={"version": next(self._versions)} | changes)
        await self.say(None, stated)
        return stated.participant

    async def keep(self, reference: str, contact: Contact, *, desk: str = DESK) -> UUID:
        person = participant_id(desk, reference)
        kept = people.PersonRecord(person, PUBLISHERS[desk][0], desk, reference, contact)
        async with transaction(self.worker) as conn:
            await people.keep(conn, self.secrets, kept, self.now)
        return person

    async def consent(
        self, reference: str, *purposes: str, office_: str = MBE, desk: str = DESK, given: date = TODAY
    ) -> None:
        granted = ConsentGranted(reference=reference, office=office_, purposes=purposes, given_on=given)
        await self.say(desk, granted)

    async def revoke(self, reference: str, *, office_: str | None = None, desk: str = DESK) -> None:
        await self.say(desk, ConsentRevoked(reference=reference, office=office_, revoked_on=TODAY))

    async def announce(self, course: str = "k-1", starts_on: date = TODAY) -> UUID:
        return await self.stated(course, starts_on)

    async def stated(self, course: str = "k-1", starts_on: date = TODAY, **changes: Any) -> UUID:  # noqa: ANN401
        """Have allocation state a course anew."""
        stated = announcement(course, starts_on).model_copy(
            update={"version": next(self._versions)} | changes
        )
        await self.say(None, stated)
        return stated.course

    async def enrol(self, person: UUID, course: str = "k-1", *, version: int = 3) -> UUID:
        confirmed = enrolment(person, course, version=version)
        await self.say(None, confirmed)
        return confirmed.placement

    async def attend(
        self,
        course: str,
        day: date,
        marks: dict[UUID, str],
        *,
        id_: str | None = None,
        **refers: str,
    ) -> list[Verdict]:
        """Report a day as soon as that is possible."""
        self.now = max(self.now, datetime.combine(day - timedelta(days=1), NOW.timetz()))
        recorded = attendance(course, day, marks)
        return await self.read(self.incoming(PROVIDER, recorded, id_=id_, **refers))


def registration(
    reference: str, *, desk: str = DESK, youth_until: str | None = None, town: str = TOWN, version: int = 1
) -> ParticipantStated:
    return ParticipantStated(
        participant=participant_id(desk, reference),
        version=version,
        office=desk,
        kreis=town[:5],
        town=town,
        youth_until=youth_until,
        asylum_phase="none",
        registered_on=TODAY,
    )


def announcement(course: str, starts_on: date = TODAY, *, version: int = 1) -> CourseStated:
    ends_on = starts_on + timedelta(days=200)
    return CourseStated(
        course=course_id(PROVIDER, course),
        version=version,
        provider=PROVIDER,
        own_course=course,
        title="Deutsch am Vormittag",
        kreis="99001",
        starts_on=starts_on,
        ends_on=ends_on,
        sections=(StatedSection(number=1, starts_on=starts_on, ends_on=ends_on),),
    )


def enrolment(person: UUID, course: str = "k-1", *, version: int = 3, **changes: Any) -> EnrolmentConfirmed:  # noqa: ANN401
    return step(EnrolmentConfirmed, person, course, version=version, **changes)


def step(
    kind: type[StepType],
    person: UUID,
    course: str = "k-1",
    **changes: Any,  # noqa: ANN401 - fields of the step
) -> StepType:
    placement = course_id("placements", f"{person}/{course}")
    fields: dict[str, Any] = {
        "placement": placement,
        "version": 3,
        "participant": person,
        "course": course_id(PROVIDER, course),
        "provider": PROVIDER,
        "own_course": course,
        "office": DESK,
        "kreis": "99001",
        "entry_section": 1,
        "starts_on": TODAY,
        "ends_on": TODAY + timedelta(days=200),
        "from_state": "accepted",
        "to_state": "confirmed",
        "reason": Reason(code="confirmed"),
        "decided_at": NOW,
    }
    return kind(**(fields | changes))


def attendance(course: str, day: date, marks: dict[UUID, str], *, held: float = 5) -> AttendanceRecorded:
    entries = tuple(
        AttendanceEntry(participant=person, mark=mark, ue=held if mark == "X" else 0)
        for person, mark in marks.items()
    )
    return AttendanceRecorded(course=course, day=day, ue_held=held, entries=entries)


def school_days(first: date, number: int) -> Sequence[date]:
    days = (first + timedelta(days=n) for n in range(number * 2))
    return [day for day in days if day.weekday() < 5][:number]


@asynccontextmanager
async def world_on(database: Database, keys: Database) -> AsyncIterator[World]:
    worker = await open_pool(database.worker, name="test worker")
    web = await open_pool(database.web, name="test web")
    keys_pool = await open_pool(keys.worker, name="test keys")
    try:
        async with worker.acquire() as conn:
            await conn.executemany(
                "INSERT INTO runtime.publisher (slug, name, kinds, organisation, authority, kreise,"
                " event_types, supplier_ids, active, version)"
                " VALUES ($1, $1, '{office}', $2, $3, '{99001}', '{}', '{}', true, 1)",
                [(slug, *whose) for slug, whose in PUBLISHERS.items()],
            )
        secrets = PersonSecrets(keys_pool, Keks.from_text(KEK), IDENTITY_KEY)
        world = World(database, worker, web, secrets, settings.load())
        await world.load_offices(office(MBE), office(JMD), office(OTHER, catchment=["99002"]))
        yield world
    finally:
        await worker.close()
        await keys_pool.close()
        await web.close()
