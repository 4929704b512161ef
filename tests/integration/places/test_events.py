"""Events that name a town which is unknown or has ended are taken, and their publisher is warned."""

from collections.abc import AsyncIterator
from datetime import date

import pytest

from schemas.offices import ParticipantChanged
from schemas.providers import CourseChanged
from schemas.support import NeedReported
from services.notifications.consumer import subscriptions
from services.notifications.erasures.handlers import Erasures
from services.notifications.offices.domain import CounsellingOffice, PersonFacts
from services.notifications.offices.handlers import facts_of
from services.notifications.offices.ranking import rank
from services.places.checks import ENDED, UNKNOWN
from services.places.store import belong_to
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Problem, Rejected
from tests.allocation.builders import OFFICE, PROVIDER, announced, registered
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase
from tests.notifications import world as support
from tests.places.loaded import load_towns

TOWNS = (
    "99001001;Musterstadt;00100;;;;",
    "99001002;Beispielhausen;00110;;;;",
    "99001003;Altdorf;00120;;;2025-07-01;99001001",
)
EARLY = date(2025, 1, 1)
NOT_KNOWN, NO_MORE = Problem(UNKNOWN, field="town"), Problem(ENDED, field="town")


@pytest.fixture
async def world(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    async with world_on(await database("allocation"), prefix) as world:
        yield world


async def test_without_a_directory_nobody_is_warned(world: World) -> None:
    await world.must(PROVIDER, announced(town="99001777"))
    await world.must(OFFICE, registered(town="99001003"))


async def test_people_and_courses_in_unknown_and_ended_towns_are_taken_with_a_warning(world: World) -> None:
    await load_towns(world.database.admin, TOWNS, EARLY)
    await world.must(PROVIDER, announced("good"))
    await world.must(OFFICE, registered("p-1"))
    await world.must(OFFICE, registered("p-0", town="05315000"))  # no edition tells this Land
    verdict = await world.say(PROVIDER, announced("k2", town="99001777"))
    assert isinstance(verdict, Applied)
    assert verdict.warnings == (NOT_KNOWN,)
    assert verdict.unlocks  # the course is known as without the warning
    verdict = await world.say(OFFICE, registered("p-2", town="99001003"))
    assert isinstance(verdict, Applied)
    assert verdict.warnings == (NO_MORE,)
    assert {row["town"] for row in await world.rows("SELECT town FROM participant")} == {
        "99001002",
        "99001003",
        "05315000",
    }
    assert await world.say(OFFICE, ParticipantChanged(reference="p-1", town="99001777")) == Applied(
        (NOT_KNOWN,)
    )
    assert await world.say(OFFICE, ParticipantChanged(reference="p-1", max_travel_minutes=30)) == Applied()
    assert await world.say(PROVIDER, CourseChanged(course="good", town="99001003")) == Applied((NO_MORE,))


async def test_what_is_refused_is_not_warned_about_as_well(world: World) -> None:
    await load_towns(world.database.admin, TOWNS, EARLY)
    verdict = await world.say(PROVIDER, announced(kreis="98001", town="99001777"))
    assert verdict == Rejected(Problem("kreis_not_yours", field="kreis"))


async def test_several_events_are_warned_each_about_its_own_town(world: World) -> None:
    await load_towns(world.database.admin, TOWNS, EARLY)
    verdicts = await world.judged(
        world.event(OFFICE, registered("p-1", town="99001777")),
        world.event(OFFICE, registered("p-2")),
        world.event(OFFICE, registered("p-3", town="99001003")),
    )
    assert [one.warnings for one in verdicts if isinstance(one, Applied)] == [(NOT_KNOWN,), (), (NO_MORE,)]


async def test_needs_of_a_month_are_of_the_towns_of_that_month(database: MakeDatabase) -> None:
    async with support.world_on(await database("notifications"), await database("keys")) as world:
        await load_towns(world.database.admin, TOWNS, EARLY)
        erasures = Erasures(world.secrets, world.policy.retention)
        judge = subscriptions("", world.secrets, world.policy, erasures)[0].handler

        async def say(town: str, month: str) -> object:
            need = NeedReported(need="bus", town=town, month=month)
            async with transaction(world.worker) as conn:
                (verdict,) = await judge(conn, [world.incoming(support.DESK, need)], world.now)
            return verdict.warnings if isinstance(verdict, Applied) else verdict

        assert await say("99001001", "2026-02") == ()
        assert await say("99001777", "2026-02") == (NOT_KNOWN,)
        assert await say("99001003", "2026-02") == (NO_MORE,)
        assert await say("99001003", "2025-06") == ()


async def test_the_office_of_the_town_to_which_a_persons_town_belongs_is_responsible(
    database: MakeDatabase,
) -> None:
    async with support.world_on(await database("notifications"), await database("keys")) as world:
        await load_towns(world.database.admin, TOWNS, EARLY)
        async with transaction(world.worker) as conn:
            since = await belong_to(conn, ["99001003", "99001001", "99009009"], world.now.date())
            assert since == {"99001003": frozenset({"99001001"})}
            assert await belong_to(conn, ["99001003"], EARLY) == {}
        near = CounsellingOffice("near", "o", "mbe", catchment=frozenset({"99001001"}))
        far = CounsellingOffice("far", "o", "mbe", catchment=frozenset({"99001"}))
        facts = PersonFacts(town="99001003", town_since=since["99001003"])
        assert [one.office for one in rank(facts, [far, near], world.now.date())] == ["near", "far"]
        moved = await world.register("p-9", town="99001003")
        async with transaction(world.worker) as conn:
            found = await facts_of(conn, world.secrets, [moved], world.now)
        assert found[moved].town_since == {"99001001"}
