"""Reads what the engine found about a version, and says what it cannot find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.allocation.console.policy.fields import SECTIONS
from services.allocation.console.policy.sentences import Wording
from services.allocation.policy.domain import Policy


@dataclass(frozen=True, slots=True)
class Kept:
    """Sums that were found about a document of a version (steering/questions/policy_trial.py)."""

    sha256: bytes
    result: Mapping[str, Any]
    tried_at: datetime

    @property
    def past(self) -> Sequence[Mapping[str, Any]]:
        """The days of the past year."""
        found: Sequence[Mapping[str, Any]] = self.result["past"]
        return found


async def of_version(conn: asyncpg.Connection, version: UUID) -> Sequence[Kept]:
    """List what was found about a version, the latest first."""
    rows = await conn.fetch(
        """
        SELECT sha256, result, tried_at FROM policy_preview WHERE version = $1 ORDER BY tried_at DESC LIMIT 10
        """,
        version,
    )
    return [Kept(**dict(row)) for row in rows]


UNTRIED = frozenset({"reservation", "automatic", "cadence", "pooling", "record"})
"""Sections about what happens after a proposal, when, and with whose courses: no single day shows that."""


def untried(say: Wording, old: Policy, new: Policy) -> Sequence[str]:
    """Name the changed sections of which a preview says nothing."""
    return [
        say.texts.plain(section.heading)
        for section in SECTIONS
        if section.key in UNTRIED
        and any(field.say(say, old) != field.say(say, new) for field in section.fields)
    ]
