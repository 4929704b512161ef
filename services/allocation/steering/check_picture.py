"""The checker's own view of a stored snapshot: every rule written a second time, for one pair at a time.

Standard library only: it shares no code with what makes the runs, and reads the stored JSON alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property
from math import asin, cos, radians, sin, sqrt
from typing import Any
from uuid import UUID, uuid5

Json = Mapping[str, Any]
Node = tuple[str, int, int]
"""Course, section, and how many quotas stand before the entry."""

_NAMESPACE = UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21")
_LEVELS = ("none", "A1", "A2", "B1", "B2", "C1", "C2")
_WOMEN = "integration_women"
_BITS = (1 << 64) - 1


def _day(text: str) -> date:
    return date.fromisoformat(text)


class Picture:
    """The stored snapshot, read naively."""

    def __init__(self, data: Json) -> None:
        self.data, self.policy, self.rules = data, data["policy"], data["rules"]
        self.day = _day(data["day"])
        self.people: Mapping[str, Json] = {one["id"]: one for one in data["people"]}
        self.courses: Mapping[str, Json] = {one["id"]: one for one in data["courses"]}
        self.travel = {(home, venue): minutes for home, venue, minutes in data["travel"]}
        self.pooled = {(one, other) for one, other in data["pooled"]}
        self.pooled_types = {(one, other): types for one, other, types in data.get("pooled_types", ())}
        self._ended = self.rules.get("ended_types", {})
        self.coming = {
            name: [one for one in course["sections"] if _day(one["ends_on"]) >= self.day]
            for name, course in self.courses.items()
        }
        self.needs = {name: self._need(course) for name, course in self.courses.items()}
        self._allowed: dict[str, list[tuple[str, int]]] = {}
        self._seats: dict[Node, int] = {}

    def class_of(self, person: Json) -> int:
        """Return the place of the priority class."""
        classes = self.rules["priorities"]["classes"]
        for place, known in enumerate(classes):
            by_plan = known["cooperation_plan"] and person.get("cooperation_plan", False)
            if person["standing"] in known["standings"] or by_plan:
                return place
        return len(classes) - 1

    def code_of(self, person: Json) -> str:
        """Return the code of the priority class."""
        code: str = self.rules["priorities"]["classes"][self.class_of(person)]["code"]
        return code

    def waited(self, person: Json) -> int:
        """Count the days of waiting."""
        return max(0, (self.day - _day(person["registered_on"])).days)

    def starts(self, section: Json) -> date:
        """Return the first day of somebody who enters."""
        return max(_day(section["starts_on"]), self.day)

    def section(self, course: str, number: int) -> Json | None:
        """Return a section that has not ended."""
        return next((one for one in self.coming[course] if one["number"] == number), None)

    def _law(self, course: Json) -> Json | None:
        """Return what the law says about the type of a course, also of one that has ended."""
        kind = course["course_type"]
        known: Json | None = self.rules["course_types"].get(kind) or self._ended.get(kind)
        return known

    def _need(self, course: Json) -> int:
        sizes, kind = self.policy["sizes"], course["course_type"]
        begins = _begins(course)
        known = self._law(course)
        protected = kind in sizes["protected_types"] or any(
            str(uuid5(_NAMESPACE, name)) == course["id"] for name in sizes["protected_courses"]
        )
        far = begins > self.day + timedelta(days=sizes["decide_days"])
        if begins < self.day or far or protected or course.get("decision") == "start":
            return 0
        law = (known or {}).get("runs_from") or 0
        least = max(course.get("minimum") or 0, sizes["minimum"].get(kind, 0)) or law
        return max(0, int(least - course.get("seated", 0)))

    def seats(self, node: Node) -> int:
        """Return how many people the run may seat by way of a node."""
        if node not in self._seats:
            self._seats[node] = self._count(*node)
        return self._seats[node]

    def _count(self, name: str, number: int, door: int) -> int:
        course, section = self.courses[name], self.section(name, number)
        assert section is not None  # noqa: S101 -- nodes are made of sections that there are
        free, capacity = section["free"], course.get("capacity")
        known = self._law(course)
        most = (known or {}).get("cap_must")
        if most is not None and capacity is not None:
            free = min(free, most - (capacity - free))
        for quota in self.quotas(name, section)[:door]:
            held = sum(n for code, n in course.get("seated_by", ()) if code in quota["classes"])
            free = max(0, free) - max(0, quota["seats"] - held)
        return max(0, int(free))

    def quotas(self, name: str, section: Json) -> list[Json]:
        """List the quotas that hold for an entry, the narrowest first."""
        course, days = self.courses[name], (_day(section["starts_on"]) - self.day).days
        holding = [
            quota
            for quota in self.policy["quotas"]
            if (not quota["course_types"] or course["course_type"] in quota["course_types"])
            and (not quota["providers"] or course["provider"] in quota["providers"])
            and days > quota["until_days_before"]
        ]
        return sorted(holding, key=lambda quota: (len(quota["classes"]), quota["name"]))

    def path(self, person: Json, name: str, number: int) -> list[Node]:
        """List the nodes in which somebody sits who enters a course at a section."""
        section, code = self.section(name, number), self.code_of(person)
        assert section is not None  # noqa: S101 -- asked for pairs that are allowed
        groups = [quota["classes"] for quota in self.quotas(name, section)]
        door = next((place for place, classes in enumerate(groups) if code in classes), len(groups))
        later = [one["number"] for one in self.coming[name] if one["number"] > number]
        return [(name, number, step) for step in range(door, -1, -1)] + [(name, one, 0) for one in later]

    def allowed(self, person: str) -> list[tuple[str, int]]:
        """List the entries with a free seat that no rule speaks against."""
        if person not in self._allowed:
            self._allowed[person] = [place for name in self.courses for place in self.entries(person, name)]
        return self._allowed[person]

    def entries(self, person: str, name: str) -> Iterator[tuple[str, int]]:
        """Yield those of one course."""
        who, course = self.people[person], self.courses[name]
        if course["course_type"] not in who["course_types"]:
            return
        for section in self.coming[name]:
            if not self._may_lie(who, course, section) or self.forbidden(who, course, section):
                continue
            path = self.path(who, name, section["number"])
            if all(self.seats(node) for node in path if not node[2]):
                yield name, section["number"]

    def _may_lie(self, who: Json, course: Json, section: Json) -> bool:
        """Say quickly whether the section could be the right one at all."""
        return self._by_section(course) is False or section["number"] in _own(who, "section")

    def _by_section(self, course: Json) -> bool:
        known = self._law(course)
        return bool(known["placed_by"] == "section" if known else course["kind"] == "integration")

    def forbidden(self, who: Json, course: Json, section: Json) -> list[str]:
        """Name every rule that speaks against a person's entering a course at a section."""
        checks = {
            **_needs(who, course, self.rules.get("women_types", (_WOMEN,))),
            **self._rights(who, course, section),
            **self._dates(who, course, section),
            **self._level(who, course, section),
            **self._decided(who, course, section),
        }
        return [name for name, fine in checks.items() if not fine]

    def clocks(self, who: Json, *, lapsing: bool) -> Iterator[tuple[str, date]]:
        """Yield the clocks of the law that run for a person, with their last day."""
        granted = who.get("granted_on")
        if granted is None or who.get("valid_until") is not None:
            return
        for clock in self.rules["deadlines"].values():
            if who["route"] in clock["routes"] and (clock["lapses"] or not lapsing):
                yield clock["code"], _after(_day(granted), clock)

    def _rights(self, who: Json, course: Json, section: Json) -> dict[str, bool]:
        kind, begins, history = (
            course["kind"],
            self.starts(section),
            self.rules["routes"].get(who["route"], ()),
        )
        granted = who.get("granted_on") or who["registered_on"]
        begun = [one for one in history if one["valid_from"] <= granted]
        held = [one for one in begun[-1:] if one["valid_until"] is None or granted <= one["valid_until"]]
        leads = [one["kinds"] for one in (held or history[:1])]
        last = self.rules.get("last_starts", {}).get(course["course_type"])
        other, until, left = kind == "other", who.get("valid_until"), who.get("hours_left")
        return {
            "course_type": course["course_type"] in who["course_types"],
            "type_over": last is None or _begins(course) <= _day(last),
            "route_leads_there": other or (bool(leads) and kind in leads[0]),
            "route_open": other or (bool(held) and held[-1]["open"]),
            "entitlement_valid": other or until is None or begins <= _day(until),
            "hours_left": left is None or kind != "integration" or left >= (section["ue"] or 1),
            **{code: other or begins <= last for code, last in self.clocks(who, lapsing=True)},
        }

    def _dates(self, who: Json, course: Json, section: Json) -> dict[str, bool]:
        limits, begins = self.policy["limits"], self.starts(section)
        earliest, register = who.get("earliest_start"), course.get("registration_until")
        first, last = _day(section["starts_on"]), _day(section["ends_on"])
        length = (last - first).days + 1
        gone = min(max((self.day - first).days, 0), length)
        kind = self._law(course) or {}
        usual = (
            kind.get("section_ue") or kind.get("language_ue") or self.rules["limits"].get("section_ue", 100)
        )
        held = -(-(section["ue"] or usual) * gone // length)
        law = kind.get("late_entry_ue")
        law = self.rules["limits"]["late_entry_ue"] if law is None else law
        most = law if limits["late_entry"] else 0
        if limits["late_entry_ue"] is not None:
            most = min(most, limits["late_entry_ue"])
        return {
            "earliest_start": earliest is None or begins >= _day(earliest),
            "registration_deadline": register is None
            or _day(register) >= self.day
            or _day(register) < _begins(course) < first,
            "latest_start": begins <= self.day + timedelta(days=limits["latest_start_days"]),
            "late_entry": first >= self.day or held < most,
        }

    def _level(self, who: Json, course: Json, section: Json) -> dict[str, bool]:
        if self._by_section(course):
            own = _own(who, "section")
            return {"placement_test": bool(own), "level": not own or section["number"] in own}
        levels, target = _own(who, "level"), course.get("target_level")
        tested = target is None or bool(levels)
        reached = target is None or any(
            target in _LEVELS and one in _LEVELS and _LEVELS.index(target) == _LEVELS.index(one) + 1
            for one in levels
        )
        fits = not tested or (_day(section["starts_on"]) <= _begins(course) and reached)
        return {"placement_test": tested, "level": fits}

    def _decided(self, who: Json, course: Json, section: Json) -> dict[str, bool]:
        free = not self.rules["standings"].get(who["standing"], {"obliged": False})["obliged"]
        first = _day(section["starts_on"]) <= _begins(course)
        barred = course["id"] in who.get("barred_courses", ()) or course["provider"] in who.get(
            "barred_providers", ()
        )
        limits = (self.policy["limits"]["travel_minutes"], who.get("max_travel_minutes"))
        longest = min((one for one in limits if one is not None), default=None)
        minutes = self.minutes(who, course)
        return {
            "on_hold": not who.get("held", False),
            "free_choice": self.policy["free_choice"] == "propose" or not free,
            "neighbour": self._shared(who.get("kreis", ""), course),
            "course_not_to_start": course.get("decision") != "close",
            "course_not_sure": not self.needs[course["id"]] or first,
            "exclusion": not barred,
            "travel_time": longest is None or minutes is None or minutes <= longest,
        }

    def minutes(self, who: Json, course: Json) -> int | None:
        """Return the way in minutes by the table."""
        return 0 if course.get("online") else self.travel.get((who["town"], course.get("town")))

    def _shared(self, home: str, course: Json) -> bool:
        there = course.get("kreis", "")
        if home == there or not home or not there:
            return True
        types = {one["kreis"]: one["course_types"] for one in self.policy["pooling"]}
        agreed = types.get(there) or types.get(home) or ()
        if self.pooled_types:
            agreed = self.pooled_types.get((home, there), ())
        return (home, there) in self.pooled and (not agreed or course["course_type"] in agreed)

    def value(self, goal: str, who: Json, course: Json, section: Json) -> int:  # noqa: PLR0911 -- one a goal
        """Return what a pair is worth under a goal that compares pairs."""
        begins, offer, minutes = self.starts(section), who.get("offer"), self.minutes(who, course)
        metres = self._hundreds_of_metres(who, course)
        match goal:
            case "deadline":
                days = [last for _, last in self.clocks(who, lapsing=False)]
                days += [_day(who["valid_until"])] if who.get("valid_until") else []
                return int(bool(days) and begins <= min(days))
            case "viability":
                target = self.policy["sizes"]["target"].get(course["course_type"])
                return int(target is not None and course.get("seated", 0) < target)
            case "keep_offer":
                wanted = {"course": course["id"], "section": section["number"]}
                return int(offer is not None and offer["entry"] == wanted)
            case "type_choice":
                return 11 - int(who["course_types"].index(course["course_type"]))
            case "early_start":
                return int(self.policy["limits"]["latest_start_days"]) - (begins - self.day).days
            case "travel_time":
                estimate = 10 + round(2.5 * (150 if metres is None else metres) / 10)
                return 240 - min(estimate if minutes is None else minutes, 240)
            case "distance":
                return 2000 - min(150 if metres is None else metres, 2000)
            case "balance":
                return 100 - self._fill[course["provider"]]
            case _:
                raise ValueError(f"unknown goal {goal}")

    @cached_property
    def _fill(self) -> Mapping[str, int]:
        seats, taken = Counter[str](), Counter[str]()
        for course in self.courses.values():
            first = course["sections"][0]["free"] if course["sections"] else 0
            capacity, seated = course.get("capacity"), course.get("seated", 0)
            seats[course["provider"]] += seated + max(0, first) if capacity is None else capacity
            taken[course["provider"]] += seated
        return {name: min(100, 100 * taken[name] // max(1, seats[name])) for name in seats}

    def _hundreds_of_metres(self, who: Json, course: Json) -> int | None:
        lat, lon, towns = course.get("latitude"), course.get("longitude"), self.policy["towns"]
        if course.get("online") or (lat is None and course.get("town") == who["town"]):
            return 0
        there, home = towns.get(course.get("town")), towns.get(who["town"])
        if lat is not None and lon is not None:
            there = {"latitude": lat, "longitude": lon}
        if home is None or there is None:
            return None
        ends = (home["latitude"], home["longitude"], there["latitude"], there["longitude"])
        lat1, lon1, lat2, lon2 = map(radians, ends)
        half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
        return round(2 * 63710 * asin(sqrt(half)))


def _own(who: Json, what: str) -> set[Any]:
    deviation = who.get("deviation") or {}
    return {one for one in (who.get(what), deviation.get(what)) if one is not None}


def _begins(course: Json) -> date:
    return _day(course.get("begins_on") or course["sections"][0]["starts_on"])


def _after(event: date, clock: Json) -> date:
    """Return the last day of a clock; months end on the same day of the month, or on its last."""
    if not clock.get("months"):
        return event + timedelta(days=clock["days"])
    count = event.year * 12 + event.month - 1 + clock["months"]
    for day in range(event.day, 27, -1):
        try:
            return date(count // 12, count % 12 + 1, day)
        except ValueError:
            continue
    return date(count // 12, count % 12 + 1, min(event.day, 28))


def _needs(who: Json, course: Json, for_women: Collection[str]) -> dict[str, bool]:
    kind, times, days = course["course_type"], course.get("times_of_day", ()), course.get("weekdays", ())
    available, on_days = who.get("available", ()), who.get("available_days", ())
    women = course.get("women_only", False) or kind in for_women
    wanted = who.get("needs_women_only", False)
    reachable = course.get("online") or course.get("barrier_free") is True
    return {
        "time_of_day": not available or (bool(times) and set(times) <= set(available)),
        "weekdays": not on_days or set(days) <= set(on_days),
        "childcare": not who.get("needs_childcare") or course.get("childcare") is True,
        "women_only": women if wanted else not women or bool(set(for_women) & set(who["course_types"])),
        "barrier_free": not who.get("needs_barrier_free") or reachable,
        "earlier_answer": course["id"] not in who.get("excluded", ()),
    }


def lot(person: str, course: str, section: int) -> int:
    """Draw the lot of a pair from its ids."""

    def fold(name: str) -> int:
        return (UUID(name).int >> 64) ^ (UUID(name).int & _BITS)

    mixed = fold(person) ^ (((fold(course) + section) & _BITS) * 0x9E3779B97F4A7C15 & _BITS)
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _BITS
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _BITS
    return (mixed ^ (mixed >> 31)) >> 48
