"""Tries a policy on today's snapshot and on days of the past year, beside the one in force; sums are kept.

A past day is solved as it was then, once with today's policy and once with the tried one: what either of them
would have changed for the days after it is not known. Sums about people are banded (disclosure/bands.py), but
for those of everybody together.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.goals import class_of, waiting_days
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.applying import apply, beside_of
from services.allocation.steering.questions.changes import PolicyChanged, parse_all
from services.allocation.steering.questions.material import ReadContext, changed
from services.allocation.steering.questions.what_if import (
    SolvedSnapshot,
    difference,
    lapsing,
    many,
    of_kreis,
    solved,
)
from services.allocation.steering.runs.audit import content
from services.runtime.disclosure.bands import band

PAST_DAYS: Final = 365
LIMIT_SECONDS: Final = 300.0
"""One day of each of the last twelve months, solved twice."""
PAST_SECONDS: Final = 200.0
K: Final = 5
"""A number of people of one class is told in bands of so many."""


async def material(context: ReadContext) -> dict[str, Any]:
    """Read what changes may need, and the snapshot of the last run in each of the last twelve months."""
    rows = await context.conn.fetch(
        """
        SELECT DISTINCT ON (date_trunc('month', decided_at)) snapshot FROM steering_run
        WHERE $1 = ANY (kreise) AND decided_at > $2 AND decided_at < $3
        ORDER BY date_trunc('month', decided_at), decided_at DESC
        """,
        context.kreis,
        context.now - timedelta(days=PAST_DAYS),
        context.now,
    )
    past = [(await content(context.conn, row["snapshot"])).decode() for row in rows]
    return {**await changed(context), "past": past}


def answer(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"changes": [the policy], "version": ..., "sha256": ..., "kreis": ..., "material": {...}}`.

    Raises:
        ChangeError: the policy cannot be read.
    """
    changes, beside, home = parse_all(question.get("changes")), beside_of(question), question.get("kreis", "")
    began = time.monotonic()
    before, after = solved(seen), solved(apply(seen, changes, beside))
    took = time.monotonic() - began
    (tried,) = [one for one in changes if isinstance(one, PolicyChanged)]
    days: list[dict[str, Any]] = []
    skipped = 0
    limits = many(lambda: PAST_SECONDS - (time.monotonic() - began))
    for raw in question.get("material", {}).get("past", ()):
        if time.monotonic() - began > PAST_SECONDS:
            skipped += 1
            continue
        try:
            then = snapshot.decode(raw.encode())
        except ValueError:  # written by a version whose snapshots this one no longer reads
            skipped += 1
            continue
        pair = [solved(replace(then, policy=policy), limits) for policy in (seen.policy, tried.policy)]
        days.append({"day": then.day.isoformat(), **_sums(pair[0], pair[1], home)})
    return {
        **difference(before, after, beside.home),
        "version": question["version"],
        "sha256": question["sha256"],
        "sums": {
            "day": seen.day.isoformat(),
            "today": _sums(before, after, home),
            "past": days,
            "past_skipped": skipped,
            "seconds": round(took, 1),
            "all_seconds": round(time.monotonic() - began, 1),
        },
    }


def _sums(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> dict[str, Any]:
    """Sum what is different for the people of the Kreis; a pair is before and after."""
    own = of_kreis(before.seen, home)
    then, now = (_places(one, own) for one in (before, after))
    gain, lose = now.keys() - then.keys(), then.keys() - now.keys()
    return {
        "people": len(own),
        "placed": [len(then), len(now)],
        "gain": len(gain),
        "lose": len(lose),
        "move": sum(then[person] != now[person] for person in then.keys() & now.keys()),
        "waited": [_mean(_waited(one, own)) for one in (before, after)],
        "travel": [_mean(_minutes(one, own)) for one in (before, after)],
        "lapsing": [len(lapsing(one).keys() & own) for one in (before, after)],
        "by_class": _by_class(before, gain, lose),
        "cut": bool(before.result.cut or after.result.cut),
    }


def _places(one: SolvedSnapshot, own: set[UUID]) -> dict[UUID, Any]:
    return {person: entry for person, entry in one.result.places.items() if person in own}


def _waited(one: SolvedSnapshot, own: set[UUID]) -> list[int]:
    placed = one.result.places.keys() & own
    return [waiting_days(person, one.seen.day) for person in one.seen.people if person.id in placed]


def _minutes(one: SolvedSnapshot, own: set[UUID]) -> list[int]:
    """Return the known ways of those who have a place; ways that are not in the table are left out."""
    towns = {course.id: course.town for course in one.seen.courses}
    homes = {person.id: person.town for person in one.seen.people}
    found = []
    for person, entry in one.result.places.items():
        home, there = homes.get(person), towns.get(entry.course)
        minutes = one.seen.travel.get((home, there)) if home is not None and there is not None else None
        if person in own and minutes is not None:
            found.append(minutes)
    return found


def _mean(values: list[int]) -> int | None:
    """Return a mean of enough people to say nothing about any of them."""
    return round(sum(values) / len(values)) if len(values) >= 2 * K else None


def _by_class(before: SolvedSnapshot, gain: set[UUID], lose: set[UUID]) -> list[dict[str, Any]]:
    ranks = {person.id: class_of(person, before.seen.rules) for person in before.seen.people}
    sides = {
        name: Counter(ranks[person] for person in some if person in ranks)
        for name, some in (("gain", gain), ("lose", lose))
    }
    return [
        {"class": known.code, **{name: _band(side[place]) for name, side in sides.items()}}
        for place, known in enumerate(before.seen.rules.priorities.classes)
    ]


def _band(count: int) -> list[int | None]:
    told = band(count, K)
    return [told.low, told.high]


async def keep(conn: asyncpg.Connection, kreis: str, result: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Keep the sums with the version that was tried, for as long as there is the version."""
    await conn.execute(
        """
        INSERT INTO policy_preview (version, kreis, sha256, result, tried_at)
        SELECT id, kreis, $3, $4, $5 FROM policy_version WHERE id = $1 AND kreis = $2
        ON CONFLICT (version, sha256) DO UPDATE SET result = excluded.result, tried_at = excluded.tried_at
        """,
        UUID(result["version"]),
        kreis,
        bytes.fromhex(result["sha256"]),
        result["sums"],
        now,
    )
    return result
