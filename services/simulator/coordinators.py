"""The coordinators of the invented Kreis at their console: confirm, override with a reason, take back."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.simulator.calendar import is_working_day
from services.simulator.chance import stream
from services.simulator.desk import SignedIn

CONFIRMS: Final = 0.88
OVERRIDES: Final = 0.02
TAKES_BACK: Final = 0.01
_OVERRIDE_REASON: Final = "Die Schwester besucht den anderen Kurs (erfundener Grund)."
_RELEASE_REASON: Final = "Person ist laut Jobcenter bis zum Kursbeginn verreist (erfundener Grund)."


class ConsoleCoordinators:
    """Works through the open proposals of each working day; what is left is looked at again tomorrow."""

    def __init__(self, seed: int, first: SignedIn, head: SignedIn) -> None:
        self._seed = seed
        self._first = first
        self._head = head

    async def work(self, day: date) -> Mapping[str, int]:
        """Decide about the open proposals."""
        done: Counter[str] = Counter()
        if not is_working_day(day):
            return done
        confirmed: list[str] = []
        for proposal in await self._open():
            name = (proposal["participant"], proposal["own_course"])
            draw = stream(self._seed, "coordinator", *name, day).random()
            if draw < CONFIRMS:
                confirmed.append(proposal["placement"])
            elif draw < CONFIRMS + OVERRIDES:
                done["coordinators.overridden"] += await self._override(proposal)
            elif draw < CONFIRMS + OVERRIDES + TAKES_BACK:
                done["coordinators.released"] += await self._release(proposal)
        done.update(await self._confirm(confirmed))
        return done

    async def _open(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            params = {"limit": "500"} | ({"after": after} if after else {})
            response = await self._first.ask("GET", "/api/v1/proposals", params=params)
            response.raise_for_status()
            page = response.json()
            found.extend(page["proposals"])
            after = page["next"]
            if after is None:
                return found

    async def _confirm(self, placements: list[str]) -> Counter[str]:
        done: Counter[str] = Counter()
        for start in range(0, len(placements), 500):
            body = {"placements": placements[start : start + 500]}
            response = await self._first.ask("POST", "/api/v1/proposals/confirm", json=body)
            response.raise_for_status()
            for result in response.json()["results"]:
                done["coordinators.confirmed" if result["ok"] else "coordinators.came_too_late"] += 1
        return done

    async def _override(self, proposal: Mapping[str, Any]) -> int:
        for other in proposal["alternatives"]:
            section = await self._section(str(other["course"]), str(other["starts_on"]))
            if section is None:
                continue
            body = {"course": other["course"], "section": section, "reason": _OVERRIDE_REASON}
            path = f"/api/v1/proposals/{proposal['placement']}/override"
            if (await self._head.ask("POST", path, json=body)).is_success:
                return 1
        return 0

    async def _section(self, course: str, starts_on: str) -> int | None:
        offset = 0
        while True:
            response = await self._head.ask("GET", "/api/v1/courses", params={"limit": 500, "offset": offset})
            response.raise_for_status()
            courses = response.json()["courses"]
            for found in courses:
                if found["course"] == course:
                    numbers = [s["number"] for s in found["sections"] if s["starts_on"] == starts_on]
                    return int(numbers[0]) if numbers else None
            if len(courses) < 500:
                return None
            offset += 500

    async def _release(self, proposal: Mapping[str, Any]) -> int:
        path = f"/api/v1/proposals/{proposal['placement']}/release"
        response = await self._first.ask("POST", path, json={"reason": _RELEASE_REASON})
        return int(response.is_success)
