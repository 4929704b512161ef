"""Reads what lists can be narrowed to: codes with their words, and what occurs in the visitor's Kreise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import asyncpg

from services.allocation.console.lists.listing import Choices, Filter
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import options, word
from services.texts.reasons import NEEDS, RULES, SUMS, headline, need

TYPE = Filter("type", msgid("Course type"))
LEVEL = Filter("level", msgid("Level"))
TARGET = Filter("level", msgid("Leads to the level"), "target")
HOME = Filter("town", msgid("Home town"), "home")
VENUE = Filter("town", msgid("Town of the course"), "venue")
OFFICE = Filter("office", msgid("Registering office"))
PROVIDER = Filter("provider", msgid("Provider"))
TIME = Filter("time", msgid("Time of day"))
AVAILABLE = Filter("time", msgid("Can attend"), "time")

UNTESTED = "untested"
_LEVELS = ("none", "A1", "A2", "B1", "B2", "C1", "C2")
_STATUS: Mapping[str, Mapping[str, str]] = {
    "deadline": {
        "1": msgid("within four weeks"),
        "over": msgid("over, other courses are open"),
    },
    "waiting_status": {
        "none": msgid("no proposal"),
        "proposed": msgid("proposal open"),
        "sent_to_authority": msgid("proposal with the BAMF"),
    },
    "asked": {"no": msgid("not asked for yet"), "yes": msgid("asked for")},
    "proposal_status": {"proposed": msgid("to check"), "sent_to_authority": msgid("with the BAMF")},
    "held_status": {
        "reserved": msgid("reserved, no answer yet"),
        "ending": msgid("ends within three days, or is over"),
        "accepted": msgid("accepted, the provider has still to confirm"),
    },
    "listed": {"no": msgid("in no list yet"), "yes": msgid("in a list")},
    "course_status": {
        "to_come": msgid("to come"),
        "running": msgid("running"),
        "free": msgid("with a free seat"),
        "full": msgid("full"),
        "merged": msgid("merged with another one"),
    },
    "below": {"1": msgid("below its minimum")},
}


def status(kind: str) -> Filter:
    """Return the filter by state of a kind of list."""
    return Filter("status", msgid("Status"), f"{kind}_status")


async def choices_of(
    conn: asyncpg.Connection, texts: Texts, place: Callable[[str], str], provider: str | None = None
) -> Mapping[str, Choices]:
    """Return the choices of every kind of filter; of one provider's courses, if it is named."""
    offices, homes = await _of_people(conn) if provider is None else ({}, set())
    providers, venues = await _of_courses(conn, provider)
    levels = [(code, word(texts, code, "level")) for code in _LEVELS]
    reasons = [*(f"blocked_{code}" for code in RULES), *SUMS]
    fixed = {
        kind: [(code, texts.plain(text)) for code, text in some.items()] for kind, some in _STATUS.items()
    }
    return {
        "type": options(texts, "course_type"),
        "level": [*levels, (UNTESTED, texts.plain(msgid("not tested")))],
        "target": levels[1:],
        "time": options(texts, "time_of_day"),
        "home": _by_word((town, place(town)) for town in homes),
        "venue": _by_word((town, place(town)) for town in venues),
        "office": _by_word(offices.items()),
        "provider": _by_word(providers.items()),
        "reason": _by_word({code: headline(texts, code) for code in reasons}.items()),
        "code": _by_word((code, need(texts, code)) for code in (*NEEDS, *await _helps(conn))),
        **fixed,
    }


def _by_word(some: Iterable[tuple[str, str]]) -> Choices:
    return sorted(dict(some).items(), key=lambda one: (one[1].casefold(), one[0]))


async def _of_people(conn: asyncpg.Connection) -> tuple[dict[str, str], set[str]]:
    rows = await conn.fetch(
        """
        SELECT p.office, p.town, coalesce(b.name, p.office) AS name
        FROM (SELECT DISTINCT office, town FROM participant WHERE status = 'active') AS p
        LEFT JOIN runtime.publisher AS b ON b.slug = p.office
        """
    )
    return {row["office"]: row["name"] for row in rows}, {row["town"] for row in rows}


async def _of_courses(conn: asyncpg.Connection, provider: str | None) -> tuple[dict[str, str], set[str]]:
    rows = await conn.fetch(
        """
        SELECT c.provider, c.town, coalesce(b.name, c.provider) AS name
        FROM (SELECT DISTINCT provider, town FROM course
            WHERE state = 'announced' AND ($1::text IS NULL OR provider = $1)) AS c
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        """,
        provider,
    )
    return {row["provider"]: row["name"] for row in rows}, {row["town"] for row in rows if row["town"]}


async def _helps(conn: asyncpg.Connection) -> list[str]:
    return [row["code"] for row in await conn.fetch("SELECT DISTINCT code FROM remedy")]
