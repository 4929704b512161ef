"""Returns the hard rules that speak against a place which a coordinator wants to give by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.allocation.law.rulebook import RuleBook
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.runs.objections import rules_against
from services.allocation.steering.runs.regions import PolicyOf


@dataclass(frozen=True, slots=True)
class RulesOfSteering:
    """Asks the same rules as a steering run, for one person and one place (visit.RulesAgainst)."""

    policies: PolicyOf
    rulebook: RuleBook

    async def __call__(
        self, conn: asyncpg.Connection, participant: UUID, course: UUID, section: int, now: datetime, /
    ) -> Sequence[str]:
        """Return the rules that fail; none for somebody whom steering does not look at."""
        kreis = await conn.fetchval("SELECT kreis FROM participant WHERE participant = $1", participant)
        if kreis is None:
            return ()
        wanted, day = EntryKey(course, section), local_day(now)
        return await rules_against(conn, participant, kreis, wanted, day, self.policies, self.rulebook)
