"""The chain of a placement on a real PostgreSQL: states, seats, history, what is told and to whom."""

from datetime import date, timedelta

from services.allocation.acts.placements import Done
from services.runtime.events.subscription import Applied, Parked, Problem, Rejected
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    announced,
    completed,
    confirmed,
    declined,
    left,
    levelled,
    person,
    refused,
    registered,
)
from tests.allocation.world import World, refusal


async def test_from_registration_to_completion(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.must(OFFICE, levelled())
    assert await world.reruns() >= {"course_changed", "participant_registered", "participant_tested"}

    (placement,) = await world.propose("p1")
    assert await world.told() == []  # nobody outside hears of a proposal before it is released
    assert await world.taken() == [0, 0, 0]

    assert isinstance(await world.release(placement), Done)
    assert await world.taken() == [1, 1, 1]
    await world.must(OFFICE, accepted(placement))
    await world.must(PROVIDER, confirmed(placement))
    assert await world.timers.start(NOW) == 0
    assert await world.timers.start(NOW + timedelta(days=40)) == 1
    assert await world.state(placement) == "started"
    await world.must(PROVIDER, completed())
    assert await world.state(placement) == "completed"
    assert await world.taken() == [1, 1, 1]

    told = await world.told()
    assert [(kind, data.get("version"), headers.get("ce_audience")) for kind, data, headers in told] == [
        ("place-proposed", 1, OFFICE),
        ("place-reserved", 2, f"{OFFICE},{PROVIDER}"),
        ("placement-advanced", 3, f"{OFFICE},{PROVIDER}"),
        ("enrolment-confirmed", 4, f"{OFFICE},{PROVIDER}"),
        ("placement-advanced", 5, f"{OFFICE},{PROVIDER}"),
        ("enrolment-ended", 6, f"{OFFICE},{PROVIDER}"),
        ("course-outcome-reported", None, PROVIDER),
    ]
    assert "reasons" not in told[1][1]
    steps = await world.rows(
        "SELECT from_state, to_state, actor FROM placement_step WHERE placement = $1 ORDER BY version",
        placement,
    )
    assert [tuple(step) for step in steps] == [
        ("waiting", "proposed", "steering"),
        ("proposed", "reserved", "jana"),
        ("reserved", "accepted", f"office:{OFFICE}"),
        ("accepted", "confirmed", f"provider:{PROVIDER}"),
        ("confirmed", "started", "timer"),
        ("started", "completed", f"provider:{PROVIDER}"),
    ]
    (row,) = await world.rows("SELECT status, level FROM participant")
    assert tuple(row) == ("completed", "A1")
    await world.check()


async def test_the_last_seat_goes_once(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=1))
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    first, second = await world.propose("p1", "p2")
    assert isinstance(await world.release(first), Done)
    assert refusal(await world.release(second)) == "no_seat"
    assert await world.state(second) == "proposed"
    await world.check()


async def test_declined_and_refused_places_are_free_again(world: World) -> None:
    await world.must(PROVIDER, announced())
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    first, second = await world.reserved("p1"), await world.reserved("p2")
    assert await world.taken() == [2, 2, 2]
    await world.must(OFFICE, declined(first))
    await world.must(PROVIDER, refused(second, person("p2")))
    assert await world.taken() == [0, 0, 0]
    assert (await world.state(first), await world.state(second)) == ("declined", "refused")
    assert {"seat_freed_declined", "seat_freed_refused"} <= await world.reruns()
    await world.check()


async def test_answers_of_others_are_refused(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OTHER_PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.must(OTHER_OFFICE, registered())
    placement = await world.reserved()
    for slug, payload, code, field in (
        (OTHER_OFFICE, accepted(placement), "placement_not_yours", "placement"),
        (OTHER_OFFICE, declined(placement), "placement_not_yours", "placement"),
        (OTHER_PROVIDER, confirmed(placement), "placement_not_yours", "placement"),
        (
            PROVIDER,
            confirmed(placement, person("p1", OTHER_OFFICE)),
            "placement_of_another_person",
            "participant",
        ),
    ):
        assert await world.say(slug, payload) == Rejected(Problem(code, field=field))
    assert await world.state(placement) == "reserved"


async def test_what_is_not_known_yet_is_parked(world: World) -> None:
    verdict = await world.say(PROVIDER, completed())
    assert isinstance(verdict, Parked)
    assert verdict.waits_for.startswith("course:")
    verdict = await world.say(OFFICE, levelled())
    assert verdict == Parked(f"participant:{person()}", Problem("participant_unknown", field="reference"))
    await world.must(OFFICE, registered())
    await world.must(PROVIDER, announced())
    verdict = await world.say(OFFICE, accepted(person()))
    assert verdict == Rejected(Problem("placement_unknown", field="placement"))  # an id is never early


async def test_a_late_answer_says_what_to_do(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.reserved()
    await world.must(OFFICE, declined(placement))
    assert await world.say(OFFICE, accepted(placement)) == Rejected(
        Problem("already_declined", field="placement")
    )
    assert await world.say(OFFICE, declined(placement)) == Applied(
        (Problem("already_declined", field="placement"),)
    )


async def test_an_exit_is_corrected_and_retracted(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.enrolled()
    await world.timers.start(NOW + timedelta(days=40))
    exit_ = world.event(PROVIDER, left())
    (verdict,) = await world.judged(exit_)
    assert isinstance(verdict, Applied)
    assert await world.taken() == [1, 0, 0]
    (row,) = await world.rows("SELECT status FROM participant")
    assert row["status"] == "left"

    wrong = world.event(PROVIDER, left(kind="transfer", left_on=date(2026, 4, 21)), corrects=exit_.event.id)
    (verdict,) = await world.judged(wrong)
    assert isinstance(verdict, Applied), verdict
    assert await world.state(placement) == "transferred"
    (row,) = await world.rows("SELECT status FROM participant")
    assert row["status"] == "active"

    (verdict,) = await world.judged(world.event(PROVIDER, left(), retracts=wrong.event.id))
    assert isinstance(verdict, Applied), verdict
    assert await world.state(placement) == "started"
    assert await world.taken() == [1, 1, 1]
    await world.check()


async def test_a_retraction_before_its_event_waits(world: World) -> None:
    await world.must(OFFICE, registered())
    test = world.event(OFFICE, levelled())
    retraction = world.event(OFFICE, levelled(), retracts=test.event.id)
    (verdict,) = await world.judged(retraction)
    assert verdict == Parked(f"event:{test.cause}", Problem("event_unknown", field="ce_retracts"))
    await world.judged(test)
    (row,) = await world.rows("SELECT level FROM participant")
    assert row["level"] == "A1"
    await world.judged(retraction)
    (row,) = await world.rows("SELECT level FROM participant")
    assert row["level"] is None


async def test_a_better_proposal_supersedes_the_old_one(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(PROVIDER, announced("k2"))
    await world.must(OFFICE, registered())
    (first,) = await world.propose("p1")
    (same,) = await world.propose("p1")
    assert same == first
    (second,) = await world.propose("p1", own="k2")
    assert (await world.state(first), await world.state(second)) == ("superseded", "proposed")
    assert await world.told() == []


async def test_a_foreign_kreis_is_refused(world: World) -> None:
    verdict = await world.say(OFFICE, registered(kreis="99002"))
    assert verdict == Rejected(Problem("kreis_not_yours", field="kreis"))
    verdict = await world.say(PROVIDER, announced(kreis="99002"))
    assert verdict == Rejected(Problem("kreis_not_yours", field="kreis"))
    assert KREIS != "99002"
