"""Says which traces of an erased person a report names, and searches a whole installation for the others."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from tests.erasure.search import Needles, Trace, in_database, in_files, in_topics

_NAMED = (
    r"kurslotse\.(in|support|out|placements)\b",  # topics, until their retention is over
    r"gateway public\.addressed\.event$",  # that a place has ended, for its recipients (Art. 19 GDPR)
    r"gateway public\.(accepted|finding)\.event_id$",  # what publishers called their events
    # alerts without their person
    r"notifications public\.(alert|alert_step|delivery|escalation|reminder)\.alert_id$",
    r"\w+ runtime\.outbox\.",  # on its way to the topics above
)


def is_named(trace: Trace) -> bool:
    """Return whether the report of an erasure names this place."""
    return any(re.match(pattern, trace.place) for pattern in _NAMED)


async def search(
    databases: Mapping[str, str],
    kafka: str,
    prefix: str,
    needles: Needles,
    *,
    files: Sequence[Path] = (),
) -> list[Trace]:
    """Search databases, topics and logs of an installation."""
    found: list[Trace] = []
    for name, address in databases.items():
        conn = await asyncpg.connect(address)
        try:
            traces = await in_database(conn, needles)
        finally:
            await conn.close()
        found += [Trace(f"{name} {one.place}", one.what, one.times) for one in traces]
    found += await in_topics(kafka, prefix, needles)
    for root in files:
        found += [
            Trace(f"log {one.place}", one.what, one.times)
            for one in in_files(root, needles, (".log", ".txt", ".jsonl"))
        ]
    return found
