"""The first steps of a Kreis: each is done by what really happens, and only for that Kreis."""

import re
from collections.abc import AsyncIterator

import pytest

from services.accounts.domain import Role
from tests.accounts.stand import Browser
from tests.allocation.builders import KREIS, announced, registered
from tests.conftest import MakeDatabase
from tests.integration.first_day.steering import FirstDay, first_day_on, standing, undone

STEPS = ["organisation", "towns", "policy", "four-eyes", "provider", "office", "course", "person"]
OTHER = "99002"


@pytest.fixture
async def here(database: MakeDatabase, prefix: str) -> AsyncIterator[FirstDay]:
    async with first_day_on(await database("allocation"), prefix) as opened:
        yield opened


async def test_each_step_is_done_by_what_really_happens(here: FirstDay) -> None:
    ada = await here.first_administrator()
    assert "Erste Schritte" in await ada.follow(await ada.http.get("/"))
    assert await undone(ada) == STEPS
    for wrong in ("9900", "990011", "Musterland"):
        await ada.page("/organisation")
        answer = await ada.form("/organisation", name="Kreis Muster", kreise=wrong)
        assert answer.status_code == 422
        assert "fünf Ziffern" in ada.seen
    assert await undone(ada) == STEPS
    await ada.page("/organisation")
    await ada.follow(await ada.form("/organisation", name="Kreis Muster", kreise=KREIS))
    assert await undone(ada) == STEPS[1:]
    await here.towns()
    assert await undone(ada) == STEPS[2:]
    assert "Gemeinden in Ihrem Kreis: 2" in ada.seen
    ben = await here.invited("kreis", Role.COORDINATOR, "ben@kreis.example")
    assert await undone(ada) == STEPS[2:]  # one person is not two
    cleo = await here.invited("kreis", Role.HEAD, "cleo@kreis.example")
    assert await undone(ada) == ["policy", *STEPS[4:]]
    assert await _adopted_by_two(ben, cleo)
    assert await undone(ada) == STEPS[4:]
    await here.publisher("vhs", "provider")
    assert await undone(ada) == STEPS[4:]  # nobody of theirs is there
    await here.organisation("vhs-kurse", "provider", KREIS, "vhs")
    await here.invited("vhs-kurse", Role.PROVIDER, "dora@vhs.example")
    assert await undone(ada) == STEPS[5:]
    await here.publisher("jobcenter", "office")
    assert await undone(ada) == STEPS[6:]
    await here.world.must("vhs", announced())
    assert await undone(ada) == STEPS[7:]
    assert "Es fehlt noch …" in await ben.page("/")
    await here.world.must("jobcenter", registered())
    assert await undone(ada) == []
    assert "Alles ist eingerichtet" in ada.seen
    assert "Personen und Rollen" in await ada.follow(await ada.http.get("/"))
    assert "Es fehlt noch" not in await ben.page("/")


async def _adopted_by_two(first: Browser, second: Browser) -> bool:
    await first.page("/policy/plain")
    await first.follow(await first.form("/policy/adopt"))
    assert "aktivieren muss sie jemand anderes" in first.seen
    version = re.findall(r'href="(/policy/versions/[^"]+)"', await second.page("/policy/plain"))[0]
    page = await second.page(version)
    seen = re.findall(r'name="seen" value="([0-9a-f]+)"', page)[0]
    await second.follow(await second.form(f"{version}/activate", seen=seen, reason=""))
    return "hat eigene Vorgaben" in await second.page("/policy/plain")


async def test_whoever_hands_the_policy_in_does_not_activate_it(here: FirstDay) -> None:
    await here.organisation("kreis", "kreis", KREIS)
    ben = await here.invited("kreis", Role.COORDINATOR, "ben@kreis.example")
    page = await ben.page("/policy/plain")
    assert "Es braucht eine zweite Person" in page
    for sentence in ("gilt am ersten Kurstag als begonnen", "bestätigt ihn oder entscheidet anders"):
        assert sentence in page
    await ben.follow(await ben.form("/policy/adopt"))
    version = re.findall(r'href="(/policy/versions/[^"]+)"', await ben.page("/policy/plain"))[0]
    await ben.page(version)
    digest = (await here.conn.fetchval("SELECT sha256 FROM policy_version")).hex()
    await ben.follow(await ben.form(f"{version}/activate", seen=digest, reason=""))
    assert await here.conn.fetchval("SELECT state FROM policy_version") == "submitted"
    await ben.page("/policy/plain")
    await ben.follow(await ben.form("/policy/adopt"))  # once more changes nothing
    assert await here.conn.fetchval("SELECT count(*) FROM policy_version") == 1
    assert "eine zweite Person der Koordination" in await ben.page("/first-day")


async def test_an_administrator_may_hand_it_in_and_is_told_whom_to_invite(here: FirstDay) -> None:
    await here.organisation("kreis", "kreis", KREIS)
    ada = await here.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    assert 'href="/organisation#invite-title"' in await ada.page("/policy/plain")
    await ada.follow(await ada.form("/policy/adopt"))
    assert await here.conn.fetchval("SELECT state FROM policy_version") == "submitted"


async def test_another_kreis_sees_its_own_facts_only(here: FirstDay) -> None:
    for slug, kreis in (("kreis", KREIS), ("kreis-zwei", OTHER)):
        await here.organisation(slug, "kreis", kreis)
    await here.towns()
    await here.publisher("vhs", "provider")
    await here.organisation("vhs-kurse", "provider", KREIS, "vhs")
    await here.publisher("jobcenter", "office")
    await here.world.must("vhs", announced())
    await here.world.must("jobcenter", registered())
    ben = await here.invited("kreis", Role.COORDINATOR, "ben@kreis.example")
    cleo = await here.invited("kreis", Role.COORDINATOR, "cleo@kreis.example")
    dora = await here.invited("vhs-kurse", Role.PROVIDER, "dora@vhs.example")
    assert await _adopted_by_two(ben, cleo)
    assert await undone(ben) == []
    other = await here.invited("kreis-zwei", Role.ADMINISTRATOR, "emil@zwei.example")
    assert await undone(other) == STEPS[1:]
    assert "0 von 2 Personen" in other.seen
    assert await standing(dora) == {"organisation": True, "people": True, "course": True}


async def test_a_providers_administrator_decides_nothing_for_the_kreis(here: FirstDay) -> None:
    await here.organisation("vhs-kurse", "provider", KREIS, "vhs")
    dora = await here.invited("vhs-kurse", Role.ADMINISTRATOR, "dora@vhs.example")
    assert await undone(dora) == ["organisation", "people", "course"]
    await dora.page("/policy/plain", status=404)
    assert (await dora.form("/policy/adopt")).status_code == 404
    assert await here.conn.fetchval("SELECT count(*) FROM policy_version") == 0
