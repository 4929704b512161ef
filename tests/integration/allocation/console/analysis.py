"""Opens the console on a Kreis with three weak courses, for the pages that ask questions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.steering.matching.domain import Course
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.allocation.steering.runs.service import Steering
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool
from services.runtime.serve.service import Resources
from tests.databases import Database
from tests.integration.allocation.console.test_policy_pages import NOON, Browser, Noon
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.integration.allocation.runs.test_runs import Solver
from tests.places.invented import invented_places
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.questions.test_pooling import three_weak
from tests.unit.allocation.regions.crowd import TOWNS, a_course, a_kreis, a_person

WHY = "three courses of four people each"


def weak() -> list[Course]:
    """Make three courses in each of which four people sit."""
    return [
        replace(course, sections=tuple(replace(section, free=16) for section in course.sections))
        for course in three_weak(seated=4)
    ]


async def seat(conn: asyncpg.Connection) -> None:
    """Let the four in each weak course be people of the Kreis, who have accepted their places."""
    sitting = [a_person(100 + number, town=TOWNS[0], office="office-2") for number in range(12)]
    await fill(conn, a_kreis(sitting, []))
    await conn.executemany(
        """
        INSERT INTO placement (placement, kreis, participant, course, provider, office, course_kind,
            entry_section, seats, state, version, published, reason, proposed_at, changed_at)
        VALUES (gen_random_uuid(), '99001', $1, $2, $3, 'office-1', $4, 1, $5, 'accepted', 3, true,
            '{"code": "accepted", "params": {}}', $6, $6)
        """,
        [
            (
                person.id,
                course.id,
                course.provider,
                course.kind,
                [section.number for section in course.sections],
                NOON,
            )
            for number, course in enumerate(weak())
            for person in sitting[4 * number : 4 * number + 4]
        ],
    )


@asynccontextmanager
async def analysis_console(database: Database, prefix: str) -> AsyncIterator[tuple[Browser, Steering]]:
    """Open the console on a Kreis with three weak courses, with the steering that works behind it."""
    worker = await open_pool(database.worker, name="analysis-pages", max_size=4)
    web = await open_pool(database.web, name="analysis-pages-web", max_size=4)
    conn = await connect(database.worker, name="analysis-pages-looking")
    people = [a_person(number, town=TOWNS[0]) for number in range(3)]
    childcare = [a_person(number, needs_childcare=True, section=2) for number in range(10, 20)]
    other = a_course(9, 40, course_type="integration_literacy", provider="provider-4")
    await fill(conn, a_kreis([*people, *childcare], [*weak(), other]))
    await conn.execute(
        "UPDATE course SET minimum = 9, title = 'Kurs ' || provider WHERE course <> $1", other.id
    )
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", DEMO_NOWHERE)
    placements = Placements(prefix, PolicyTerms(policies))
    resources = Resources(settings, Noon(), CollectorRegistry(), worker, web)
    app = create_console(resources, placements, rulebook, policies, places=invented_places())
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    browser = Browser(http, conn, policies, Analyses(worker, Here(), snapshot_source(policies, rulebook)))
    await browser.sign_in("jana-vogt")
    yield browser, Steering(worker, Solver(), placements, policies, rulebook, prefix)
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


async def count(browser: Browser, query: str, *args: object) -> int:
    found: int = await browser.conn.fetchval(query, *args)
    return found


async def send(browser: Browser, path: str, body: object = None) -> httpx.Response:
    return await browser.http.post(f"/api/v1{path}", json=body or {}, headers={"X-CSRF": browser.csrf})
