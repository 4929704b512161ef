"""Corrections and retractions of consents and results: what was taken back never comes back."""

import random
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from schemas.days import add_months
from schemas.identity import participant_id
from schemas.support import ConsentGranted, ConsentRevoked, ExamResultRecorded
from services.runtime.events.subscription import Applied
from tests.notifications.topics import Said, Topics, allow_everything, cut
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World

DROPOUT, ENROLMENT = "dropout_support", "enrolment_notice"
BOOKKEEPING = ("runtime.inbox", "runtime.parked", "runtime.stored_offset", "runtime.outbox")


def grant(id_: str, *purposes: str, office: str = MBE, days_ago: int = 0, **refers: str) -> Said:
    given_on = TODAY - timedelta(days=days_ago)
    granted = ConsentGranted(reference="a-1", office=office, purposes=purposes, given_on=given_on)
    return Said(DESK, granted, id_, **refers)


def revoke(id_: str, *purposes: str, office: str | None = None, days_ago: int = 0) -> Said:
    said = ConsentRevoked(
        reference="a-1", office=office, purposes=purposes, revoked_on=TODAY - timedelta(days=days_ago)
    )
    return Said(DESK, said, id_)


async def allowed(world: World) -> set[tuple[str, str]]:
    rows = await world.rows("SELECT office, purpose FROM consent WHERE ended_at IS NULL")
    return {(row["office"], row["purpose"]) for row in rows}


@pytest.fixture
async def topics(world: World) -> Topics:
    await allow_everything(world)
    await world.register("a-1")
    return Topics(world)


async def test_a_correction_ends_what_it_leaves_out(topics: Topics) -> None:
    await topics.write(grant("first", DROPOUT, ENROLMENT))
    await topics.write(grant("right", ENROLMENT, office=JMD, corrects="first"))
    assert await allowed(topics.world) == {(JMD, ENROLMENT)}


async def test_a_late_grant_does_not_come_back_after_its_retraction(topics: Topics) -> None:
    await topics.write(grant("back", DROPOUT, retracts="first"))
    assert ("warning", "event_never_read") in await topics.findings()
    await topics.write(grant("first", DROPOUT))
    assert await allowed(topics.world) == set()
    assert ("warning", "event_superseded") in await topics.findings()


async def test_retracting_a_replaced_grant_leaves_the_newer_one(topics: Topics) -> None:
    await topics.write(grant("first", DROPOUT))
    await topics.write(grant("again", DROPOUT))
    await topics.write(grant("back", DROPOUT, retracts="first"))
    assert await allowed(topics.world) == {(MBE, DROPOUT)}
    assert ("warning", "event_superseded") in await topics.findings()


async def test_a_correction_of_an_unknown_revocation_revokes_and_is_asked_about(topics: Topics) -> None:
    await topics.write(grant("first", DROPOUT))
    revoked = ConsentRevoked(reference="a-1", revoked_on=TODAY)
    await topics.write(Said(DESK, revoked, "gone", corrects="nobody-said-this"))
    assert await allowed(topics.world) == set()
    assert ("warning", "event_never_read") in await topics.findings()


async def test_a_retraction_of_an_unknown_result_gets_a_finding(topics: Topics) -> None:
    result = ExamResultRecorded(course="k-1", participant=uuid4(), exam="dtz", result="B1", taken_on=TODAY)
    await topics.write(Said(PROVIDER, result, "back", retracts="never"))
    assert ("warning", "event_never_read") in await topics.findings()


CHAINS = {
    "corrected": [
        grant("first", DROPOUT, ENROLMENT),
        grant("right", ENROLMENT, corrects="first"),
        grant("other", DROPOUT, office=JMD),
    ],
    "retracted": [
        grant("first", DROPOUT),
        grant("back", DROPOUT, retracts="first"),
        grant("other", ENROLMENT),
    ],
    "corrected and retracted": [
        grant("first", DROPOUT),
        grant("right", DROPOUT, ENROLMENT, corrects="first"),
        grant("back", DROPOUT, ENROLMENT, retracts="right"),
    ],
    "an old paper and everything revoked since": [
        grant("paper", DROPOUT, ENROLMENT, days_ago=20),
        revoke("told", days_ago=10),
    ],
    "an old paper and one purpose revoked since": [
        grant("paper", DROPOUT, ENROLMENT, days_ago=20),
        grant("other", DROPOUT, office=JMD, days_ago=20),
        revoke("told", DROPOUT, office=MBE, days_ago=10),
    ],
    "a revocation dated ahead": [
        grant("paper", DROPOUT, days_ago=1),
        revoke("told", days_ago=-3_650),
    ],
    "a later mistake retracted": [
        grant("first", DROPOUT, ENROLMENT, days_ago=20),
        grant("mistake", DROPOUT, ENROLMENT, days_ago=5),
        grant("back", DROPOUT, ENROLMENT, retracts="mistake"),
    ],
    "a later mistake corrected": [
        grant("first", DROPOUT, ENROLMENT, days_ago=20),
        grant("mistake", DROPOUT, ENROLMENT, days_ago=5),
        grant("right", ENROLMENT, days_ago=5, corrects="mistake"),
    ],
}
WANTED = {
    "corrected": {(MBE, ENROLMENT), (JMD, DROPOUT)},
    "retracted": {(MBE, ENROLMENT)},
    "corrected and retracted": set(),
    "an old paper and everything revoked since": set(),
    "an old paper and one purpose revoked since": {(MBE, ENROLMENT), (JMD, DROPOUT)},
    "a revocation dated ahead": set(),
    "a later mistake retracted": {(MBE, DROPOUT), (MBE, ENROLMENT)},
    "a later mistake corrected": {(MBE, DROPOUT), (MBE, ENROLMENT)},
}


@pytest.mark.parametrize("chain", CHAINS)
async def test_any_order_in_any_batches_allows_the_same(topics: Topics, chain: str) -> None:
    chance = random.Random(chain)
    for order in permutations(CHAINS[chain]):
        told = [*order, chance.choice(order)]
        for sizes in ([1] * len(told), [], [chance.randint(1, 3) for _ in told]):
            await topics.world.forget("consent", "consent_step", *BOOKKEEPING)
            fresh = Topics(topics.world)
            for part in cut(told, sizes):
                await fresh.write(*part)
            assert await allowed(topics.world) == WANTED[chain], ([one.id for one in told], sizes)


async def test_a_corrected_grant_is_a_grant(topics: Topics) -> None:
    (verdict,) = await topics.world.say(DESK, grant("x", DROPOUT).payload)
    assert verdict == Applied()


@pytest.mark.parametrize("order", [*permutations(range(3))])
async def test_the_newest_signature_holds_in_whatever_order_it_is_read(
    topics: Topics, order: tuple[int, ...]
) -> None:
    papers = [grant(f"paper-{days}", DROPOUT, days_ago=days) for days in (5, 30, 400)]
    for number in order:
        await topics.write(papers[number])
    (row,) = await topics.world.rows("SELECT given_on, valid_until, ended_at FROM consent")
    newest = TODAY - timedelta(days=5)
    assert tuple(row) == (newest, add_months(newest, topics.world.policy.consent.months), None)


@pytest.mark.parametrize("days_ago", [10, 0])
async def test_who_signs_again_allows_again(topics: Topics, days_ago: int) -> None:
    await topics.write(grant("first", DROPOUT, days_ago=20))
    await topics.write(revoke("told", days_ago=days_ago))
    await topics.write(grant("late", DROPOUT, days_ago=20))
    assert await allowed(topics.world) == set()
    await topics.write(grant("again", DROPOUT, days_ago=0))
    assert await allowed(topics.world) == {(MBE, DROPOUT)}
    assert ("warning", "event_superseded") not in await topics.findings()  # it would tell of the revocation


async def test_a_revocation_counts_at_once_whatever_day_it_names(topics: Topics) -> None:
    await topics.write(grant("first", DROPOUT))
    await topics.write(revoke("told", days_ago=300))
    assert await allowed(topics.world) == set()


async def test_marks_stay_while_a_mistake_of_somebody_else_is_taken_back(topics: Topics) -> None:
    world = topics.world
    await topics.write(grant("first", DROPOUT, days_ago=20))
    person = participant_id(DESK, "a-1")
    await world.announce("k-1")
    await world.enrol(person)
    await world.attend("k-1", TODAY, {person: "U"})
    kept = "SELECT count(*) FROM attendance"
    assert await world.value(kept) == 1
    await topics.write(grant("mistake", DROPOUT, days_ago=5))
    await topics.write(grant("back", DROPOUT, retracts="mistake"))
    assert await world.value(kept) == 1
    await topics.write(grant("really", DROPOUT, retracts="first"))
    assert await world.value(kept) == 0
