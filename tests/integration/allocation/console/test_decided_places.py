"""Whoever has a place is told for good which run decided it, and until when such a run was kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.allocation.policy.domain import DEMO, load_policies
from tests.allocation.builders import KREIS, NOW, OFFICE, accepted, course, levelled, person
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.client import WHY, ConsoleClient
from tests.integration.allocation.console.figures_world import figures_console

S8 = f"/people/{person('s8')}"


@pytest.fixture
async def client(database: MakeDatabase, prefix: str) -> AsyncIterator[ConsoleClient]:
    async with figures_console(await database("allocation"), prefix) as client:
        yield client


async def placement_of(client: ConsoleClient, reference: str) -> str:
    (row,) = await client.world.rows(
        "SELECT placement FROM placement WHERE participant = $1", person(reference)
    )
    return str(row["placement"])


async def test_the_run_that_decided_a_place_stays_when_later_runs_do_not_see_the_person(
    client: ConsoleClient,
) -> None:
    (run,) = await client.world.rows("SELECT run FROM steering_run")
    said = "Entschieden im Steuerungslauf vom 01.02.2026, 09:00"
    page = await client.page(S8)
    assert said in page
    assert "noch keinen Steuerungslauf" not in page
    await client.done("/proposals/approve", placement=await placement_of(client, "s8"))
    await client.world.rows("DELETE FROM main_reason WHERE participant = $1", person("s8"))  # a later run
    await client.world.rows(
        """
        INSERT INTO steering_run SELECT gen_random_uuid(), region, kreis, generation, decided_at + '1 day',
            snapshot, result, rules_version, policy_version, engine_version, status, people, entries, pairs,
            placed, proposed, withdrawn, stale, tiers, timing FROM steering_run
        """
    )
    page = await client.page(S8)
    assert said in page
    assert f"/runs/{run['run']}" in page
    why = await client.page(f"{S8}/why")
    assert said in why
    assert "Kurs k1" in why
    assert f"/runs/{run['run']}" in why


async def test_a_run_that_is_not_kept_any_more_is_named_with_its_last_day(client: ConsoleClient) -> None:
    await client.world.rows(
        "UPDATE placement SET run = gen_random_uuid() WHERE participant = $1", person("s8")
    )
    kept = NOW.date() + timedelta(days=load_policies(DEMO).on(KREIS, NOW.date()).explained_days)
    assert f"bis {kept:%d.%m.%Y} aufbewahrt" in await client.page(f"{S8}/why")
    assert "noch keinen Steuerungslauf" not in await client.page(S8)


async def test_a_place_given_by_hand_names_no_run(client: ConsoleClient) -> None:
    await client.world.must(OFFICE, levelled("p1"))
    entry = f"{course('k2')}/1"
    await client.done(f"/people/{person('p1')}/place", reason=WHY, entry=entry, known=entry)
    for path in (f"/people/{person('p1')}", f"/people/{person('p1')}/why"):
        page = await client.page(path)
        assert "Diesen Platz hat kein Steuerungslauf vergeben" in page
        assert "noch keinen Steuerungslauf" not in page


async def test_an_accepted_place_does_not_show_why_the_person_waited(client: ConsoleClient) -> None:
    placement = await placement_of(client, "s8")
    await client.done("/proposals/approve", placement=placement)
    (row,) = await client.world.rows("SELECT placement FROM placement WHERE participant = $1", person("s8"))
    await client.world.must(OFFICE, accepted(row["placement"], "s8"))
    page = await client.page(S8)
    assert "Warum dieser Platz" in page
    assert "Hauptgrund des letzten" not in page
