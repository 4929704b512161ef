"""Counts who works for some Kreise or one publisher, without saying who: for the checklist of a first day."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.accounts.domain import Kind, Role


@dataclass(frozen=True, slots=True)
class Staff:
    """How many people have one of some roles, and how many open invitations give one."""

    people: int
    invited: int

    @property
    def anybody(self) -> bool:
        """Return whether somebody works there or is invited."""
        return self.people + self.invited > 0


async def staff(
    conn: asyncpg.Connection,
    kind: Kind,
    roles: Sequence[Role],
    *,
    kreise: Sequence[str],
    publisher: str | None = None,
    but: str | None = None,
) -> Staff:
    """Count active people and open invitations in organisations of a kind that work for one of the Kreise.

    `publisher`: only in those that speak for it; `but`: the key of a person who does not count.
    """
    row = await conn.fetchrow(
        """
        WITH place AS (
            SELECT slug FROM accounts.organisation
            WHERE kind = $1 AND kreise && $3::text[] AND ($4::text IS NULL OR publisher = $4)
        )
        SELECT
            (SELECT count(DISTINCT p.person) FROM accounts.given_role AS r
                JOIN accounts.person AS p ON p.person = r.person
                WHERE r.organisation IN (SELECT slug FROM place) AND r.role = ANY ($2)
                    AND r.ended_at IS NULL AND p.active AND p.key IS DISTINCT FROM $5) AS people,
            (SELECT count(*) FROM accounts.invitation AS i
                WHERE i.organisation IN (SELECT slug FROM place) AND i.roles && $2
                    AND i.used_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > now()) AS invited
        """,
        kind.value,
        [role.value for role in roles],
        list(kreise),
        publisher,
        but,
    )
    return Staff(row["people"], row["invited"]) if row is not None else Staff(0, 0)
