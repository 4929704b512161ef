"""The forecast as a question to the engine: history in, JSON values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from services.allocation.steering.analysis.changes import ChangeError
from services.allocation.steering.analysis.material import Sight
from services.allocation.steering.forecast.model import Forecast, forecast
from services.allocation.steering.forecast.reader import history_of, read, written
from services.allocation.steering.policy import local_day
from services.allocation.steering.snapshot import Snapshot

WEEKS: Final = 12


async def material(sight: Sight) -> dict[str, Any]:
    """Read the history of the asking Kreis up to today."""
    return {"history": written(await history_of(sight.conn, sight.kreis, local_day(sight.now), WEEKS))}


def answer(_seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"material": {"history": ...}}`.

    Raises:
        ChangeError: `nobody_registered`: there is nothing to forecast from.
    """
    try:
        return told(forecast(read(question["material"]["history"]), WEEKS))
    except ValueError as error:
        raise ChangeError("nobody_registered") from error


def told(said: Forecast) -> dict[str, Any]:
    """Write a forecast as JSON values."""
    groups = [
        asdict(group)
        | {"seats": group.seats}
        | {"weeks": [asdict(week) | {"begins": week.begins.isoformat()} for week in group.weeks]}
        for group in said.groups
    ]
    return {"day": said.day.isoformat(), "history_weeks": said.history_weeks, "groups": groups}
