"""Reads what an organisation of the support side has set up so far: whether somebody is there, not who."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

from services.accounts.domain import Kind, Role
from services.accounts.people.staffing import Staff, staff
from services.notifications.delivery.mail_test import last_test
from services.places import store as places_store
from services.places.domain import Edition


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there for one organisation."""

    kind: Kind
    founding: bool
    """It sets up what all who work on this side share."""
    kreise: Sequence[str]
    publisher: str | None
    """Slug of the publisher for which its people speak, if the gateway has announced it."""
    authority: bool
    """It obliges people: it writes consent down and never reads it."""
    edition: Edition | None
    towns: Mapping[str, int]
    mail_tested: bool
    covered: frozenset[str]
    """Kreise with an active counselling office whose catchment holds them or one of their towns."""
    own_office: bool
    counsellors: Staff
    clerks: Staff
    teachers: Staff
    people: bool
    consents: bool
    courses: bool


async def facts_of(conn: asyncpg.Connection, organisation: str, today: date) -> Facts | None:
    """Read the facts of one organisation (a slug of accounts); None if there is none of this name.

    The connection shows the rows of the organisation's own tenant and office, or of all: both give the same.
    """
    own = await conn.fetchrow(
        """
        SELECT o.kind, o.founding, o.kreise, o.tenant, p.slug, coalesce(p.authority, false) AS authority
        FROM accounts.organisation AS o LEFT JOIN runtime.publisher AS p ON p.slug = o.publisher AND p.active
        WHERE o.slug = $1
        """,
        organisation,
    )
    if own is None:
        return None
    kreise, speaks_for = own["kreise"], own["slug"]
    return Facts(
        kind=Kind(own["kind"]),
        founding=own["founding"],
        kreise=kreise,
        publisher=speaks_for,
        authority=own["authority"],
        edition=await places_store.places_loaded(conn),
        towns=await places_store.towns_in(conn, kreise, today),
        mail_tested=await mail_tested(conn),
        covered=await _covered(conn, kreise),
        own_office=await _own_office(conn, own["tenant"]),
        counsellors=await staff(conn, Kind.COUNSELLING, (Role.COUNSELLOR, Role.TEAM_LEAD), kreise=kreise),
        clerks=await staff(conn, Kind.REGISTERING_OFFICE, (Role.CLERK,), kreise=kreise),
        teachers=await staff(
            conn, Kind.PROVIDER, (Role.PROVIDER,), kreise=kreise, publisher=speaks_for or ""
        ),
        people=await _anybody(conn, speaks_for),
        consents=await _any_consent(conn, own["tenant"], speaks_for),
        courses=await _any_course(conn, speaks_for),
    )


async def mail_tested(conn: asyncpg.Connection) -> bool:
    """Return whether the last test mail was accepted by the mail server."""
    last = await last_test(conn)
    return last is not None and last.accepted


async def _covered(conn: asyncpg.Connection, kreise: Sequence[str]) -> frozenset[str]:
    rows = await conn.fetch(
        """
        SELECT kreis FROM unnest($1::text[]) AS kreis
        WHERE EXISTS (SELECT FROM office AS o, unnest(o.catchment) AS ags
            WHERE o.active AND starts_with(ags, kreis))
        """,
        list(kreise),
    )
    return frozenset(row["kreis"] for row in rows)


async def _own_office(conn: asyncpg.Connection, tenant: str | None) -> bool:
    found = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM office WHERE organisation = $1 AND active)", tenant
    )
    return bool(found)


async def _anybody(conn: asyncpg.Connection, office: str | None) -> bool:
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM person WHERE office = $1)", office))


async def _any_consent(conn: asyncpg.Connection, tenant: str | None, office: str | None) -> bool:
    found = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM consent AS c
            WHERE (c.registrar = $2 AND NOT c.registrar_authority)
                OR c.office IN (SELECT slug FROM office WHERE organisation = $1))
        """,
        tenant,
        office,
    )
    return bool(found)


async def _any_course(conn: asyncpg.Connection, provider: str | None) -> bool:
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM course WHERE provider = $1)", provider))
