"""A Kreis in which something is in every state that a figure counts, with a run and what it found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from schemas.offices import Entitlement
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import DEMO, load_policies
from services.allocation.rerun import request_rerun
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.allocation.steering.runs.service import Steering
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    announced,
    completed,
    confirmed,
    course,
    levelled,
    person,
    registered,
    sections,
)
from tests.databases import Database
from tests.integration.allocation.console.client import ConsoleClient, console_on
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.runs.test_runs import Solver

TODAY = NOW.date()
RUNNING = TODAY - timedelta(days=20)
EXPIRED = Entitlement(
    standing="entitled", route="aufenthg_44_4", granted_on=date(2024, 1, 8), valid_until=date(2026, 1, 20)
)
LAPSED = Entitlement(standing="entitled", route="aufenthg_44_4", granted_on=date(2025, 1, 20))
ENDING = Entitlement(
    standing="entitled", route="aufenthg_44_4", granted_on=date(2025, 6, 1), valid_until=date(2026, 2, 20)
)
NEIGHBOUR = "99002"
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "expired-1": {"entitlement": EXPIRED},
    "expired-2": {"entitlement": EXPIRED},
    "lapsed-1": {"entitlement": LAPSED},
    "land-1": {"entitlement": EXPIRED, "course_types": ("integration_general", "land")},
    "ending-1": {"entitlement": ENDING, "needs_childcare": True},
    "childcare-1": {"needs_childcare": True},
    "childcare-2": {"needs_childcare": True},
}


@asynccontextmanager
async def figures_console(database: Database, prefix: str) -> AsyncIterator[ConsoleClient]:
    """Open the console on that Kreis and, beside it, the same people and courses of a neighbour."""
    async with console_on(database, prefix, policies=CurrentPolicies(load_policies(DEMO))) as client:
        world = client.world
        await world.must(
            PROVIDER,
            announced(
                "running", title="Der laufende", sections=sections(4, RUNNING), capacity=20, minimum=12
            ),
        )
        await world.must(
            PROVIDER,
            announced(
                "weak",
                title="Der zu kleine",
                capacity=15,
                minimum=9,
                sections=sections(2, TODAY + timedelta(days=9)),
            ),
        )
        await world.must(
            OTHER_PROVIDER,
            announced(
                "land",
                title="Der des Landes",
                course_type="land",
                target_level="A2",
                capacity=16,
                minimum=9,
                sections=sections(1, TODAY + timedelta(days=12)),
            ),
        )
        for reference, further in PEOPLE.items():
            await world.must(OFFICE, registered(reference, **further))
        for number in range(12):
            await world.must(OFFICE, registered(f"s{number}"))
            await world.must(OFFICE, levelled(f"s{number}"))
        for reference in ("childcare-1", "childcare-2", "ending-1"):
            await world.must(OFFICE, levelled(reference))
        await _places(client)
        await _run(client, prefix)
        await _neighbour(client)
        yield client


async def _places(client: ConsoleClient) -> None:
    world = client.world
    for number in range(4):  # in the running course: 0 and 1 have begun, 2 pauses, 3 is confirmed
        (placement,) = await world.propose(f"s{number}", own="running")
        await world.release(placement)
        await world.must(OFFICE, accepted(placement, f"s{number}"))
        await world.must(PROVIDER, confirmed(placement, person(f"s{number}"), "running"))
    for number, state in ((0, "started"), (1, "started"), (2, "interrupted")):
        await world.rows(
            "UPDATE placement SET state = $2, started_on = $3 WHERE participant = $1",
            person(f"s{number}"),
            state,
            RUNNING,
        )
    for number in (4, 5):
        await world.reserved(f"s{number}", "weak")
    accepts = await world.reserved("s6", "weak")
    await world.must(OFFICE, accepted(accepts, "s6"))
    await world.rows(
        "UPDATE placement SET expires_at = $2 WHERE participant = $1", person("s4"), NOW + timedelta(days=2)
    )
    # Others than ours: the running course is fullest in its third section, as reported by its provider.
    await world.rows(
        "UPDATE course_section SET taken = taken + CASE number WHEN 1 THEN 5 WHEN 3 THEN 14 ELSE 7 END"
        " WHERE course = $1",
        course("running"),
    )
    (bamf,) = await world.propose("s7", own="k1")
    await client.done("/authority/send", placement=str(bamf))
    await world.must(OTHER_PROVIDER, announced("over", sections=sections(1, TODAY - timedelta(days=60))))
    await world.must(OTHER_PROVIDER, completed("over", completed_on=TODAY - timedelta(days=20)))


async def _run(client: ConsoleClient, prefix: str) -> UUID:
    world, policies, rulebook = client.world, CurrentPolicies(load_policies()), load_rulebook()
    async with transaction(world.pool) as conn:
        await request_rerun(conn, KREIS, "a_test", True, NOW)  # noqa: FBT003 - as callers ask
    steering = Steering(world.pool, Solver(), world.placements, policies, rulebook, prefix)
    assert await steering.run_due(NOW) == 1
    await Analyses(world.pool, Here(), snapshot_source(policies, rulebook)).run_waiting(NOW)
    (row,) = await world.rows("SELECT run FROM steering_run")
    run: UUID = row["run"]
    return run


async def _neighbour(client: ConsoleClient) -> None:
    """Write rows of another Kreis, which nobody of this one may count."""
    await client.world.rows(
        """
        INSERT INTO course
            (course, kreis, provider, own_course, title, course_type, course_kind, capacity)
        VALUES ('00000000-0000-0000-0000-00000000c001', $1, 'vhs', 'there', 'Nachbarkurs', 'land',
            'other', 50)
        """,
        NEIGHBOUR,
    )
    await client.world.rows(
        """
        INSERT INTO course_section (course, number, kreis, starts_on, ends_on, capacity, taken)
        VALUES ('00000000-0000-0000-0000-00000000c001', 1, $1, $2, $3, 50, 7)
        """,
        NEIGHBOUR,
        TODAY,
        TODAY + timedelta(days=30),
    )
    await client.world.rows(
        """
        INSERT INTO participant (participant, kreis, office, reference, registered_on,
            first_registered_on, town, standing, route, valid_until, course_types)
        SELECT gen_random_uuid(), $1, 'jobcenter', 'n-' || n, $2, $2, $1 || '001', 'entitled',
            'aufenthg_44_4',
            CASE WHEN n < 3 THEN $2::date END, '{integration_general}'
        FROM generate_series(1, 9) AS n
        """,
        NEIGHBOUR,
        TODAY - timedelta(days=9),
    )
