"""A provider's word counts for people who sit in its course; about anybody else nothing is stored."""

from datetime import timedelta
from uuid import UUID, uuid4

from schemas.placements import EnrolmentEnded, ParticipantsMerged, PlacementAdvanced, StatedSection
from services.notifications.participation import held_store
from services.notifications.participation.held_marks import HeldMarks
from services.notifications.retention import Retention
from services.runtime.events.subscription import Applied, Parked
from tests.integration.notifications.test_consent import places_of
from tests.notifications.topics import Said, Topics, allow_everything
from tests.notifications.world import MBE, PROVIDER, TODAY, World, announcement, attendance, school_days, step

DROPOUT = "dropout_support"


async def consenting(world: World, reference: str = "a-1") -> UUID:
    person = await world.register(reference)
    await world.consent(reference, DROPOUT)
    return person


async def take_up(world: World) -> int:
    return await HeldMarks(world.worker, world.secrets).take_up(world.now)


async def test_a_provider_cannot_invent_a_risk_about_somebody_of_another_course(world: World) -> None:
    await world.announce("k-1")
    await world.announce("k-2")
    person = await consenting(world)
    await world.enrol(person, "k-2")
    before = await places_of(world, person)
    for day in school_days(TODAY, 6):
        await world.attend("k-1", day, {person: "U", uuid4(): "X", uuid4(): "X"})
    await take_up(world)
    await world.settle()
    assert await world.value("SELECT count(*) FROM attendance") == 0
    assert await world.value("SELECT count(*) FROM risk") == 0
    assert await world.value("SELECT count(*) FROM alert") == 0
    assert await places_of(world, person) <= before


async def test_a_finding_says_the_same_of_unknown_foreign_and_silent_people(world: World) -> None:
    await world.announce()
    foreign, silent = await consenting(world), await world.register("a-2")
    for person in (foreign, silent, uuid4()):
        (verdict,) = await world.attend("k-1", TODAY, {person: "U"})
        assert isinstance(verdict, Applied)
        assert [(p.code, p.field) for p in verdict.warnings] == [
            ("participant_not_in_course", "entries.0.participant")
        ]


async def test_a_section_told_twice_and_a_merger_with_oneself_stop_no_report(world: World) -> None:
    """The published schemas allow both, and a database that objects would set the event aside."""
    twice = StatedSection(number=1, starts_on=TODAY, ends_on=TODAY)
    await world.stated("k-1", sections=(twice, twice))
    person = await consenting(world)
    await world.enrol(person)
    await world.say(None, ParticipantsMerged(merged=person, into=person, kreis="99001", decided_at=world.now))
    (verdict,) = await world.attend("k-1", TODAY, {person: "X"})
    assert isinstance(verdict, Applied)
    assert await world.value("SELECT count(*) FROM attendance") == 1
    assert await world.value("SELECT count(*) FROM participant_merge") == 0


async def test_only_the_days_of_the_place_count(world: World) -> None:
    start = TODAY + timedelta(days=7)
    await world.announce("k-1", start)
    person = await consenting(world)
    await world.say(None, step(PlacementAdvanced, person, starts_on=start, to_state="started"))
    ended = start + timedelta(days=1)
    for day in (start - timedelta(days=1), start, ended, ended + timedelta(days=1)):
        await world.attend("k-1", day, {person: "U"})
    left = step(
        EnrolmentEnded,
        person,
        version=9,
        from_state="started",
        to_state="left",
        ended_on=ended,
        starts_on=start,
    )
    await world.say(None, left)
    await world.attend("k-1", ended, {person: "X"})
    await world.attend("k-1", ended + timedelta(days=2), {person: "U"})
    rows = await world.rows("SELECT day FROM attendance ORDER BY day")
    assert [row["day"] for row in rows][:2] == [start, ended]
    assert ended + timedelta(days=2) not in [row["day"] for row in rows]


async def test_a_place_that_is_only_offered_is_none(world: World) -> None:
    await world.announce()
    person = await consenting(world)
    await world.say(None, step(PlacementAdvanced, person, from_state="proposed", to_state="reserved"))
    await world.attend("k-1", TODAY, {person: "U"})
    assert await world.value("SELECT count(*) FROM attendance") == 0


async def test_a_merged_person_sits_under_each_id(world: World) -> None:
    await world.announce()
    old, new = await consenting(world), await world.register("a-2")
    await world.enrol(new)
    await world.say(None, ParticipantsMerged(merged=old, into=new, kreis="99001", decided_at=world.now))
    await world.attend("k-1", TODAY, {old: "U"})
    assert await world.value("SELECT participant_id FROM attendance") == old


async def test_a_mark_read_before_the_place_counts_once_the_place_is_known(world: World) -> None:
    await world.announce()
    person = await consenting(world)
    days = school_days(TODAY, 3)
    for day in days:
        await world.attend("k-1", day, {person: "U"})
    assert await take_up(world) == 0
    assert "held_mark" not in str(await places_of(world, person))
    await world.enrol(person)
    assert await take_up(world) == 3
    await world.settle()
    assert await world.value("SELECT rule FROM risk") == "no_show"
    assert await world.value("SELECT count(*) FROM held_mark") == 0


async def test_what_is_held_ends_with_the_consent_and_with_the_day(world: World) -> None:
    await world.announce()
    person = await consenting(world)
    days = school_days(TODAY, 2)
    await world.attend("k-1", days[0], {person: "U"})
    await world.attend("k-1", days[1], {person: "U"}, id_="day-2")
    await world.attend("k-1", days[1], {person: "U"}, retracts="day-2")
    assert await world.value("SELECT count(*) FROM held_mark") == 1
    await world.revoke("a-1", office_=MBE)
    assert await world.value("SELECT count(*) FROM held_mark") == 0


async def test_what_is_held_is_limited_and_forgotten(world: World) -> None:
    await world.announce()
    people = [await consenting(world, f"a-{n}") for n in range(3)]
    for day in school_days(TODAY, held_store.MOST // 3 + 2):
        await world.attend("k-1", day, dict.fromkeys(people, "U"))
    assert await world.value("SELECT count(*) FROM held_mark") <= held_store.MOST
    await world.rows("UPDATE held_mark SET held_at = held_at - interval '8 days'")
    await Retention(world.worker, world.policy, world.secrets).clean(world.now)
    assert await world.value("SELECT count(*) FROM held_mark") == 0


async def test_a_parked_report_names_only_people_known_to_sit_there(world: World) -> None:
    seated, unseated, silent = [await world.register(f"a-{n}") for n in range(3)]
    for reference in ("a-0", "a-1"):
        await world.consent(reference, DROPOUT)
    for person in (seated, silent):
        await world.enrol(person, "k-9")
    (verdict,) = await world.attend("k-9", TODAY, {seated: "U", unseated: "U", silent: "U"})
    assert isinstance(verdict, Parked)
    assert verdict.keep is not None
    named = [person for person in (seated, unseated, silent) if str(person).encode() in verdict.keep]
    assert named == [seated]


async def test_a_parked_report_is_complete_once_course_and_place_are_known(world: World) -> None:
    await allow_everything(world)
    topics = Topics(world)
    person, silent = await consenting(world), await world.register("a-2")
    await topics.write(Said(PROVIDER, attendance("k-1", TODAY, {person: "U", silent: "U", uuid4(): "X"})))
    await topics.write(Said(None, announcement("k-1", version=7)))
    assert await world.value("SELECT count(*) FROM attendance") == 0
    await world.enrol(person)
    await world.enrol(silent)
    assert await take_up(world) == 1
    rows = await world.rows("SELECT participant_id, mark FROM attendance")
    assert [tuple(row) for row in rows] == [(person, "U")]
    # Nothing is said of people in a report that was kept: that would tell who consents.
    assert ("warning", "participant_not_in_course") not in await topics.findings()


async def test_an_unknown_publishers_class_waits_without_strangers(world: World) -> None:
    person, stranger = await consenting(world), uuid4()
    await world.announce()
    await world.enrol(person)
    await world.rows("DELETE FROM runtime.publisher WHERE slug = $1", PROVIDER)
    await Topics(world).write(Said(PROVIDER, attendance("k-1", TODAY, {person: "U", stranger: "U"})))
    assert await world.value("SELECT waits_for FROM runtime.parked") == f"publisher:{PROVIDER}"
    assert "runtime.parked" not in await places_of(world, stranger)
