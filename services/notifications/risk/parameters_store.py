"""Keeps the parameters that offices have decided, and says whose hold for somebody."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import asyncpg
from pydantic import ValidationError

from services.notifications.risk.parameters import Parameters, RiskRuleBook, RuleSet, Version
from services.runtime.data.db import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RiskBooks:
    """The packaged book, and those of the offices that have decided something."""

    packaged: RiskRuleBook
    own: Mapping[str, RiskRuleBook] = field(default_factory=dict)

    def of(self, offices: Iterable[str]) -> list[RiskRuleBook]:
        """Return the different books of offices; of no office, the packaged one."""
        if not self.own:
            return [self.packaged]
        return list(dict.fromkeys(self.own.get(office, self.packaged) for office in offices)) or [
            self.packaged
        ]


def in_force(books: Iterable[RiskRuleBook], day: date, since: date | None) -> list[RuleSet]:
    """Return the different rules in force on a day, and at any time since a risk began that is open.

    So a change of parameters neither withdraws nor clears a risk by itself.
    """
    found = [
        one
        for book in books
        for one in ([book.rules_on(day)] if since is None else book.between(min(since, day), day))
    ]
    return list({id(one): one for one in found}.values())


@dataclass(slots=True)
class RiskBookshelf:
    """Reads the books of all offices once, and anew when a version was added or forgotten."""

    packaged: RiskRuleBook
    _books: RiskBooks | None = None
    _read: list[int] = field(default_factory=list)

    async def current(self, conn: Connection) -> RiskBooks:
        """Return the books, as this transaction sees them."""
        there: list[int] = await conn.fetchval(
            "SELECT coalesce(array_agg(version ORDER BY version), '{}') FROM risk_parameters"
        )
        if self._books is None or there != self._read:
            self._books, self._read = await _read(conn, self.packaged), there
        return self._books


async def _read(conn: Connection, packaged: RiskRuleBook) -> RiskBooks:
    versions: dict[str, list[Version]] = defaultdict(list)
    for row in await conn.fetch(
        "SELECT office, valid_from, parameters FROM risk_parameters ORDER BY version"
    ):
        versions[row["office"]].append(version_of(row["valid_from"], row["parameters"], packaged))
    return RiskBooks(packaged, {office: RiskRuleBook(own, packaged) for office, own in versions.items()})


def version_of(day: date, stored: Mapping[str, Any] | None, packaged: RiskRuleBook) -> Version:
    """Return a stored version; what a later release has added to the parameters is as packaged.

    A version that a later release does not allow any more is as packaged altogether, and that is logged.
    """
    if stored is None:
        return Version(day, None)
    usual = packaged.rules_on(day).parameters.model_dump()
    whole = {
        name: value | stored.get(name, {}) if isinstance(value, dict) else stored.get(name, value)
        for name, value in usual.items()
    }
    try:
        return Version(day, Parameters.model_validate(whole))
    except ValidationError:
        log.exception("parameters of risk rules that are not allowed any more: the packaged ones are used")
        return Version(day, None)


async def decided(conn: Connection, office: str) -> Sequence[asyncpg.Record]:
    """List an office's versions in the order in which they were decided."""
    return await conn.fetch(
        """
        SELECT version, valid_from, parameters, reason, decided_at, decided_by FROM risk_parameters
        WHERE office = $1 ORDER BY version
        """,
        office,
    )


async def decide(
    conn: Connection,
    *,
    office: str,
    organisation: str,
    version: Version,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Add a version for one's own office, in a transaction of the web role."""
    parameters = version.parameters
    await conn.execute(
        """
        INSERT INTO risk_parameters (office, organisation, valid_from, parameters, reason, decided_at,
        decided_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        office,
        organisation,
        version.valid_from,
        None if parameters is None else parameters.model_dump(mode="json"),
        reason,
        now,
        by,
    )


async def reconsider_own(conn: Connection) -> None:
    """Have whoever consents to the visitor's own office looked at again; the page learns nothing of them."""
    await conn.execute("SELECT reconsider_own_consenting()")


async def forget(conn: Connection, before: datetime) -> int:
    """Delete versions that another replaced before a moment; return how many. For the worker."""
    return len(
        await conn.fetch(
            """
            DELETE FROM risk_parameters AS r WHERE EXISTS (
                SELECT FROM risk_parameters AS n WHERE n.office = r.office AND n.valid_from < $1::date
                    AND (n.valid_from, n.version) > (r.valid_from, r.version)) RETURNING 1
            """,
            before,
        )
    )
