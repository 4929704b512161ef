"""The kinds of questions: one table from the name to the pure function that answers.

A new kind is one line in `KINDS`. Its function gets the snapshot of the asking Kreis's region and the
question (with the Kreis as `question["kreis"]`), and returns JSON values; it runs in a process of its own,
without connections or secrets. What it needs beside the snapshot is read by `material` and arrives as
`question["material"]`. A question that cannot be answered is a `ChangeError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import forecast, next_course, pooling, remedies, what_if
from services.allocation.steering.questions.material import Material, changed, poolable, ways
from services.simulator.year import answers as compare

Solve = Callable[[Snapshot, Mapping[str, Any]], dict[str, Any]]
Keep = Callable[[asyncpg.Connection, str, dict[str, Any], datetime], Awaitable[dict[str, Any]]]
"""Writes an answer where pages read it, as the task ends; returns what the task itself keeps."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of question is answered, and how long that may take."""

    solve: Solve
    material: Material | None = None
    limit_seconds: float = 120.0
    keep: Keep | None = None


KINDS: Mapping[str, Kind] = {
    "what_if": Kind(what_if.answer, changed),
    "next_course": Kind(next_course.answer, ways, limit_seconds=300.0),
    "pooling": Kind(pooling.answer, poolable, limit_seconds=300.0),
    "remedies": Kind(remedies.answer, remedies.material, remedies.LIMIT_SECONDS, remedies.keep),
    "compare": Kind(compare.answer, limit_seconds=compare.LIMIT_SECONDS),
    "forecast": Kind(forecast.answer, forecast.material),
}
