"""Policies on a real database: two people, one audit trail, one Kreis at a time, known to every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy import acts as policy_steps
from services.allocation.policy import store as policy_store
from services.allocation.policy.acts import PolicyChanged, PolicyResult, PolicyUnchanged
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.store import Version
from services.allocation.policy.terms import PolicyTerms
from services.runtime.data.db import open_pool, web_transaction
from tests.conftest import MakeDatabase

NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
KREIS, OTHER = "99001", "99002"
JANA, PETER = "jana-vogt", "peter-lindner"
BOOK = load_rulebook()
DOCUMENT = """\
valid_from: {day}
source: "decided for a test"
automatic: [expire, confirm]
reservation: {{days: {days}, present_days: 3}}
cadence: {{every: daily, hour: 6, near_start_days: 14}}
limits: {{latest_start_days: 100, late_entry: false}}
goals: [priority, waiting]
"""


def document(day: str = "2026-03-10", days: int = 7) -> str:
    return DOCUMENT.format(day=day, days=days)


@dataclass
class Place:
    """A database with two Kreise, seen by the web role, and a process that follows its policies."""

    web: asyncpg.Pool
    worker: asyncpg.Pool
    worker_dsn: str
    admin_dsn: str
    policies: CurrentPolicies

    def as_person(self, person: str, kreis: str = KREIS) -> AbstractAsyncContextManager[asyncpg.Connection]:
        return web_transaction(self.web, kreise=[kreis], person=person)

    async def write(
        self, text: str | None = None, by: str = JANA, kreis: str = KREIS, based_on: UUID | None = None
    ) -> Version:
        async with self.as_person(by, kreis) as conn:
            return await policy_steps.write(
                conn, kreis, text or document(), by, NOW, book=BOOK, based_on=based_on
            )

    async def submit(self, one: Version, by: str = JANA) -> PolicyResult:
        async with self.as_person(by, one.kreis) as conn:
            return await policy_steps.submit(conn, one.id, by, NOW, "more people are to be placed")

    async def activate(self, one: Version, by: str = PETER, now: datetime = NOW) -> PolicyResult:
        async with self.as_person(by, one.kreis) as conn:
            return await policy_steps.activate(conn, one.id, by, now, seen=one.sha256, book=BOOK)

    async def withdraw(self, one: Version, by: str = PETER) -> PolicyResult:
        async with self.as_person(by, one.kreis) as conn:
            return await policy_steps.withdraw(conn, one.id, by, NOW, "it was not what we meant")

    async def active(self, text: str | None = None, kreis: str = KREIS, now: datetime = NOW) -> Version:
        one = await self.write(text, kreis=kreis)
        assert isinstance(await self.submit(one), PolicyChanged)
        done = await self.activate(one, now=now)
        assert isinstance(done, PolicyChanged), done
        return done.version

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.worker.fetch(query, *values)]


@pytest.fixture
async def place(database: MakeDatabase) -> AsyncIterator[Place]:
    made = await database("allocation")
    web = await open_pool(made.web, name="policy-test", max_size=4)
    worker = await open_pool(made.worker, name="policy-test-worker", max_size=4)
    policies = CurrentPolicies(load_policies(), worker)
    await policies.refreshed()
    yield Place(web, worker, made.worker, made.admin, policies)
    await web.close()
    await worker.close()


def code(outcome: PolicyResult) -> str:
    assert isinstance(outcome, PolicyUnchanged), outcome
    return outcome.code


async def test_from_a_draft_to_what_holds(place: Place) -> None:
    one = await place.active()
    assert await place.rows("SELECT region, reasons FROM steering_request") == [(KREIS, ["policy_activated"])]
    assert place.policies.at(KREIS, NOW).reservation.days == 10  # the process has not looked yet
    assert await place.policies.refreshed() == 1
    assert place.policies.on(KREIS, date(2026, 3, 9)).reservation.days == 10
    assert place.policies.on(KREIS, date(2026, 3, 10)).reservation.days == 7
    assert place.policies.on(OTHER, date(2026, 3, 10)).reservation.days == 10
    assert place.policies.active_policy(KREIS, date(2026, 3, 10)).version == one.id  # type: ignore[union-attr]
    assert await place.policies.refreshed() == 0
    terms = PolicyTerms(place.policies)
    later = NOW + timedelta(days=14)
    assert terms.automatic(KREIS, "confirm", later)
    assert not terms.automatic(OTHER, "confirm", later)
    async with place.as_person(JANA) as conn:
        events = await policy_store.events(conn, KREIS)
    assert [(event.what, event.actor) for event in events] == [
        ("activated", PETER), ("submitted", JANA), ("drafted", JANA),
    ]  # fmt: skip


async def test_the_writer_cannot_activate(place: Place) -> None:
    one = await place.write()
    assert code(await place.activate(one)) == "policy_not_submitted"
    assert code(await place.submit(one, by=PETER)) == "policy_not_yours"
    assert isinstance(await place.submit(one), PolicyChanged)
    assert code(await place.submit(one)) == "policy_not_a_draft"
    assert code(await place.activate(one, by=JANA)) == "policy_second_person"
    assert isinstance(await place.activate(one), PolicyChanged)
    assert code(await place.activate(one)) == "policy_not_submitted"


Forge = Callable[[asyncpg.Connection, Version], Awaitable[object]]


async def _as_writer(conn: asyncpg.Connection, one: Version) -> None:
    await policy_store.activate(conn, one.id, one.written_by, NOW, one.valid_from)


async def _as_somebody_else(conn: asyncpg.Connection, one: Version) -> None:
    await policy_store.activate(conn, one.id, "tim-albers", NOW, one.valid_from)


async def _another_writer(conn: asyncpg.Connection, one: Version) -> None:
    await conn.execute("UPDATE policy_version SET written_by = 'tim-albers' WHERE id = $1", one.id)


async def _other_text(conn: asyncpg.Connection, one: Version) -> None:
    await policy_store.rewrite(conn, one.id, one.valid_from, document(days=20), NOW)


async def _other_content(conn: asyncpg.Connection, one: Version) -> None:
    await conn.execute("UPDATE policy_version SET document = 'x' WHERE id = $1", one.id)


async def _back_to_draft(conn: asyncpg.Connection, one: Version) -> None:
    await conn.execute("UPDATE policy_version SET state = 'draft', submitted_at = NULL WHERE id = $1", one.id)


@pytest.mark.parametrize(
    ("forge", "by"),
    [
        (_as_writer, JANA),
        (_as_somebody_else, PETER),
        (_as_somebody_else, JANA),
        (_another_writer, PETER),
        (_other_text, JANA),
        (_other_content, JANA),
        (_back_to_draft, JANA),
    ],
)
async def test_the_database_keeps_it_so(place: Place, forge: Forge, by: str) -> None:
    one = await place.write()
    await place.submit(one)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with place.as_person(by) as conn:
            await forge(conn, one)


async def test_the_second_person_is_asked_of_the_worker_role_too(place: Place) -> None:
    one = await place.write()
    await place.submit(one)
    with pytest.raises(asyncpg.CheckViolationError, match="policy_version_second_person"):
        async with place.worker.acquire() as conn:
            await policy_store.activate(conn, one.id, JANA, NOW, one.valid_from)  # type: ignore[arg-type]


async def test_nobody_writes_in_the_name_of_somebody_else(place: Place) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with place.as_person(PETER) as conn:
            await policy_steps.write(conn, KREIS, document(), JANA, NOW, book=BOOK)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM policy_event",
        "DELETE FROM policy_version",
        "DELETE FROM travel_table",
        "UPDATE policy_event SET actor = 'nobody'",
    ],
)
async def test_nothing_is_erased(place: Place, statement: str) -> None:
    await place.active()
    for pool in (place.web, place.worker):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with web_transaction(pool, kreise=[KREIS], person=JANA) as conn:
                await conn.execute(statement)


async def test_another_kreis_sees_and_changes_nothing(place: Place) -> None:
    one = await place.active()
    async with place.as_person(PETER, OTHER) as conn:
        assert await policy_store.version(conn, one.id) is None
        assert not await policy_store.versions(conn, KREIS)
        assert not await policy_store.events(conn, KREIS)
        assert await policy_store.active_ids(conn) == frozenset()
        assert code(await policy_steps.withdraw(conn, one.id, PETER, NOW, "ten letters")) == "policy_unknown"
        assert await conn.fetchval("SELECT count(*) FROM policy_version") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with place.as_person(JANA, OTHER) as conn:
            await policy_steps.write(conn, KREIS, document(), JANA, NOW, book=BOOK)


async def test_a_draft_is_changed_by_its_writer_and_copied_by_others(place: Place) -> None:
    one = await place.write()
    again = await place.write(document(days=8), based_on=one.id)
    assert again.id == one.id
    assert again.sha256 != one.sha256
    copy = await place.write(document(days=9), by=PETER, based_on=one.id)
    assert copy.id != one.id
    assert copy.based_on == one.id
    assert copy.written_by == PETER
    assert isinstance(await place.submit(again), PolicyChanged)
    assert code(await place.activate(one)) == "policy_changed_meanwhile"  # Peter read the first text
    assert isinstance(await place.activate(again), PolicyChanged)


async def test_a_policy_of_the_same_day_replaces_the_one_before(place: Place) -> None:
    first = await place.active(document(days=7))
    second = await place.active(document(days=8))
    await place.policies.refreshed()
    assert place.policies.on(KREIS, date(2026, 3, 10)).reservation.days == 8
    states = dict(await place.rows("SELECT id, state FROM policy_version"))
    assert states == {first.id: "withdrawn", second.id: "active"}
    assert ("replaced",) in await place.rows("SELECT what FROM policy_event WHERE version = $1", first.id)


async def test_two_policies_of_a_day_at_the_same_moment(place: Place) -> None:
    made = [await place.write(document(days=days)) for days in (5, 6, 7, 8)]
    for one in made:
        await place.submit(one)
    outcomes = await asyncio.gather(*(place.activate(one) for one in made), return_exceptions=True)
    assert all(isinstance(one, PolicyChanged | asyncpg.UniqueViolationError) for one in outcomes), outcomes
    assert await place.rows("SELECT count(*) FROM policy_version WHERE state = 'active'") == [(1,)]


async def test_dated_policies_take_over_and_fall_back(place: Place) -> None:
    await place.active(document("2026-03-10", 7))
    late = await place.active(document("2026-02-01", 5))  # its day has passed: it holds from today on
    assert late.holds_from == date(2026, 3, 2)
    last = await place.active(document("2026-04-01", 9))
    await place.policies.refreshed()
    held = [place.policies.on(KREIS, date(2026, month, day)).reservation.days for month, day in (
        (3, 1), (3, 2), (3, 9), (3, 10), (3, 31), (4, 1),
    )]  # fmt: skip
    assert held == [10, 5, 5, 7, 7, 9]
    assert isinstance(await place.withdraw(last), PolicyChanged)
    assert code(await place.withdraw(last)) == "policy_over"
    assert await place.policies.refreshed() == 1
    assert place.policies.on(KREIS, date(2026, 4, 1)).reservation.days == 7
    assert ["policy_activated", "policy_withdrawn"] in [
        reasons for (reasons,) in await place.rows("SELECT reasons FROM steering_request")
    ]


async def test_a_document_with_mistakes_is_not_kept(place: Place) -> None:
    with pytest.raises(DocumentError):
        await place.write(document(days=99))
    assert await place.rows("SELECT count(*) FROM policy_version") == [(0,)]
    assert await place.rows("SELECT count(*) FROM policy_event") == [(0,)]


async def test_what_another_process_activates_is_known_after_a_look(place: Place) -> None:
    other = CurrentPolicies(load_policies(), place.worker)
    await place.active(document("2026-03-02", 4), kreis=OTHER)
    await place.active(document("2026-03-02", 6))
    assert await place.policies.refreshed() == await other.refreshed() == 1
    for policies in (place.policies, other):
        assert [policies.at(kreis, NOW).reservation.days for kreis in (KREIS, OTHER)] == [6, 4]


async def test_a_run_follows_what_its_own_transaction_sees(place: Place) -> None:
    async with place.worker.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        assert await conn.fetchval("SELECT count(*) FROM policy_version") == 0
        await place.active(document("2026-03-02", 6))
        await place.policies.refreshed()
        held = await place.policies.seen_by(conn)  # type: ignore[arg-type]
        assert held.on(KREIS, NOW.date()).reservation.days == 10
        assert place.policies.at(KREIS, NOW).reservation.days == 6
    async with place.worker.acquire() as conn:
        held = await place.policies.seen_by(conn)  # type: ignore[arg-type]
        assert held.on(KREIS, NOW.date()).reservation.days == 6


async def test_an_activated_policy_that_cannot_be_read_holds_nothing_and_is_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    good = await place.active(document("2026-03-02", 6))
    old = await place.active(document("2026-03-03", 5))
    admin = place.worker
    text = "goals_of_yore: []\n"
    async with admin.acquire() as conn, conn.transaction():
        one = uuid4()
        await conn.execute(
            "INSERT INTO policy_version (id, kreis, valid_from, document, sha256, written_by, written_at)"
            " VALUES ($1, $2, '2026-03-04', $3, $4, 'jana', $5)",
            one, KREIS, text, policy_store.digest(text), NOW,
        )  # fmt: skip
        await policy_store.submit(conn, one, NOW)  # type: ignore[arg-type]
        await policy_store.activate(conn, one, PETER, NOW, date(2026, 3, 4))  # type: ignore[arg-type]
    assert await place.policies.refreshed() == 1
    assert place.policies.unreadable == {one}
    assert place.policies.on(KREIS, date(2026, 3, 5)).reservation.days == 5
    assert "cannot be read any more" in caplog.text
    assert good.id != old.id
