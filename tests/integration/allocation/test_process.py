"""The real process on a real Kafka: events in, explained proposals and reservations out, expiry, findings."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from schemas.identity import course_id
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    accepted,
    announced,
    cancelled,
    completed,
    confirmed,
    declined,
    levelled,
    person,
    registered,
)
from tests.allocation.process import Allocation, running
from tests.conftest import MakeDatabase, MakeTopics
from tests.serving import Servers
from tests.waiting import wait_until

POLICY = """
- valid_from: 2000-01-01
  source: "a test"
  automatic: [release, expire, start, complete]
  reservation: {days: 10, present_days: 3}
  cadence: {every: daily, hour: 6, near_start_days: 60}
  limits: {latest_start_days: 182, late_entry: true}
  goals: [priority, waiting, keep_offer, type_choice, early_start, distance]
"""


async def _quiet(allocation: Allocation) -> bool:
    status = await allocation.status()
    return not any(status["lag"].values()) and status["outbox"] == 0 and status["due"] == 0


async def test_the_chain_through_the_topics(
    servers: Servers, database: MakeDatabase, topics: MakeTopics, prefix: str, tmp_path: Path
) -> None:
    await topics(PROVIDER, OFFICE)
    own = await database("allocation")
    async with running(servers, own, prefix, tmp_path, POLICY) as allocation:
        # Out of order: the test comes before the registration and waits for it.
        await allocation.say(OFFICE, levelled())
        parked = await allocation.hear("finding-raised")
        assert parked["kind"] in {"parked", "accepted"}
        await allocation.say(OFFICE, registered())
        await allocation.say(PROVIDER, announced())
        await allocation.read(3)
        allocation.set_clock(NOW + timedelta(days=1))

        proposed = await allocation.hear("place-proposed")
        assert proposed["participant"] == str(person())
        assert proposed["course"] == str(course_id(PROVIDER, "k1"))
        assert proposed["reasons"]
        reserved = await allocation.hear("place-reserved")
        placement = UUID(reserved["placement"])
        assert "reasons" not in reserved

        await allocation.say(OFFICE, accepted(placement))
        await allocation.hear("placement-advanced")
        await allocation.say(PROVIDER, confirmed(placement))
        await allocation.hear("enrolment-confirmed")
        allocation.set_clock(NOW + timedelta(days=40))
        await allocation.say(PROVIDER, completed())
        assert (await allocation.hear("course-outcome-reported"))["finished"] == 10

        await wait_until(lambda: _quiet(allocation), 60, what="quiet")
        status = await allocation.status()
        assert all(invariant["ok"] for invariant in status["invariants"]), status["invariants"]
        assert {"I2", "I3", "I10", "I11"} <= {invariant["id"] for invariant in status["invariants"]}
        assert status["figures"]["completions"] == 1
        assert "kurslotse_published_low" in await allocation.metrics()
        assert await allocation.stop() == 0


async def test_a_freed_place_goes_to_the_next_one_without_waiting_for_the_hour(
    servers: Servers, database: MakeDatabase, topics: MakeTopics, prefix: str, tmp_path: Path
) -> None:
    await topics(PROVIDER, OFFICE)
    own = await database("allocation")
    policy = POLICY.replace("near_start_days: 60", "near_start_days: 0")
    async with running(servers, own, prefix, tmp_path, policy) as allocation:
        await allocation.say(PROVIDER, announced(capacity=1))
        for reference in ("p1", "p2"):
            await allocation.say(OFFICE, registered(reference))
            await allocation.say(OFFICE, levelled(reference))
        await allocation.read(5)
        allocation.set_clock(NOW + timedelta(days=1))
        first = await allocation.hear("place-reserved")
        names = {str(person(reference)): reference for reference in ("p1", "p2")}
        allocation.heard.clear()

        # From here on nobody moves the clock: a day that does not pass is no hour to wait for.
        held = UUID(first["placement"])
        await allocation.say(OFFICE, declined(held, names.pop(first["participant"])))
        proposed = await allocation.hear("place-proposed")
        assert ([proposed["participant"]], proposed["course"]) == (
            list(names),
            str(course_id(PROVIDER, "k1")),
        )

        await allocation.hear("place-reserved")
        allocation.heard.clear()
        await allocation.say(PROVIDER, announced("k2", capacity=1))
        await allocation.say(PROVIDER, cancelled("k1"))
        proposed = await allocation.hear("place-proposed")
        assert proposed["course"] == str(course_id(PROVIDER, "k2"))
        assert await allocation.stop() == 0


async def test_an_unread_answer_keeps_the_reservation(
    servers: Servers, database: MakeDatabase, topics: MakeTopics, prefix: str, tmp_path: Path
) -> None:
    await topics(PROVIDER, OFFICE)
    own = await database("allocation")
    async with running(servers, own, prefix, tmp_path, POLICY) as allocation:
        await allocation.say(PROVIDER, announced())
        await allocation.say(OFFICE, registered())
        heard_to = 1 + await allocation.say(OFFICE, levelled())
        await allocation.read(3)
        allocation.set_clock(NOW + timedelta(days=1))
        await allocation.hear("place-reserved")

        late = NOW + timedelta(days=20)
        allocation.set_clock(late)
        # The provider has spoken past the time; the office's word is that one more event lies on its topic.
        await allocation.progress(PROVIDER, late, 1)
        await allocation.progress(OFFICE, late, heard_to + 1)
        await wait_until(lambda: _lag_is_gone(allocation), 60, what="progress read")
        status = await allocation.status()
        assert status["due"] == 1  # not quiet: it waits for what the office has said
        assert "reservation-expired" not in {kind for kind, _ in allocation.heard}

        # It turns out to be something else, and now nobody's answer can be waiting.
        await allocation.say(OFFICE, registered("p9"))
        expired = await allocation.hear("reservation-expired")
        assert expired["from_state"] == "reserved"
        status = await allocation.status()
        assert all(invariant["ok"] for invariant in status["invariants"]), status["invariants"]
        assert await allocation.stop() == 0


async def _lag_is_gone(allocation: Allocation) -> bool:
    return not any((await allocation.status())["lag"].values())
