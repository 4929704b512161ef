"""Returns the hard rules that speak against places which a coordinator wants to give by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.allocation.law.rulebook import RuleBook
from services.allocation.steering.runs.objections import rules_against
from services.allocation.steering.runs.regions import PolicyOf


@dataclass(frozen=True, slots=True)
class RulesOfSteering:
    """Asks the same rules as a steering run, for one person (visit.RulesAgainst)."""

    policies: PolicyOf
    rulebook: RuleBook

    async def __call__(
        self, conn: asyncpg.Connection, participant: UUID, course: UUID, section: int, now: datetime, /
    ) -> Sequence[str]:
        """Return the rules that fail; none for somebody whom steering does not look at."""
        against = await self.of_each(conn, participant, [course], now)
        return against.get((course, section), ())

    async def of_each(
        self, conn: asyncpg.Connection, participant: UUID, courses: Sequence[UUID], now: datetime, /
    ) -> Mapping[tuple[UUID, int], Sequence[str]]:
        """Return the rules that fail in each section of some courses, as far as steering looks at them."""
        kreis = await conn.fetchval("SELECT kreis FROM participant WHERE participant = $1", participant)
        if kreis is None:
            return {}
        found = await rules_against(
            conn, participant, kreis, courses, local_day(now), self.policies, self.rulebook
        )
        return {(key.course, key.section): rules for key, rules in found.items()}
