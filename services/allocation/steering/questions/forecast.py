"""Answers the question for a forecast, with how good the same forecast would have been in the past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter

from schemas.days import local_day
from services.allocation.steering.forecast import DemandHistory, Forecast, backtest, forecast
from services.allocation.steering.forecast_store import history_of
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.material import ReadContext

_HISTORY: Final = TypeAdapter(DemandHistory)
_FORECAST: Final = TypeAdapter(Forecast)


async def material(context: ReadContext) -> dict[str, Any]:
    """Read the history of the asking Kreis up to today."""
    history = await history_of(context.conn, context.kreis, local_day(context.now))
    return {"history": _HISTORY.dump_python(history, mode="json")}


def answer(_seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"material": {"history": ...}}`.

    Raises:
        ChangeError: `nobody_registered`: there is nothing to forecast from.
    """
    history = _HISTORY.validate_python(question["material"]["history"])
    try:
        found: dict[str, Any] = _FORECAST.dump_python(forecast(history), mode="json")
    except ValueError as error:
        raise ChangeError("nobody_registered") from error
    whole = next((score for score in backtest([history]) if score.by == "all" and score.summed), None)
    return found | {"tested": None if whole is None else asdict(whole)}
