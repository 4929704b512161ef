"""Plays the coordinators at their console: they confirm, override or take back proposals."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from schemas.codes import Need
from services.simulator.doors.session import DemoSession
from services.simulator.world import kreis
from services.simulator.world import travel_times as ways
from services.simulator.world.calendar import is_working_day, working_day_from
from services.simulator.world.chance import stream

CONFIRMS: Final = 0.88
OVERRIDES: Final = 0.02
TAKES_BACK: Final = 0.01
HOLDS: Final = 0.006
EXCLUDES: Final = 0.006
IN_THE_ROOM: Final = 0.15
"""Share of confirmations with the person in the room: their seat is held for three days, not for ten."""
HOLD_DAYS: Final = 21
LEAVES: Final = timedelta(days=4)
"""While somebody watches, a proposal is theirs for so long before the played coordinators decide about it."""
ASKS_BAMF: Final = 0.06
"""Share of what would be confirmed that goes to BAMF first."""
AGREES, REFUSES = 0.35, 0.04
"""Chances that BAMF's answer comes on a working day."""
MEASURES: Final = (
    (timedelta(days=30), Need.CHILDCARE, "Die Stadt betreut vormittags Kinder neben der vhs (erfunden)."),
    (timedelta(days=150), Need.EVENING_COURSE, "Die vhs bietet ab jetzt einen Kurs am Abend an (erfunden)."),
)
"""What is agreed about needs: how long after the start, about which need, and what."""
_SEE_OTHER: Final = 303
_OVERRIDE_REASON: Final = "Die Schwester besucht den anderen Kurs (erfundener Grund)."
_HOLD_REASON: Final = "Person zieht in drei Wochen um und möchte danach beginnen (erfundener Grund)."
_EXCLUDE_REASON: Final = "Person möchte einen anderen Kurs als ein Verwandter (erfundener Grund)."
_BAMF_REASON: Final = "BAMF: Für diese Person ist ein anderer Kurs vorgesehen (erfundener Grund)."
_WITHDRAW_REASON: Final = "Person ist laut Jobcenter bis zum Kursbeginn verreist (erfundener Grund)."


class ConsoleCoordinators:
    """Works through the open proposals on each working day; what is left open comes up again the next day."""

    def __init__(
        self,
        seed: int,
        first: DemoSession,
        head: DemoSession,
        start: date | None,
        *,
        opens_on: date | None = None,
    ) -> None:
        """Take who works there; `start`: when travel times are loaded; `opens_on`: when somebody watches."""
        self._seed = seed
        self._start = start
        self._first = first
        self._head = head
        self._opens_on = opens_on

    async def work(self, day: date) -> Mapping[str, int]:
        """Decide about the open proposals."""
        done: Counter[str] = Counter()
        if not is_working_day(day):
            return done
        if day == self._start:
            done["coordinators.loaded_travel_times"] += await self._load_travel_times()
        for after, need, agreed in MEASURES:
            if self._start is not None and day == working_day_from(self._start + after):
                done["coordinators.measures"] += await self._agree(need, agreed, day)
        by_post, refused = await self._answers_of_bamf(day)
        in_the_room: list[str] = []
        to_bamf: list[str] = []
        for placement in refused:
            done["coordinators.bamf_refused"] += await self._refused_by_bamf(placement)
        for proposal in self._left_to_us(await self._open("proposed"), day):
            name = (proposal["participant"], proposal["own_course"])
            draw = stream(self._seed, "coordinator", *name, day).random()
            if draw < CONFIRMS:
                here, asks = draw < CONFIRMS * IN_THE_ROOM, draw > CONFIRMS * (1 - ASKS_BAMF)
                (in_the_room if here else to_bamf if asks else by_post).append(proposal["placement"])
            else:
                done.update(await self._decide_otherwise(proposal, draw - CONFIRMS, day))
        done.update(await self._approve(by_post, present=False))
        done.update(await self._approve(in_the_room, present=True))
        done["coordinators.asked_bamf"] += await self._send(to_bamf)
        return done

    def _left_to_us(self, proposals: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
        """Leave the proposals of the last days to whoever watches."""
        if self._opens_on is None or day < self._opens_on - LEAVES:
            return proposals
        return [one for one in proposals if datetime.fromisoformat(one["proposed_at"]).date() <= day - LEAVES]

    async def ask_questions(self) -> None:
        """Have answers computed that whoever watches finds done."""
        for kind in ("pooling", "next_course", "forecast"):
            response = await self._first.ask("POST", f"/api/v1/questions/{kind}", json={})
            response.raise_for_status()

    async def _answers_of_bamf(self, day: date) -> tuple[list[str], list[str]]:
        """Return the placements with which BAMF agrees today, and those with which it does not."""
        agreed: list[str] = []
        refused: list[str] = []
        for proposal in await self._open("sent_to_authority"):
            draw = stream(self._seed, "bamf", proposal["participant"], proposal["own_course"], day).random()
            if draw < AGREES:
                agreed.append(proposal["placement"])
            elif draw < AGREES + REFUSES:
                refused.append(proposal["placement"])
        return agreed, refused

    async def _send(self, placements: list[str]) -> int:
        """Mark placements as sent to BAMF and export the list for it."""
        if not placements:
            return 0
        response = await self._first.ask("POST", "/api/v1/proposals/send", json={"placements": placements})
        response.raise_for_status()
        done = sum(result["ok"] for result in response.json()["results"])
        (await self._first.ask("POST", "/api/v1/authority/export", json={"scope": "new"})).raise_for_status()
        return int(done)

    async def _refused_by_bamf(self, placement: str) -> int:
        path = f"/api/v1/proposals/{placement}/authority-refused"
        return int((await self._first.ask("POST", path, json={"reason": _BAMF_REASON})).is_success)

    async def _decide_otherwise(self, proposal: Mapping[str, Any], draw: float, day: date) -> Counter[str]:
        if draw < OVERRIDES:
            return Counter({"coordinators.overridden": await self._override(proposal)})
        if draw < OVERRIDES + TAKES_BACK:
            return Counter({"coordinators.withdrawn": await self._withdraw(proposal)})
        if draw < OVERRIDES + TAKES_BACK + HOLDS:
            return Counter({"coordinators.held": await self._hold(proposal, day)})
        if draw < OVERRIDES + TAKES_BACK + HOLDS + EXCLUDES:
            return Counter({"coordinators.excluded": await self._exclude(proposal)})
        return Counter()

    async def _load_travel_times(self) -> int:
        response = await self._first.ask(
            "POST",
            "/api/v1/travel",
            params={"name": "fahrzeiten.csv"},
            content=ways.table().encode(),
        )
        return int(response.is_success)

    async def _agree(self, need: Need, agreed: str, day: date) -> int:
        """Record what was agreed about a need, from now on."""
        form = {"need": need.value, "agreed": agreed, "course": "", "begins_on": day.isoformat()}
        response = await self._first.ask("POST", "/needs", params={"kreis": kreis.KREIS}, data=form)
        return int(response.status_code == _SEE_OTHER)

    async def _open(self, state: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            params = {"limit": "500", "state": state} | ({"after": after} if after else {})
            response = await self._first.ask("GET", "/api/v1/proposals", params=params)
            response.raise_for_status()
            page = response.json()
            found.extend(page["proposals"])
            after = page["next"]
            if after is None:
                return found

    async def _approve(self, placements: list[str], *, present: bool) -> Counter[str]:
        done: Counter[str] = Counter()
        for start in range(0, len(placements), 500):
            body = {"placements": placements[start : start + 500], "present": present}
            response = await self._first.ask("POST", "/api/v1/proposals/approve", json=body)
            response.raise_for_status()
            for result in response.json()["results"]:
                done["coordinators.approved" if result["ok"] else "coordinators.came_too_late"] += 1
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

    async def _withdraw(self, proposal: Mapping[str, Any]) -> int:
        path = f"/api/v1/proposals/{proposal['placement']}/withdraw"
        response = await self._first.ask("POST", path, json={"reason": _WITHDRAW_REASON})
        return int(response.is_success)

    async def _hold(self, proposal: Mapping[str, Any], day: date) -> int:
        path = f"/api/v1/people/{proposal['participant']}/hold"
        body = {"until": (day + timedelta(days=HOLD_DAYS)).isoformat(), "reason": _HOLD_REASON}
        return int((await self._head.ask("POST", path, json=body)).is_success)

    async def _exclude(self, proposal: Mapping[str, Any]) -> int:
        path = f"/api/v1/people/{proposal['participant']}/exclusions"
        body = {"course": proposal["course"], "reason": _EXCLUDE_REASON}
        return int((await self._first.ask("POST", path, json=body)).is_success)
