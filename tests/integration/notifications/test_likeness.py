"""Likely duplicates: found inside one organisation, without anybody's name being read or told."""

from dataclasses import replace
from datetime import date

from schemas.identity import participant_id
from services.notifications.people import handlers as people
from services.notifications.people.crypto import likeness_of
from services.notifications.people.domain import Contact
from services.runtime.base.identity_key import IdentityKey
from tests.identity import IDENTITY_KEY
from tests.notifications.world import DESK, MBE, World

MINA = Contact("Müller-Šarić", "Mina", date(1999, 5, 2))


async def _alike(world: World, contact: Contact, organisation: str = "treff") -> list[str]:
    async with world.visiting(organisation) as conn:
        own = {"treff": DESK, "wohlfahrt": MBE}[organisation]
        found = await people.alike(
            conn,
            world.secrets,
            contact,
            participant_id(DESK, "a-new"),
            organisation=organisation,
            office=own,
        )
    return sorted(found.values())


async def test_the_same_name_and_birth_date_are_noticed_however_the_name_is_written(world: World) -> None:
    await world.keep("a-1", MINA)
    await world.keep("a-2", replace(MINA, birth_date=date(1999, 5, 3)))
    await world.keep("a-3", replace(MINA, birth_date=None))
    assert await _alike(world, replace(MINA, family_name="MULLER SARIC", given_name="M.")) == ["a-1"]
    assert await _alike(world, replace(MINA, family_name="Meier")) == []
    assert await _alike(world, replace(MINA, birth_date=None)) == []
    assert await world.rows("SELECT FROM disclosure_log WHERE actor = 'somebody'") == []


async def test_a_corrected_name_gets_a_new_fingerprint(world: World) -> None:
    await world.keep("a-1", replace(MINA, family_name="Moller"))
    await world.keep("a-1", MINA)
    assert await _alike(world, MINA) == ["a-1"]


async def test_another_organisation_learns_nothing(world: World) -> None:
    await world.keep("a-1", MINA)
    assert await _alike(world, MINA, "wohlfahrt") == []
    own, other = IDENTITY_KEY.likeness_key("treff"), IDENTITY_KEY.likeness_key("wohlfahrt")
    assert likeness_of(MINA, own) != likeness_of(MINA, other)
    assert likeness_of(MINA, IdentityKey(bytes(32)).likeness_key("treff")) != likeness_of(MINA, own)
