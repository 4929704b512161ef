"""Secrets of people lie apart from what they seal: rotation, crashes, and backups that bring nobody back."""

import base64
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from schemas.erasures import ParticipantErased
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.keys import KekError, Keks, PersonSecrets, new_kek
from services.runtime.base import failpoints
from services.runtime.data.db import acquire, transaction
from tests.erasure.backup import dump, restore
from tests.erasure.search import Needles, in_database
from tests.identity import IDENTITY_KEY, KEK
from tests.integration.notifications.erasures.test_erasure import (
    REFERENCE,
    Scene,
    erasing,
    somebody_with_everything,
)
from tests.notifications.world import DESK, NOW, World

MINA = Contact("Rahimi-Probe", "Mina")


async def read(world: World, person: UUID, secrets: PersonSecrets | None = None) -> Contact | None:
    async with world.visiting("treff") as conn:
        reader = people.Reader("treff", "ole", Purpose.REGISTRATION)
        found = await people.read(conn, secrets or world.secrets, reader, [person], NOW)
    return found.get(person)


async def test_nothing_in_the_keys_database_says_whose_a_secret_is(world: World) -> None:
    person = await world.keep(REFERENCE, MINA)
    async with acquire(world.secrets.pool) as conn:
        needles = Needles({"id": str(person), "reference": REFERENCE, "name": "Rahimi-Probe"})
        found = await in_database(conn, needles)
        row = await conn.fetchrow("SELECT person, kek FROM person_secret")
    assert found == []
    assert row is not None
    assert (row["person"], row["kek"]) == (IDENTITY_KEY.of_person(person), "k1")


async def test_a_destroyed_secret_makes_unreadable_what_lies_beside_its_wrapped_key(world: World) -> None:
    person = await world.keep("B-1", MINA)
    assert await read(world, person) == MINA
    assert await world.secrets.destroy([person]) == 1
    assert await world.value("SELECT count(*) FROM person_key") == 1
    assert await read(world, person) is None
    await world.keep("B-1", MINA)  # told anew, it is sealed anew
    assert await read(world, person) == MINA


async def test_rotation_wraps_every_secret_anew_step_by_step(world: World) -> None:
    some = [await world.keep(f"B-{number}", MINA) for number in range(7)]
    rotated = PersonSecrets(world.secrets.pool, Keks.from_text(f"{new_kek()},{KEK}"), IDENTITY_KEY)
    assert await read(world, some[0], rotated) == MINA
    assert await rotated.rewrap(3) == 3
    assert sorted((await rotated.by_kek()).values()) == [3, 4]
    for person in some:  # in the middle of it
        assert await read(world, person, rotated) == MINA
    while await rotated.rewrap(3):
        pass
    assert await rotated.by_kek() == {rotated.keks.current: 7}
    only = Keks(rotated.keks.current, {rotated.keks.current: rotated.keks.by_id[rotated.keks.current]})
    retired = PersonSecrets(world.secrets.pool, only, IDENTITY_KEY)
    for person in some:
        assert await read(world, person, retired) == MINA


@pytest.mark.parametrize("text", ["", "k1:c2hvcnQ=", "k-1:" + base64.b64encode(bytes(32)).decode(), "x,y"])
def test_a_kek_that_cannot_be_understood_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(KekError) as caught:
        Keks.from_text(text)
    assert not text or text not in str(caught.value)


async def test_a_crash_before_the_person_is_stored_leaves_a_secret_that_is_used_later(world: World) -> None:
    person = (await world.keep("B-0", MINA), uuid4())[1]
    first = await world.secrets.ensure(person)
    assert await world.secrets.ensure(person) == first
    await world.secrets.pool.execute("UPDATE person_secret SET made_at = now() - interval '61 days'")
    async with transaction(world.worker) as conn:
        assert await people.sweep_secrets(conn, world.secrets, 60) == 1
    assert list(await world.secrets.of([person])) == []


async def test_a_crash_after_the_secret_is_destroyed_lets_nobody_read_and_is_made_good(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(world)
    needles = await somebody_with_everything(world)
    person = UUID(needles["id"])
    said = erasing(person)

    async def crash(name: str, /) -> None:
        if name == "destroyed_secrets":
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "failpoint", crash)
        with pytest.raises(ConnectionResetError):
            await scene.read("erasures", world.incoming(None, said))
    assert await read(world, person) is None
    assert await world.value("SELECT count(*) FROM person") == 1
    await scene.read("erasures", world.incoming(None, said))
    assert await scene.traces(**needles) == []


async def test_a_restored_backup_brings_nobody_back(world: World, tmp_path: Path) -> None:
    """The data are backed up, somebody is erased, the data are restored; the keys are not."""
    scene = Scene(world)
    needles = await somebody_with_everything(world)
    person = UUID(needles["id"])
    other = await world.keep("B-other-1", MINA)
    await dump(world.database.admin, tmp_path / "notifications.dump")
    said = erasing(person)
    await scene.read("erasures", world.incoming(None, said))
    assert await scene.traces(**needles) == []

    await restore(world.database.admin, tmp_path / "notifications.dump")
    assert await scene.traces(**needles) != []  # rows are back, as far as they are not sealed
    assert await read(world, person) is None  # and nobody can read who it is
    assert await read(world, other) == MINA

    # The offset of the erasure topic came back with the data: the same record is read once more.
    await scene.read("erasures", world.incoming(None, said))
    assert await scene.traces(**needles) == []
    assert await read(world, other) == MINA


async def test_an_older_backup_of_the_keys_brings_nobody_back_either(world: World) -> None:
    scene = Scene(world)
    needles = await somebody_with_everything(world)
    keys = world.secrets.pool
    before = await keys.fetch("SELECT * FROM person_secret")
    said = erasing(UUID(needles["id"]))
    await scene.read("erasures", world.incoming(None, said))
    await _bring_back(keys, before)
    assert await scene.traces(**needles) == []
    assert await world.value("SELECT count(*) FROM person") == 0


async def _bring_back(keys: asyncpg.Pool, rows: list[asyncpg.Record]) -> None:
    await keys.executemany(
        "INSERT INTO person_secret (person, kek, wrapped, made_at) VALUES ($1, $2, $3, $4)",
        [tuple(row) for row in rows],
    )


def test_the_erasure_names_nobody() -> None:
    said = erasing(person := uuid4(), desk=DESK)
    assert isinstance(said, ParticipantErased)
    assert str(person) not in said.model_dump_json()
