"""What allocation judged is what the support side has: of courses, people and ended enrolments."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from schemas.base import Payload
from schemas.identity import effect_id
from schemas.offices import AssignedByAuthority, ParticipantChanged, ParticipantWithdrawn
from schemas.providers import CourseChanged, Lesson, ParticipantLeft, Venue
from schemas.topics import EVENT_TYPES
from services.allocation.acts.statements import Statements
from services.notifications.risk import parameters
from services.notifications.risk.assessor import RiskAssessor
from services.notifications.risk.parameters_store import RiskBookshelf
from services.runtime.events.subscription import Applied, Rejected
from tests.allocation import builders
from tests.allocation import world as allocation
from tests.allocation.builders import KREIS, NOW, OFFICE, OTHER_OFFICE, OTHER_PROVIDER, PROVIDER, START
from tests.conftest import MakeDatabase
from tests.notifications import world as notifications
from tests.notifications.topics import Said, Topics

COURSES, PEOPLE = ["k1", "k2", "never-announced"], ["p1", "p2", "p3"]


@dataclass
class Both:
    """The two sides, and what connects them."""

    steering: allocation.World
    support: notifications.World
    topics: Topics
    read: int = 0

    async def told(self) -> list[Said]:
        """Return what allocation has told since the last time."""
        rows = await self.steering.rows(
            "SELECT position, id, type, payload FROM runtime.outbox WHERE position > $1 ORDER BY position",
            self.read,
        )
        self.read = max((row["position"] for row in rows), default=self.read)
        return [
            Said(None, EVENT_TYPES[row["type"]].payload.model_validate_json(row["payload"]), str(row["id"]))
            for row in rows
        ]

    async def pass_on(self) -> None:
        """Let the support side read all that was told."""
        if told := await self.told():
            await self.topics.write(*told)

    async def agree(self) -> None:
        """Compare courses, people and places of the two databases."""
        assert await self._courses_there() == await self._courses_here()
        there = await self.steering.rows("SELECT participant, kreis, town, withdrawn_on FROM participant")
        here = await self.support.rows(
            "SELECT participant_id, kreis, town, withdrawn_on FROM participant_fact"
        )
        assert sorted(map(tuple, there)) == sorted(map(tuple, here))
        there = await self.steering.rows(
            "SELECT placement, state, CASE WHEN state IN ('left', 'transferred', 'completed')"
            " THEN ended_on END FROM placement WHERE published"
        )
        here = await self.support.rows(
            "SELECT placement_id, state, CASE WHEN state IN ('left', 'transferred', 'completed')"
            " THEN ended_on END FROM placement"
        )
        assert sorted(map(str, map(tuple, there))) == sorted(map(str, map(tuple, here)))
        assert not await self.support.value(
            "SELECT count(*) FROM placement WHERE ended_on IS NOT NULL"
            " AND state IN ('accepted', 'confirmed', 'started', 'interrupted')"
        )

    async def _courses_there(self) -> list[tuple[object, ...]]:
        rows = await self.steering.rows(
            "SELECT c.course, c.title, CASE WHEN c.state = 'cancelled' THEN c.ended_on END,"
            " CASE WHEN c.state = 'completed' THEN c.ended_on END,"
            " (SELECT array_agg(s.number ORDER BY s.number) FROM course_section AS s"
            "  WHERE s.course = c.course AND NOT s.removed) FROM course AS c ORDER BY c.course"
        )
        return [tuple(row) for row in rows]

    async def _courses_here(self) -> list[tuple[object, ...]]:
        rows = await self.support.rows(
            "SELECT course_id, title, cancelled_on, completed_on,"
            " (SELECT array_agg((s ->> 'number')::integer ORDER BY (s ->> 'number')::integer)"
            "  FROM jsonb_array_elements(sections) AS s) FROM course ORDER BY course_id"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def both(database: MakeDatabase, prefix: str) -> AsyncIterator[Both]:
    steering, support = await database("allocation"), await database("notifications")
    keys = await database("keys")
    async with allocation.world_on(steering, prefix) as there, notifications.world_on(support, keys) as here:
        await allocation.enter_publishers(here.worker)
        yield Both(there, here, Topics(here))


async def test_announced_cancelled_and_announced_again_is_held_on_both_sides(both: Both) -> None:
    for payload in (builders.announced(), builders.cancelled(), builders.announced()):
        await both.steering.must(PROVIDER, payload)
        await both.pass_on()
    await both.agree()
    assert await both.support.value("SELECT cancelled_on FROM course") is None


async def test_a_refused_cancellation_cancels_nowhere(both: Both) -> None:
    await both.steering.must(PROVIDER, builders.announced())
    refused = await both.steering.say(PROVIDER, builders.cancelled(), retracts="e0")
    assert isinstance(refused, Rejected)
    await both.pass_on()
    await both.agree()
    assert await both.support.value("SELECT cancelled_on FROM course") is None


async def test_a_rejected_exit_ends_no_enrolment(both: Both) -> None:
    await both.steering.must(PROVIDER, builders.announced())
    await both.steering.must(OTHER_PROVIDER, builders.announced())
    await both.steering.must(OFFICE, builders.registered())
    placement = await both.steering.enrolled()
    verdict = await both.steering.say(OTHER_PROVIDER, builders.left())
    assert isinstance(verdict, Rejected)
    await both.pass_on()
    await both.agree()
    assert await both.support.value("SELECT state FROM placement WHERE placement_id = $1", placement) == (
        "confirmed"
    )


async def test_a_course_that_goes_on_is_looked_at_again(both: Both) -> None:
    await both.steering.must(PROVIDER, builders.announced())
    await both.pass_on()
    course = builders.course()
    await both.support.rows(
        "INSERT INTO course_day (course_id, day, event_id, ue_held, listed, assessed)"
        " VALUES ($1, $2, 'e', 5, 0, true)",
        course,
        START,
    )
    for payload in (builders.cancelled(), builders.announced()):
        await both.steering.must(PROVIDER, payload)
        await both.pass_on()
    assert await both.support.value("SELECT assessed FROM course_day") is False
    assert await RiskAssessor(both.support.worker, RiskBookshelf(parameters.load())).drain(NOW) == 1


async def test_an_older_state_changes_nothing(both: Both) -> None:
    for payload in (builders.announced(), builders.cancelled()):
        await both.steering.must(PROVIDER, payload)
    told = await both.told()
    await both.topics.write(*reversed(told))
    await both.agree()
    assert await both.support.value("SELECT cancelled_on FROM course") is not None


async def test_what_was_never_told_is_told_once_after_an_upgrade(both: Both) -> None:
    await both.steering.must(PROVIDER, builders.announced())
    await both.steering.must(OFFICE, builders.registered())
    await both.told()  # lost: the release before told nobody
    await both.steering.rows("UPDATE course SET stated = 0")
    await both.steering.rows("UPDATE participant SET stated = 0")
    statements = Statements(both.steering.pool, both.steering.placements)
    await both.steering.rows("DELETE FROM runtime.outbox")
    assert await statements.tell_rest(NOW) == 2
    assert await statements.tell_rest(NOW) == 0
    await both.pass_on()
    await both.agree()
    assert await both.support.value("SELECT count(*) FROM course") == 1


async def test_a_course_told_with_fewer_facts_is_told_again_after_an_upgrade(both: Both) -> None:
    lesson = Lesson.model_validate({"weekday": "mon", "starts_at": "08:30", "ends_at": "12:45"})
    venue = Venue(name="Haus der Bildung", street="Ländgasse 41", latitude=48.5, longitude=12.1)
    await both.steering.must(PROVIDER, builders.announced(lessons=(lesson,), venue=venue, childcare=True))
    await both.pass_on()
    # As the release before left it: told without where and when, and stored without.
    await both.steering.rows("UPDATE course SET stated_as = 1")
    await both.support.rows("UPDATE course SET venue = NULL, lessons = '[]', childcare = NULL, online = NULL")
    statements = Statements(both.steering.pool, both.steering.placements)
    assert await statements.tell_rest(NOW) == 1
    assert await Statements(both.steering.pool, both.steering.placements).tell_rest(NOW) == 0
    await both.pass_on()
    (row,) = await both.support.rows("SELECT venue, lessons, childcare, online, stated FROM course")
    assert row["venue"] == {
        "name": "Haus der Bildung", "street": "Ländgasse 41", "postcode": None, "town": None
    }  # fmt: skip
    assert [one["starts_at"] for one in row["lessons"]] == ["08:30:00"]
    assert (row["childcare"], row["online"], row["stated"]) == (True, False, 2)


async def test_a_person_told_without_the_end_of_the_right_is_told_again_after_an_upgrade(both: Both) -> None:
    await both.steering.must(OFFICE, builders.registered())
    await both.pass_on()
    # As the release before left it: the end of the right was known here and not told.
    await both.steering.rows("UPDATE participant SET stated_as = 1, valid_until = '2027-01-31'")
    assert await Statements(both.steering.pool, both.steering.placements).tell_rest(NOW) == 1
    assert await Statements(both.steering.pool, both.steering.placements).tell_rest(NOW) == 0
    await both.pass_on()
    (row,) = await both.support.rows("SELECT right_until, stated FROM participant_fact")
    assert tuple(row) == (date(2027, 1, 31), 2)


async def test_an_exit_that_was_corrected_stays_so(both: Both) -> None:
    steering = both.steering
    await steering.must(PROVIDER, builders.announced())
    await steering.must(OFFICE, builders.registered())
    await steering.enrolled()
    right = date(2026, 4, 27)
    first, second = builders.left(), builders.left(left_on=right)
    original = steering.event(PROVIDER, first)
    correction = steering.event(PROVIDER, second, corrects=original.event.id)
    late = steering.event(PROVIDER, first, retracts=original.event.id)
    verdicts = await steering.judged(original, correction, late)
    assert isinstance(verdicts[2], Applied)
    assert [problem.code for problem in verdicts[2].warnings] == ["event_superseded"]
    await both.pass_on()
    await both.agree()
    assert await both.support.value("SELECT ended_on FROM placement") == right


def of_provider(chance: random.Random) -> tuple[str, Payload]:
    own = chance.choice(COURSES)
    match chance.randrange(6):
        case 0 | 1:
            title = chance.choice(["Kurs", "Abendkurs"])
            return PROVIDER, builders.announced(chance.choice(COURSES[:2]), title=title, capacity=9)
        case 2:
            return PROVIDER, CourseChanged(course=own, title="Umbenannt")
        case 3:
            return PROVIDER, CourseChanged(course=own, sections=builders.sections(chance.randint(1, 4)))
        case 4 if chance.random() < 0.3:
            return PROVIDER, builders.completed(own)
        case _:
            return PROVIDER, builders.cancelled(own)


def of_exit(chance: random.Random) -> tuple[str, Payload]:
    left = ParticipantLeft(
        course=chance.choice(COURSES),
        participant=builders.person(chance.choice(PEOPLE)),
        kind=chance.choice(["work", "moved", "transfer"]),
        left_on=START + timedelta(days=chance.randrange(60)),
    )
    return chance.choice([PROVIDER, PROVIDER, OTHER_PROVIDER]), left


def of_office(chance: random.Random) -> tuple[str, Payload]:
    reference = chance.choice(PEOPLE)
    match chance.randrange(5):
        case 0:
            kreis = chance.choice([KREIS, "99002"])
            changed = ParticipantChanged(reference=reference, town="99001003", kreis=kreis)
            return chance.choice([OFFICE, OTHER_OFFICE]), changed
        case 1 if chance.random() < 0.4:
            return OFFICE, ParticipantWithdrawn(reference=reference, withdrawn_on=START, reason="moved")
        case 2:
            return OFFICE, builders.registered(reference)
        case _:
            return OFFICE, builders.assigned(reference, chance.choice(COURSES[:2]))


def some_event(chance: random.Random, made: Sequence[tuple[UUID, str, str]]) -> tuple[str, Payload]:
    roll = chance.random()
    if made and roll < 0.1:
        placement, reference, course = chance.choice(made)
        return PROVIDER, builders.confirmed(placement, builders.person(reference), course)
    if roll < 0.5:
        return of_provider(chance)
    return of_exit(chance) if roll < 0.7 else of_office(chance)


@pytest.mark.parametrize("seed", range(8))
async def test_both_sides_agree_after_any_story(both: Both, seed: int) -> None:
    chance, steering = random.Random(seed), both.steering
    made: list[tuple[UUID, str, str]] = []
    ids: dict[str, list[str]] = {}
    verdicts: list[str] = []
    waiting: list[Said] = []
    for _ in range(120):
        slug, payload = some_event(chance, made)
        said = ids.setdefault(slug, [])
        refers = {}
        if said and isinstance(payload, ParticipantLeft) and chance.random() < 0.5:
            refers = {chance.choice(["corrects", "retracts"]): chance.choice([*said[-8:], str(uuid4())])}
        incoming = steering.event(slug, payload, **refers)
        said.append(incoming.event.id)
        if isinstance(payload, AssignedByAuthority):
            id_ = effect_id(incoming.cause, "placement", incoming.subject)
            made.append((id_, payload.reference, payload.course))
        (verdict,) = await steering.judged(incoming)
        verdicts.append(type(verdict).__name__)
        if chance.random() < 0.3:
            waiting += await both.told()
            late = [chance.choice(waiting) for _ in range(2)] if waiting else []
            chance.shuffle(waiting)  # no order between topics and partitions is relied upon
            if waiting:
                await both.topics.write(*waiting, *late)
            waiting = []
    await both.pass_on()
    await both.agree()
    assert {"Applied", "Rejected", "Parked"} <= set(verdicts), verdicts
