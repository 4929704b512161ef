"""Reads what a Kreis or a provider has set up so far; nothing here names a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

from services.accounts.domain import Kind, Role
from services.accounts.people.staffing import Staff, staff
from services.places import store as places_store
from services.places.domain import Edition


@dataclass(frozen=True, slots=True)
class KreisFacts:
    """What is there for the Kreise of an organisation."""

    kreise: Sequence[str]
    edition: Edition | None
    towns: Mapping[str, int]
    """Kreis -> number of towns; Kreise without any are missing."""
    adopted: frozenset[str]
    """Kreise with a policy that two people have activated."""
    handed_in: frozenset[str]
    """Kreise with a policy that waits for the second person."""
    coordinators: Staff
    providers: Sequence[str]
    """Slugs of the active publishers that offer courses in one of the Kreise."""
    staffed: int
    """Of these, how many have people here, or invitations."""
    offices: int
    courses: bool
    people: bool


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What is there for a provider."""

    kreise: Sequence[str]
    publisher: str | None
    """Slug, if the gateway has announced it."""
    teachers: Staff
    courses: bool


async def kreis_facts(conn: asyncpg.Connection, kreise: Sequence[str], today: date) -> KreisFacts:
    """Read the facts of some Kreise; of others nothing is looked at."""
    providers = await _publishers(conn, kreise, "provider")
    staffs = [
        await staff(conn, Kind.PROVIDER, (Role.PROVIDER, Role.ADMINISTRATOR), kreise=kreise, publisher=slug)
        for slug in providers
    ]
    return KreisFacts(
        kreise=kreise,
        edition=await places_store.places_loaded(conn),
        towns=await places_store.towns_in(conn, kreise, today),
        adopted=await _policies(conn, kreise, "active"),
        handed_in=await _policies(conn, kreise, "submitted"),
        coordinators=await staff(conn, Kind.KREIS, (Role.COORDINATOR, Role.HEAD), kreise=kreise),
        providers=providers,
        staffed=sum(one.anybody for one in staffs),
        offices=len(await _publishers(conn, kreise, "office")),
        courses=await _any_course(conn, kreise),
        people=await _anybody(conn, kreise),
    )


async def provider_facts(
    conn: asyncpg.Connection, kreise: Sequence[str], publisher: str | None
) -> ProviderFacts:
    """Read the facts of one provider."""
    known: str | None = await conn.fetchval(
        "SELECT slug FROM runtime.publisher WHERE slug = $1 AND active AND 'provider' = ANY (kinds)",
        publisher,
    )
    offers = await conn.fetchval("SELECT EXISTS (SELECT FROM course WHERE provider = $1)", known)
    teachers = await staff(conn, Kind.PROVIDER, (Role.PROVIDER,), kreise=kreise, publisher=publisher or "")
    return ProviderFacts(kreise, known, teachers, bool(offers))


async def _publishers(conn: asyncpg.Connection, kreise: Sequence[str], kind: str) -> list[str]:
    rows = await conn.fetch(
        "SELECT slug FROM runtime.publisher"
        " WHERE active AND $2 = ANY (kinds) AND kreise && $1::text[] ORDER BY slug",
        list(kreise),
        kind,
    )
    return [row["slug"] for row in rows]


async def _policies(conn: asyncpg.Connection, kreise: Sequence[str], state: str) -> frozenset[str]:
    rows = await conn.fetch(
        "SELECT DISTINCT kreis FROM policy_version WHERE kreis = ANY ($1::text[]) AND state = $2",
        list(kreise),
        state,
    )
    return frozenset(row["kreis"] for row in rows)


async def _any_course(conn: asyncpg.Connection, kreise: Sequence[str]) -> bool:
    found = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM course WHERE kreis = ANY ($1::text[]))", list(kreise)
    )
    return bool(found)


async def _anybody(conn: asyncpg.Connection, kreise: Sequence[str]) -> bool:
    found = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM participant WHERE kreis = ANY ($1::text[]))", list(kreise)
    )
    return bool(found)
