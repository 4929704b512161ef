"""The forecast as a question to the engine: history in, JSON values out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from schemas.days import local_day
from services.allocation.steering.forecast.history import History
from services.allocation.steering.forecast.model import Forecast, Group, forecast, groups_of
from services.allocation.steering.forecast.reader import history_of, read, written
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.material import Sight

WEEKS: Final = 12
PAST_WEEKS: Final = 12
"""Full weeks before the day whose registrations are told beside what is expected."""


async def material(sight: Sight) -> dict[str, Any]:
    """Read the history of the asking Kreis up to today."""
    return {"history": written(await history_of(sight.conn, sight.kreis, local_day(sight.now), WEEKS))}


def answer(_seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"material": {"history": ...}}`.

    Raises:
        ChangeError: `nobody_registered`: there is nothing to forecast from.
    """
    history = read(question["material"]["history"])
    try:
        return told(forecast(history, WEEKS), past_of(history))
    except ValueError as error:
        raise ChangeError("nobody_registered") from error


def past_of(history: History) -> Mapping[Group, Sequence[int]]:
    """Count the registrations of each group in the last full weeks, the oldest first."""
    weeks = min(PAST_WEEKS, history.weeks)
    found: dict[Group, list[int]] = defaultdict(lambda: [0] * weeks)
    for cell, counts in history.arrivals.items():
        for group in groups_of(cell):
            sums = found[group]
            for at, count in enumerate(counts[len(counts) - weeks :]):
                sums[at] += count
    return found


def told(said: Forecast, past: Mapping[Group, Sequence[int]]) -> dict[str, Any]:
    """Write a forecast as JSON values, with what has been counted so far."""
    groups = [
        asdict(group)
        | {"seats": group.seats, "past": list(past.get((group.by, group.value), ()))}
        | {"weeks": [asdict(week) | {"begins": week.begins.isoformat()} for week in group.weeks]}
        for group in said.groups
    ]
    return {"day": said.day.isoformat(), "history_weeks": said.history_weeks, "groups": groups}
