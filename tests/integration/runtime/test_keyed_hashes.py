"""What the inbox stores of an event's content cannot be tried out, and recognises events of before."""

from dataclasses import replace

import orjson

from schemas.envelope import Event, encode_data
from schemas.identity import event_uuid, identity_hash
from tests.identity import IDENTITY_KEY
from tests.stand import SLUG, Stand, announcement, completed


def plain(said: Event) -> bytes:
    return identity_hash(said.type, orjson.loads(encode_data(said.data)), said.corrects, said.retracts)


async def stored(stand: Stand, said: Event) -> tuple[bytes, bool]:
    cause = event_uuid(SLUG, "in", said.id)
    (row,) = await stand.fetch("SELECT hash, keyed FROM runtime.inbox WHERE identity = $1", cause)
    return row["hash"], row["keyed"]


async def test_a_guess_of_the_content_does_not_give_what_is_stored(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        first, second = await stand.say(announcement("a"), completed("a", 7))
        await stand.read_up_to(2)
    for said in (first, second):
        hash_, keyed = await stored(stand, said)
        assert keyed
        assert hash_ != plain(said)
        assert hash_ == IDENTITY_KEY.of_event(plain(said))


async def test_events_stored_before_are_recognised_and_put_under_the_key(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming() as consumers:
        old, other = await stand.say(announcement("a"), completed("a", 7))
        await stand.read_up_to(2)
        for said in (old, other):
            await stand.execute(
                "UPDATE runtime.inbox SET hash = $2, keyed = false WHERE identity = $1",
                event_uuid(SLUG, "in", said.id),
                plain(said),
            )
        forged = replace(other, data=completed("a", 8))
        await stand.say(old, forged)
        await stand.read_up_to(4)
        assert await stand.verdicts() == [("rejected", "id_reused")]
        assert await stored(stand, old) == (plain(old), False)
        await consumers.maintenance.prune()
        assert await stored(stand, old) == (IDENTITY_KEY.of_event(plain(old)), True)
        await stand.say(old)
        await stand.read_up_to(5)
    assert [n for _, _, n in await stand.effects()] == [0, 7]
    assert len(await stand.verdicts()) == 1
