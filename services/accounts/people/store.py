"""Reads and writes organisations, people and roles; whoever administers names their organisation."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg


async def names(conn: asyncpg.Connection) -> Mapping[str, str]:
    """Return the name of everybody by their key."""
    return {row["key"]: row["name"] for row in await conn.fetch("SELECT key, name FROM accounts.person")}


async def organisation(conn: asyncpg.Connection, slug: str) -> asyncpg.Record | None:
    """Return one organisation."""
    return await conn.fetchrow(
        "SELECT slug, name, kind, kreise, tenant, publisher, founding, active FROM accounts.organisation"
        " WHERE slug = $1",
        slug,
    )


async def put_organisation(
    conn: asyncpg.Connection,
    slug: str,
    *,
    name: str,
    kind: str,
    kreise: Sequence[str],
    tenant: str | None,
    publisher: str | None,
    founding: bool = False,
) -> None:
    """Store an organisation; its kind stays as it is, and one that adds others goes on doing so.

    Raises:
        asyncpg.UniqueViolationError: another organisation speaks for the publisher.
    """
    await conn.execute(
        """
        INSERT INTO accounts.organisation AS o (slug, name, kind, kreise, tenant, publisher, founding)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (slug) DO UPDATE
            SET name = $2, kreise = $4, tenant = $5, publisher = $6, founding = o.founding OR $7
        WHERE o.kind = $3
        """,
        slug,
        name,
        kind,
        list(kreise),
        tenant,
        publisher,
        founding,
    )


async def person_by_key(conn: asyncpg.Connection, key: str) -> asyncpg.Record | None:
    """Return a person by the key that histories use."""
    return await conn.fetchrow(
        "SELECT person, key, name, email, home, active FROM accounts.person WHERE key = $1", key
    )


async def person_by_id(conn: asyncpg.Connection, person: UUID) -> asyncpg.Record | None:
    """Return a person."""
    return await conn.fetchrow(
        "SELECT person, key, name, email, home, active FROM accounts.person WHERE person = $1", person
    )


async def person_by_email(conn: asyncpg.Connection, email: str) -> asyncpg.Record | None:
    """Return a person by their login name."""
    return await conn.fetchrow(
        "SELECT person, key, name, email, home, active FROM accounts.person WHERE email = $1", email
    )


async def add_person(
    conn: asyncpg.Connection,
    key: str,
    *,
    name: str,
    email: str | None,
    home: str,
    person: UUID | None = None,
) -> UUID:
    """Add a person, under an id that is known before if it has to be; return the id."""
    added: UUID = await conn.fetchval(
        "INSERT INTO accounts.person (person, key, name, email, home)"
        " VALUES (coalesce($1, gen_random_uuid()), $2, $3, $4, $5) RETURNING person",
        person,
        key,
        name,
        email,
        home,
    )
    return added


async def anybody(conn: asyncpg.Connection) -> bool:
    """Return whether anybody has an account."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM accounts.person)")
    return found


async def set_active(conn: asyncpg.Connection, person: UUID, *, active: bool) -> None:
    """Let a person work, or end their account; what they did stays on record."""
    await conn.execute(
        "UPDATE accounts.person SET active = $2, ended_at = CASE WHEN $2 THEN NULL ELSE now() END"
        " WHERE person = $1 AND active <> $2",
        person,
        active,
    )


async def set_email(conn: asyncpg.Connection, person: UUID, email: str) -> None:
    """Change a login name."""
    await conn.execute("UPDATE accounts.person SET email = $2 WHERE person = $1", person, email)


async def roles(conn: asyncpg.Connection, person: UUID) -> Sequence[asyncpg.Record]:
    """List the roles that a person has now in active organisations, the first one worn last."""
    return await conn.fetch(
        """
        SELECT r.given, r.role, r.organisation, o.name AS place, r.given_at,
            (SELECT max(s.last_seen_at) FROM accounts.session AS s WHERE s.worn = r.given) AS worn_at
        FROM accounts.given_role AS r JOIN accounts.organisation AS o ON o.slug = r.organisation
        WHERE r.person = $1 AND r.ended_at IS NULL AND o.active
        ORDER BY worn_at DESC NULLS LAST, r.given_at, r.given
        """,
        person,
    )


async def give(conn: asyncpg.Connection, person: UUID, organisation: str, role: str, by: str) -> bool:
    """Give a role; return whether it was new."""
    given = await conn.fetchval(
        "INSERT INTO accounts.given_role (person, organisation, role, given_by) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (person, organisation, role) WHERE ended_at IS NULL DO NOTHING RETURNING given",
        person,
        organisation,
        role,
        by,
    )
    return given is not None


async def end_role(
    conn: asyncpg.Connection, organisation: str, given: UUID, by: str, *, person: UUID
) -> asyncpg.Record | None:
    """End a person's role of this organisation; return it, None if there is none to end."""
    return await conn.fetchrow(
        "UPDATE accounts.given_role SET ended_by = $3, ended_at = now()"
        " WHERE given = $2 AND organisation = $1 AND person = $4 AND ended_at IS NULL RETURNING role",
        organisation,
        given,
        by,
        person,
    )


async def end_roles(
    conn: asyncpg.Connection, person: UUID, by: str, *, only: str | None = None, but: str | None = None
) -> Sequence[asyncpg.Record]:
    """End a person's roles: those of one organisation, or all but those of one."""
    return await conn.fetch(
        """
        UPDATE accounts.given_role SET ended_by = $2, ended_at = now()
        WHERE person = $1 AND ended_at IS NULL
            AND ($3::text IS NULL OR organisation = $3) AND ($4::text IS NULL OR organisation <> $4)
        RETURNING organisation, role
        """,
        person,
        by,
        only,
        but,
    )


async def is_administered(conn: asyncpg.Connection, organisation: str) -> bool:
    """Return whether an active person administers the organisation."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM accounts.given_role AS r JOIN accounts.person AS p ON p.person = r.person
            WHERE r.organisation = $1 AND r.role = 'administrator' AND r.ended_at IS NULL AND p.active)
        """,
        organisation,
    )
    return found


async def members(conn: asyncpg.Connection, organisation: str) -> Sequence[asyncpg.Record]:
    """List everybody who has or had a role in an organisation, with the roles that they have in it now."""
    return await conn.fetch(
        """
        SELECT p.person, p.key, p.name, p.email, p.active, p.home = $1 AS at_home,
            coalesce(jsonb_agg(jsonb_build_object('given', r.given, 'role', r.role) ORDER BY r.given_at)
                FILTER (WHERE r.ended_at IS NULL), '[]') AS roles,
            (SELECT max(s.created_at) FROM accounts.session AS s
                JOIN accounts.given_role AS w ON w.given = s.worn
                WHERE s.person = p.person AND w.organisation = $1) AS last_sign_in
        FROM accounts.person AS p JOIN accounts.given_role AS r ON r.person = p.person
        WHERE r.organisation = $1
        GROUP BY p.person ORDER BY p.active DESC, p.name, p.key LIMIT 500
        """,
        organisation,
    )


async def member(conn: asyncpg.Connection, organisation: str, person: UUID) -> asyncpg.Record | None:
    """Return somebody who has or had a role in this organisation; None for anybody else."""
    return await conn.fetchrow(
        """
        SELECT p.person, p.key, p.name, p.email, p.home, p.active, p.home = $1 AS at_home
        FROM accounts.person AS p
        WHERE p.person = $2
            AND EXISTS (SELECT FROM accounts.given_role AS r
                WHERE r.person = p.person AND r.organisation = $1)
        FOR UPDATE OF p
        """,
        organisation,
        person,
    )


async def put_identity(
    conn: asyncpg.Connection, issuer: str, subject: str, person: UUID, about: Mapping[str, str]
) -> None:
    """Say by which subject of an issuer a person is known."""
    await conn.execute(
        "INSERT INTO accounts.identity (issuer, subject, person, about) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (issuer, subject) DO NOTHING",
        issuer,
        subject,
        person,
        dict(about),
    )


async def identities(conn: asyncpg.Connection, issuer: str) -> Sequence[asyncpg.Record]:
    """List the active people whom an issuer knows, in the order in which they were added."""
    return await conn.fetch(
        "SELECT i.subject, i.about, p.name FROM accounts.identity AS i"
        " JOIN accounts.person AS p ON p.person = i.person"
        " WHERE i.issuer = $1 AND p.active ORDER BY i.made_at, i.about->>'position', i.subject",
        issuer,
    )


async def lock_organisation(conn: asyncpg.Connection, organisation: str) -> None:
    """Let nobody else end roles of an organisation until this transaction ends."""
    await conn.execute("SELECT FROM accounts.organisation WHERE slug = $1 FOR NO KEY UPDATE", organisation)


async def describe(conn: asyncpg.Connection, slug: str, name: str, kreise: Sequence[str]) -> bool:
    """Name an organisation, and its Kreise while it has none; return whether that was possible.

    No two Kreise organisations work for the same Kreis: who could choose freely could read everybody's rows.
    """
    done = await conn.fetchval(
        """
        UPDATE accounts.organisation AS o SET name = $2,
            kreise = CASE WHEN cardinality(o.kreise) = 0 THEN $3::text[] ELSE o.kreise END
        WHERE slug = $1 AND (cardinality(o.kreise) = 0 OR $3::text[] = '{}' OR $3::text[] = o.kreise)
            AND NOT EXISTS (SELECT FROM accounts.organisation AS other
                WHERE other.slug <> $1 AND other.kind = o.kind AND o.kind = 'kreis'
                    AND other.kreise && $3::text[])
        RETURNING true
        """,
        slug,
        name,
        list(kreise),
    )
    return bool(done)


async def organisations(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List all organisations (for commands; a page names its own)."""
    return await conn.fetch(
        "SELECT slug, name, kind, kreise, active, founding FROM accounts.organisation ORDER BY slug"
    )


async def known_by(conn: asyncpg.Connection, issuer: str, subject: str) -> asyncpg.Record | None:
    """Return whom an issuer knows by a subject, whether they may still work or not."""
    return await conn.fetchrow(
        "SELECT p.person, p.key, p.name, p.email, p.home, p.active FROM accounts.identity AS i"
        " JOIN accounts.person AS p ON p.person = i.person WHERE i.issuer = $1 AND i.subject = $2",
        issuer,
        subject,
    )


async def rename(conn: asyncpg.Connection, person: UUID, name: str) -> None:
    """Call a person by another name."""
    await conn.execute("UPDATE accounts.person SET name = $2 WHERE person = $1", person, name)


async def roles_given_by(conn: asyncpg.Connection, person: UUID, by: str) -> Sequence[asyncpg.Record]:
    """List the roles that a person has now and that were given by somebody."""
    return await conn.fetch(
        "SELECT given, organisation, role FROM accounts.given_role"
        " WHERE person = $1 AND given_by = $2 AND ended_at IS NULL",
        person,
        by,
    )
