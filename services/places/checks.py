"""Warns publishers of towns that the directory does not know or that have ended; nothing is refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import asyncpg

from schemas.base import Payload
from schemas.days import local_day
from schemas.offices import ParticipantChanged, ParticipantRegistered
from schemas.providers import CourseAnnounced, CourseChanged
from schemas.support import NeedReported
from services.places import store
from services.runtime.events.subscription import Applied, Handler, Incoming, Problem, Verdict

UNKNOWN, ENDED = "town_not_in_directory", "town_ended"


def towns_of(said: Payload, today: date) -> Iterator[tuple[str, date]]:
    """Return the towns that an event names, each with the day on which there has to be one."""
    match said:
        case ParticipantRegistered() | CourseAnnounced() | ParticipantChanged() | CourseChanged():
            if said.town is not None:
                yield said.town, today
        case NeedReported():
            yield said.town, min(today, date.fromisoformat(f"{said.month}-01"))
        case _:
            pass


@dataclass(frozen=True, slots=True)
class TownsChecked:
    """A judge that adds warnings about towns to what another decides."""

    judge: Handler

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime, /
    ) -> Sequence[Verdict]:
        """Return the other's verdicts; of events that are applied, with warnings."""
        verdicts = await self.judge(conn, batch, now)
        today = local_day(now)
        named = [list(towns_of(item.event.data, today)) for item in batch]
        asked = {town for some in named for town in some}
        missing = await store.not_holding(conn, asked) if asked else {}
        if not missing:
            return verdicts
        return [
            _warned(verdict, [missing[town] for town in some if town in missing])
            for verdict, some in zip(verdicts, named, strict=True)
        ]


def _warned(verdict: Verdict, known: Sequence[bool]) -> Verdict:
    if not isinstance(verdict, Applied) or not known:
        return verdict
    problems = tuple(Problem(ENDED if one else UNKNOWN, field="town") for one in known)
    return replace(verdict, warnings=(*verdict.warnings, *problems))
