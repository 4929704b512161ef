"""People whom nobody needs to know any more are erased everywhere; who waits or sits in a course is not."""

from datetime import timedelta

from services.allocation.erasure.expiry import Expiry
from services.allocation.erasure.worker import ErasureWorker
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    announced,
    levelled,
    person,
    registered,
    withdrawn,
)
from tests.allocation.world import World
from tests.identity import IDENTITY_KEY

LONG = NOW + timedelta(days=400)


async def test_only_who_has_gone_for_long_is_erased(world: World) -> None:
    await world.must(PROVIDER, announced("k1"))
    for reference in ("gone-1", "waits-1", "sits-1", "lately-1"):
        await world.must(OFFICE, registered(reference))
        await world.must(OFFICE, levelled(reference))
    await world.enrolled("sits-1")
    await world.must(OFFICE, withdrawn("gone-1"))
    late = withdrawn("lately-1").model_copy(update={"withdrawn_on": LONG.date() - timedelta(days=3)})
    await world.must(OFFICE, late)
    expiry = Expiry(world.pool, IDENTITY_KEY, world.prefix, days=365)
    worker = ErasureWorker(world.pool, IDENTITY_KEY, world.prefix, world.terms_now)
    assert await expiry.erase_expired(NOW) == 0
    assert await expiry.erase_expired(LONG) == 1
    assert await expiry.erase_expired(LONG) == 0
    assert await worker.work_off(LONG) == 1
    assert await expiry.erase_expired(LONG) == 0
    there = {row["participant"] for row in await world.rows("SELECT participant FROM participant")}
    kept = {person(one) for one in ("waits-1", "sits-1", "lately-1")}
    assert kept <= there
    assert person("gone-1") not in there
    said = [data for type_, data, _ in await world.told() if type_ == "participant-erased"]
    assert [one["tombstones"] for one in said] == [[IDENTITY_KEY.tombstone(person("gone-1")).hex()]]
