"""Every figure has one definition: whatever page, file or answer tells it tells the same.

What a full year of the demo showed before, and what it is now:

* proposals 3 and 5: the first page left out those with the BAMF, the page of proposals did not. Two figures,
  `proposals_to_check` and `proposals_with_bamf`, named on both pages.
* unanswered reservations 22 and 27: the page of reservations lists accepted ones as well. Two figures.
* courses below their minimum 2 and 5: a course of a protected type was counted, and pooling counts courses
  of any week. `courses_below_minimum` leaves protected ones out; pooling says that it counts any week.
* people who wait 459, 454, 455, 457: `waiting` is of the day, `expired` is told beside it, and what a run saw
  is `run_people`, with the run.
* time of day 72 and 80: `main_reason` and `would_help`, two titles that say what is counted.
* a provider filled to 58 and to 70 per cent, "17 of 20" beside "1 seat free": courses were counted by their
  first section. `seats_taken`, `seats_free`: the section that runs or comes next, and the fullest after it.
* completed 193 and 515: `completed` are places from Kurslotse, `finished_by_report` the providers' totals.
* in courses 576, 549, 416, 629: `places_confirmed`, `in_course`, `interrupted`, and `seats_taken`, which says
  that people whom providers took in themselves are in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from services.allocation.courses.minimums import Minimums
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import Day, figures_of, seats_by_provider
from services.allocation.law.rulebook import load_rulebook
from services.allocation.participants.waiting import Entitlements
from services.allocation.policy.domain import DEMO, load_policies
from services.allocation.status import figures as gauges
from services.runtime.data.db import connect, open_pool, web_transaction
from tests.allocation.builders import KREIS, course
from tests.conftest import MakeDatabase
from tests.figures.reading import Told, pages_of, told_to, values_of
from tests.integration.allocation.console.client import ConsoleClient
from tests.integration.allocation.console.figures_world import NEIGHBOUR, TODAY, figures_console

Values = dict[tuple[str, str], int]
EXPECTED = {
    "waiting": 11,
    "waiting_with_proposal": 5,
    "deadline_within_four_weeks": 1,
    "deadline_over": 1,
    "not_steered_yet": 0,
    "expired": 3,
    "expired_asked": 0,
    "proposals_to_check": 4,
    "proposals_with_bamf": 1,
    "reservations_unanswered": 2,
    "reservations_ending": 1,
    "reservations_accepted": 1,
    "places_confirmed": 1,
    "in_course": 2,
    "interrupted": 1,
    "completed": 0,
    "finished_by_report": 10,
    "courses_below_minimum": 1,
    "courses_running": 1,
    "courses_to_come": 5,
    "seats": 57,
    "seats_taken": 12,
    "seats_free": 36,
}
"""Counted by hand from figures_world.py."""


@pytest.fixture
async def client(database: MakeDatabase, prefix: str) -> AsyncIterator[ConsoleClient]:
    async with figures_console(await database("allocation"), prefix) as client:
        yield client


async def defined(client: ConsoleClient, *kreise: str) -> Values:
    """Count every figure by its one definition, as somebody who may see these Kreise."""
    rules, policies = load_rulebook().on(TODAY), load_policies(DEMO)
    minimums = Minimums.of(kreise, lambda kreis: policies.on(kreis, TODAY), rules)
    day = Day(Entitlements.of(rules), minimums, TODAY + timedelta(days=28))
    web = await open_pool(client.world.database.web, name="figures-defined", max_size=1)
    try:
        async with web_transaction(web, kreise=kreise) as conn:
            found = await figures_of(conn, day)
            providers = await seats_by_provider(conn, day)
            courses = await conn.fetch("SELECT * FROM course_seats($1)", TODAY)
            runs = await conn.fetch("SELECT run, people, placed FROM steering_run")
    finally:
        await web.close()
    return {
        **found.told(),
        **_seats(providers, "provider", "seats", "taken"),
        **_seats(courses, "course", "section_capacity", "section_taken"),
        **{("run_people", str(row["run"])): row["people"] for row in runs},
        **{("run_placed", str(row["run"])): row["placed"] for row in runs},
    }


def _seats(rows: list[asyncpg.Record], of: str, seats: str, taken: str) -> Values:
    return {
        (name, str(row[of])): row[column]
        for row in rows
        for name, column in (("seats", seats), ("seats_taken", taken), ("seats_free", "free"))
    }


def wrong(found: list[Told], truth: Values) -> list[Told]:
    return [one for one in found if truth.get((one.name, one.of)) != one.value]


async def test_every_page_tells_every_figure_as_it_is_defined(client: ConsoleClient) -> None:
    truth = await defined(client, KREIS)
    assert {name: truth[name, ""] for name in EXPECTED} == EXPECTED
    for who in ("jana-vogt", "peter-lindner"):
        await client.sign_in(who)
        found = await told_to(client.http)
        assert wrong(found, truth) == []
        assert {one.name for one in found} == set(NAMED)
        alone = {
            key
            for key, told in values_of(found).items()
            if len({one for w in told.values() for one in w}) < 2
        }
        assert {name for name, _ in alone} <= {
            "seats",
            "seats_taken",
            "seats_free",
        }  # of a course or a provider
    await client.world.rows("UPDATE course SET provider = 'vhs-musterland' WHERE provider = 'vhs'")
    await client.sign_in("mira-kern")
    found = await told_to(client.http)
    assert {one.name for one in found} == {"seats_taken", "seats_free"}
    assert wrong(found, truth) == []


async def test_those_who_wait_have_a_proposal_or_one_reason(client: ConsoleClient) -> None:
    truth = await defined(client, KREIS)
    reasons = sum(value for (name, _), value in truth.items() if name == "main_reason")
    assert truth["waiting", ""] == truth["waiting_with_proposal", ""] + reasons + truth["not_steered_yet", ""]


async def test_two_kreise_never_mix_and_add_up(client: ConsoleClient) -> None:
    here, there = await defined(client, KREIS), await defined(client, NEIGHBOUR)
    both = await defined(client, KREIS, NEIGHBOUR)
    assert (there["waiting", ""], there["expired", ""], there["seats_taken", ""]) == (7, 2, 7)
    assert {name: here[name, ""] + there[name, ""] for name in EXPECTED} == {
        name: both[name, ""] for name in EXPECTED
    }
    text = "".join((await pages_of(client.http)).values())
    assert "Nachbarkurs" not in text


async def test_gauges_count_the_same(client: ConsoleClient) -> None:
    truth = await defined(client, KREIS)
    conn = await connect(client.world.database.status, name="status")
    try:
        told = await gauges(conn)
    finally:
        await conn.close()
    named = {one.name: one.gauge for one in NAMED.values() if one.gauge}
    assert len(named) > 5
    assert {name: told[gauge] for name, gauge in named.items()} == {name: truth[name, ""] for name in named}


async def test_a_course_is_shown_by_the_section_that_runs_and_the_fullest_to_come(
    client: ConsoleClient,
) -> None:
    row = "Abschnitt 1 läuft: 9 von 20 belegt"
    for path in ("/courses", f"/courses/{course('running')}"):
        text = " ".join((await client.page(path)).split())
        assert row in text
        assert "am vollsten: Abschnitt 3, 18 von 20" in text
        assert "2 Plätze frei" in text
    client.watch.at += timedelta(days=13)  # the first section is over, the second has not begun
    assert "Abschnitt 2 ab 16.02.2026: 11 von 20 belegt" in await client.page("/courses")
    client.watch.at += timedelta(days=80)  # the last one
    text = await client.page("/courses")
    assert "Abschnitt 4 läuft: 11 von 20 belegt" in text
    assert "9 Plätze frei" in text


async def test_a_protected_course_is_not_below_its_minimum(client: ConsoleClient) -> None:
    assert "durch das Regelwerk geschützt" in await client.page("/courses")
    below = await client.page("/courses?below=1")
    assert "Der zu kleine" in below
    assert "Der des Landes" not in below
    reason = "the town hall pays for the room"
    await client.done(f"/courses/{course('weak')}/ruling", reason=reason, decision="start")
    assert "Der zu kleine" not in await client.page("/courses?below=1")
