"""Plays the counsellors at their inbox: some are quick, some slow, some never come."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.simulator.doors.session import DemoSession
from services.simulator.world.calendar import is_working_day
from services.simulator.world.chance import pick, stream
from services.simulator.world.kreis import JMD, MBE_NORTH, MBE_SOUTH

PACE: Final[Mapping[str, float]] = {MBE_NORTH: 0.6, JMD: 0.25}
"""Share of the new alerts that an office opens on a working day; an office not named here never does."""

OVERLOOKED: Final = 0.12
DONE_A_DAY: Final = 0.15
VERDICTS: Final = {"useful": 60, "not_needed": 25, "false_alarm": 15}
"""What a notice was worth, in percent of those that are done: invented, and independent of what happened."""
_STAND_IN: Final[Mapping[str, str]] = {MBE_NORTH: MBE_SOUTH}


_MOST_PAGES: Final = 20


async def _open(session: DemoSession) -> list[Mapping[str, Any]]:
    """Read all pages of the inbox."""
    found: dict[str, Mapping[str, Any]] = {}
    for page in range(1, _MOST_PAGES + 1):
        response = await session.ask("GET", "/inbox", params={"state": "open", "page": page})
        response.raise_for_status()
        fresh = {str(alert["alert"]): alert for alert in response.json()["alerts"]}
        if not fresh.keys() - found.keys():
            break
        found |= fresh
    return list(found.values())


class InboxCounsellors:
    """Works through the inbox of each office that has somebody in the demo."""

    def __init__(self, seed: int, offices: Mapping[str, DemoSession]) -> None:
        self._seed = seed
        self._offices = offices

    async def work(self, day: date) -> Mapping[str, int]:
        """Look at the open alerts and act on some."""
        done: Counter[str] = Counter()
        if is_working_day(day):
            for office, session in self._offices.items():
                for alert in await _open(session):
                    done.update(await self._one(office, session, alert, day))
        return done

    async def _one(
        self, office: str, session: DemoSession, alert: Mapping[str, Any], day: date
    ) -> Counter[str]:
        id_, state = str(alert["alert"]), alert["state"]
        done: Counter[str] = Counter()
        if stream(self._seed, "overlooked", id_).random() < OVERLOOKED:
            return done
        rng = stream(self._seed, "counsellor", id_, day)
        if state == "accepted":
            if rng.random() < DONE_A_DAY:
                verdict = (
                    pick(stream(self._seed, "verdict", id_), VERDICTS) if alert["kind"] == "risk" else None
                )
                done["inbox.done"] += await self._act(
                    session, id_, "done", {} if verdict is None else {"verdict": verdict}
                )
            return done
        if rng.random() >= PACE[office]:
            return done
        if state == "new":
            done["inbox.seen"] += await self._act(session, id_, "see")
        draw = rng.random()
        if draw < 0.86:
            done["inbox.accepted"] += await self._act(session, id_, "accept")
        elif draw < 0.93:
            done["inbox.declined"] += await self._act(
                session, id_, "decline", {"reason": "keine Zeit (erfunden)"}
            )
        elif office in _STAND_IN:
            body = {"office": _STAND_IN[office]}
            done["inbox.handed_over"] += await self._act(session, id_, "hand-over", body)
        return done

    async def _act(
        self, session: DemoSession, alert: str, what: str, body: Mapping[str, str] | None = None
    ) -> int:
        response = await session.ask("POST", f"/inbox/{alert}/{what}", json=body or {})
        return int(response.is_success)
