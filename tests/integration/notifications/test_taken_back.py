"""Corrections and retractions of consents and results: what was taken back never comes back."""

import random
from itertools import permutations
from uuid import uuid4

import pytest

from schemas.support import ConsentGranted, ConsentRevoked, ExamResultRecorded
from services.runtime.events.subscription import Applied
from tests.notifications.topics import Said, Topics, allow_everything, cut
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World

DROPOUT, ENROLMENT = "dropout_support", "enrolment_notice"
BOOKKEEPING = ("runtime.inbox", "runtime.parked", "runtime.stored_offset", "runtime.outbox")


def grant(id_: str, *purposes: str, office: str = MBE, **refers: str) -> Said:
    granted = ConsentGranted(reference="a-1", office=office, purposes=purposes, given_on=TODAY)
    return Said(DESK, granted, id_, **refers)


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
}
WANTED = {
    "corrected": {(MBE, ENROLMENT), (JMD, DROPOUT)},
    "retracted": {(MBE, ENROLMENT)},
    "corrected and retracted": set(),
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
