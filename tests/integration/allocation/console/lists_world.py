"""A Kreis with something in every list, in everything by which a list can be narrowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from schemas.offices import Entitlement
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    announced,
    course,
    levelled,
    person,
    registered,
    sections,
)
from tests.databases import Database
from tests.integration.allocation.console.client import ConsoleClient, console_on

TODAY = NOW.date()
GONE = Entitlement(standing="entitled", route="aufenthg_44_4", valid_until=date(2026, 1, 20))
SOON = Entitlement(standing="entitled", route="aufenthg_44_4", valid_until=date(2026, 2, 20))
TYPES = ("integration_general", "integration_women", "land")
TOWNS = ("99001001", "99001002", "99001003")
TIMES = ("morning", "evening")


async def _enter(client: ConsoleClient) -> None:
    """Enter people and courses that differ in everything a list can be narrowed by."""
    world = client.world
    for number in range(18):
        own = f"m{number}"
        await world.must(
            OTHER_PROVIDER if number % 3 else PROVIDER,
            announced(
                own,
                title=f"Kurs {chr(ord('Z') - number)}",
                own_number=f"NR-{number:03}",
                course_type=TYPES[number % 3],
                target_level="A2" if TYPES[number % 3] == "land" else None,
                town=TOWNS[number % 2],
                capacity=3 + number % 4,
                sections=sections(2, TODAY + timedelta(days=number * 3 - 6)),
            ),
        )
        await world.rows(
            "UPDATE course SET times_of_day = $2 WHERE own_course = $1", own, [TIMES[number // 2 % 2]]
        )
    for number in range(4):  # of the provider for which mira-kern works
        await world.rows(
            """
            WITH added AS (
                INSERT INTO course (course, kreis, provider, own_course, own_number, title, course_type,
                    course_kind, town, capacity, target_level, times_of_day)
                SELECT gen_random_uuid(), $1, 'vhs-musterland', 'own-' || $2, 'NR-10' || $2, 'Eigener ' || $2,
                    $3, 'other', $4, 9, $5, $6 RETURNING course
            )
            INSERT INTO course_section (course, number, kreis, starts_on, ends_on, capacity, taken)
            SELECT course, 1, $1, $7::date, $7::date + 30, 9, $8 FROM added
            """,
            KREIS,
            str(number),
            ("land", "municipal")[number % 2],
            TOWNS[number % 2],
            ("A2", "B1")[number // 2],
            [TIMES[number // 2]],
            TODAY + timedelta(days=number * 9 - 5),
            (0, 9)[number % 2],
        )
    for number in range(36):
        reference = f"q{number}"
        office = OTHER_OFFICE if number % 5 == 0 else OFFICE
        entitlement = {0: {"entitlement": GONE}, 1: {"entitlement": SOON}}.get(number % 4, {})
        types = ("integration_general", "land") if number % 8 == 0 else (TYPES[number % 2],)
        await world.must(
            office,
            registered(
                reference,
                registered_on=TODAY - timedelta(days=1 + number * 7 % 40),
                town=TOWNS[number % 3],
                course_types=types,
                available=(TIMES[number % 2],),
                **entitlement,
            ),
        )
        if number % 3 == 0:
            await world.must(office, levelled(reference, level=("A1", "B1")[number // 3 % 2]))


async def _decide(client: ConsoleClient) -> None:
    """Bring people into every state that has a list."""
    world = client.world
    for number in (2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23):
        office = OTHER_OFFICE if number % 5 == 0 else OFFICE
        own, provider = f"m{3 + number % 12}", OTHER_PROVIDER if (3 + number % 12) % 3 else PROVIDER
        who = person(f"q{number}", office)
        await world.rows(
            """
            INSERT INTO placement (placement, kreis, participant, course, provider, office, course_kind,
                entry_section, state, version, reason, proposed_at, changed_at)
            SELECT gen_random_uuid(), $5, $1, c.course, $3, $4, c.course_kind, 1, 'proposed', 1,
                '{"code": "first_choice", "params": {}}', $6, $6 FROM course AS c WHERE c.course = $2
            """,
            who,
            course(own, provider),
            provider,
            office,
            KREIS,
            NOW - timedelta(hours=number),
        )
    ids = [
        row["placement"] for row in await world.rows("SELECT placement FROM placement ORDER BY proposed_at")
    ]
    await client.done("/authority/send", placement=[str(one) for one in ids[:4]])
    await client.form("/authority/export", scope="all", format="csv")
    await client.done("/authority/send", placement=str(ids[4]))
    await client.done("/proposals/approve", placement=[str(one) for one in ids[6:10]])
    await world.rows(
        "UPDATE placement SET state = 'accepted', expires_at = NULL WHERE placement = $1", ids[6]
    )
    await world.rows(
        "UPDATE placement SET expires_at = $2 WHERE placement = $1", ids[7], NOW + timedelta(days=2)
    )
    ticked = [str(person("q4")), str(person("q12"))]
    await client.done("/expired", participant=ticked, reason="asked by telephone today", what="ask")
    await world.rows(
        """
        WITH content AS (
            INSERT INTO steering_content VALUES (sha256('x'), $1, 'x') RETURNING sha256
        ), run AS (
            INSERT INTO steering_run (run, region, kreis, generation, decided_at, snapshot, result,
                rules_version, policy_version, engine_version, status, people, entries, pairs, placed,
                proposed, withdrawn, stale, tiers, timing)
            SELECT gen_random_uuid(), $1, $1, 1, $2, sha256, sha256, '1', '1', '1', 'optimal', 9, 9, 9, 9,
                9, 0, 0, '[]', '{}' FROM content RETURNING run
        ), who AS (
            SELECT p.participant, p.kreis, row_number() OVER (ORDER BY p.reference) AS n
            FROM participant AS p WHERE p.reference LIKE 'q%' AND NOT EXISTS (
                SELECT FROM placement AS s WHERE s.participant = p.participant)
        ), reasons AS (
            INSERT INTO main_reason
            SELECT participant, kreis, run, false,
                CASE n % 2 WHEN 0 THEN 'no_courses' ELSE 'blocked_placement_test' END, '{}', $2, 1, 1
            FROM who, run
        )
        INSERT INTO remedy
        SELECT participant, kreis, run, CASE n % 3 WHEN 0 THEN 'none' WHEN 1 THEN 'seat' ELSE 'childcare' END,
            '{"parts": []}', '{}', CASE WHEN n % 3 > 0 THEN $3::uuid END, CASE WHEN n % 3 > 0 THEN 1 END,
            NULL, NULL, $2
        FROM who, run
        """,
        KREIS,
        NOW,
        course("m3"),
    )


@asynccontextmanager
async def lists_console(database: Database, prefix: str) -> AsyncIterator[ConsoleClient]:
    """Open the console on a Kreis with something in every list."""
    async with console_on(database, prefix) as client:
        await _enter(client)
        await _decide(client)
        yield client
