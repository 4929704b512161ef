"""Finds people by reference, courses by number or name, providers by name: one box on every page."""

from collections.abc import Sequence

import asyncpg
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.allocation.console.context.visit import CoordinatorVisit

router = APIRouter(include_in_schema=False)
MOST = 20
"""Results that are shown of each kind."""
LONGEST = 100


@router.get("/search")
async def search(visit: CoordinatorVisit, q: str = "") -> Response:
    """Show what a text may mean; a reference or a course number that is meant exactly opens its page."""
    asked = " ".join(q.split())[:LONGEST]
    if not asked.isprintable():
        asked = ""
    if not asked:
        return visit.page("search.html", asked="", people=(), courses=(), providers=(), most=MOST)
    async with visit.open() as conn:
        people = await _people(conn, asked)
        courses = await _courses(conn, asked)
        providers = await _providers(conn, asked)
    exact = [f"/people/{one['participant']}" for one in people if one["exact"]]
    exact += [f"/courses/{one['course']}" for one in courses if one["exact"]]
    if len(exact) == 1:
        return RedirectResponse(exact[0], 303)
    return visit.page(
        "search.html", asked=asked, people=people, courses=courses, providers=providers, most=MOST
    )


async def _people(conn: asyncpg.Connection, asked: str) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT p.participant, p.reference, p.status, coalesce(o.name, p.office) AS office_name,
            lower(p.reference) = lower($1) OR p.participant::text = lower($1) AS exact
        FROM participant AS p LEFT JOIN runtime.publisher AS o ON o.slug = p.office
        WHERE starts_with(lower(p.reference), lower($1)) OR p.participant::text = lower($1)
        ORDER BY exact DESC, p.reference, p.participant LIMIT $2
        """,
        asked,
        MOST,
    )


async def _courses(conn: asyncpg.Connection, asked: str) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT c.course, c.title, c.state, coalesce(c.own_number, c.own_course) AS number, c.town,
            coalesce(b.name, c.provider) AS provider_name,
            lower($1) IN (lower(c.own_number), lower(c.own_course), c.course::text) AS exact
        FROM course AS c LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE starts_with(lower(c.own_course), lower($1)) OR starts_with(lower(c.own_number), lower($1))
            OR c.course::text = lower($1) OR strpos(lower(c.title), lower($1)) > 0
        ORDER BY exact DESC NULLS LAST, c.state <> 'announced', c.title, c.course LIMIT $2
        """,
        asked,
        MOST,
    )


async def _providers(conn: asyncpg.Connection, asked: str) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT b.slug, b.name, count(c.course) AS courses
        FROM runtime.publisher AS b JOIN course AS c ON c.provider = b.slug AND c.state = 'announced'
        WHERE strpos(lower(b.name), lower($1)) > 0 OR b.slug = lower($1)
        GROUP BY b.slug, b.name ORDER BY b.name LIMIT $2
        """,
        asked,
        MOST,
    )
