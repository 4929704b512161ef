"""Sums a simulation up in the numbers that `kurslotse demo` prints at its end."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from services.simulator.world.state import State


def summarise(memory: State, *, mails: int, repeats: int, seconds: float, days: int) -> dict[str, Any]:
    """Collect the figures; `days` and `seconds` are of this run, everything else of the whole simulation."""
    counts = memory.counts

    def total(prefix: str) -> int:
        return sum(value for name, value in counts.items() if name.startswith(prefix))

    last = memory.day or memory.start - timedelta(days=1)
    return {
        "first_day": memory.start.isoformat(),
        "last_day": last.isoformat(),
        "days_played": memory.days,
        "days_played_now": days,
        "seconds_per_day": round(seconds / days, 3) if days else 0.0,
        "people_registered": len(memory.references),
        "events_accepted": total("accepted."),
        "events_refused_as_meant": counts.get("refused.meant", 0),
        "events_refused_unexpectedly": counts.get("refused.unexpected", 0),
        "findings": total("findings."),
        "proposals": counts.get("heard.place-proposed", 0),
        "proposals_confirmed": counts.get("coordinators.approved", 0),
        "proposals_overridden": counts.get("coordinators.overridden", 0),
        "reservations": counts.get("heard.place-reserved", 0),
        "placements": counts.get("placements.confirmed", 0),
        "started": counts.get("placements.started", 0),
        "completions": counts.get("placements.completed", 0),
        "exits": counts.get("exits.left", 0),
        "no_shows": counts.get("exits.no_show", 0),
        "returns": sum(memory.returned.values()),
        "courses_cancelled": len(memory.cancelled),
        "courses_completed": len(memory.completed),
        "consents": len(memory.consented),
        "consents_revoked": len(memory.revoked),
        "alerts_seen": counts.get("inbox.seen", 0),
        "alerts_accepted": counts.get("inbox.accepted", 0),
        "alerts_done": counts.get("inbox.done", 0),
        "deliveries": mails,
        "requests_repeated": repeats,
        "events_by_type": {
            name.removeprefix("accepted."): value
            for name, value in sorted(counts.items())
            if name.startswith("accepted.")
        },
        "counts": dict(sorted(counts.items())),
    }


def write(path: Path, figures: Mapping[str, Any]) -> None:
    """Replace the summary atomically."""
    draft = path.with_suffix(".new")
    draft.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    draft.replace(path)
