"""Reads a stored snapshot and applies every hard rule to it, each written a second time on purpose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

from services.checker.tables import Group, Json, OfCourse, OfEntry, OfPerson, Said, Tables, places

Node = tuple[str, int, int]
"""Course, section, and how many quotas stand before the entry."""

_NAMESPACE = UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21")
_LEVELS = ("none", "A1", "A2", "B1", "B2", "C1", "C2")
_WAITS_FROM = ("registered_on", "last_course_ended_on")
_WOMEN = "integration_women"


def day_of(text: str) -> date:
    """Read a day."""
    return date.fromisoformat(text)


class Snapshot:
    """The stored snapshot, read naively."""

    def __init__(self, data: Json) -> None:
        self.data, self.policy, self.rules = data, data["policy"], data["rules"]
        self.day = day_of(data["day"])
        self.people: Mapping[str, Json] = {one["id"]: one for one in data["people"]}
        self.courses: Mapping[str, Json] = {one["id"]: one for one in data["courses"]}
        self.travel = {(home, venue): minutes for home, venue, minutes in data["travel"]}
        self.pooled = {(one, other) for one, other in data["pooled"]}
        self.pooled_types = {(one, other): types for one, other, types in data.get("pooled_types", ())}
        self._ended = self.rules.get("ended_types", {})
        self.coming = {
            name: [one for one in course["sections"] if day_of(one["ends_on"]) >= self.day]
            for name, course in self.courses.items()
        }
        self.needs = {name: self._need(course) for name, course in self.courses.items()}
        self.entries = [(name, one["number"]) for name, some in self.coming.items() for one in some]
        self.every = (1 << len(self.entries)) - 1
        self.tables = Tables(
            self._groups(), [(self.courses[name], some) for name, some in self.coming.items()]
        )
        self._allowed: dict[str, list[tuple[str, int]]] = {}
        self.seat_counts: dict[Node, int] = {}

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

    def rank(self, person: str, goals: Sequence[str]) -> tuple[int, ...]:
        """Return a person's rank under the goals that compare people; less is better."""
        who = self.people[person]
        return tuple(self.class_of(who) if goal == "priority" else -self.waited(who) for goal in goals)

    @cached_property
    def families(self) -> list[list[str]]:
        """List who waits together with whom."""
        by_name: dict[str, list[str]] = defaultdict(list)
        for name, person in self.people.items():
            if person.get("family"):
                by_name[person["family"]].append(name)
        return [sorted(names) for _, names in sorted(by_name.items()) if len(names) > 1]

    @cached_property
    def tied(self) -> set[str]:
        """The people who wait together with others."""
        return {name for names in self.families for name in names}

    def waited(self, person: Json) -> int:
        """Count the days of waiting: since the registration, or since the last course of the person ended."""
        since = max(day_of(person[name]) for name in _WAITS_FROM if person.get(name))
        return max(0, (self.day - since).days)

    def starts(self, section: Json) -> date:
        """Return the first day of somebody who enters."""
        return max(day_of(section["starts_on"]), self.day)

    def section(self, course: str, number: int) -> Json | None:
        """Return a section that has not ended."""
        return next((one for one in self.coming[course] if one["number"] == number), None)

    def _law(self, course: Json) -> Json:
        """Return what the law says about the type of a course, also of one that has ended."""
        kind = course["course_type"]
        known: Json = self.rules["course_types"].get(kind) or self._ended.get(kind) or {}
        return known

    def _need(self, course: Json) -> int:
        sizes, kind = self.policy["sizes"], course["course_type"]
        begins = _begins(course)
        protected = kind in sizes["protected_types"] or any(
            str(uuid5(_NAMESPACE, name)) == course["id"] for name in sizes["protected_courses"]
        )
        far = begins > self.day + timedelta(days=sizes["decide_days"])
        if begins < self.day or far or protected or course.get("decision") == "start":
            return 0
        law = self._law(course).get("runs_from") or 0
        least = max(course.get("minimum") or 0, sizes["minimum"].get(kind, 0)) or law
        return max(0, int(least - course.get("seated", 0)))

    def seats(self, node: Node) -> int:
        """Return how many people the run may seat by way of a node."""
        if node not in self.seat_counts:
            self.seat_counts[node] = self._count(*node)
        return self.seat_counts[node]

    def _count(self, name: str, number: int, door: int) -> int:
        course, section = self.courses[name], self.section(name, number)
        assert section is not None  # noqa: S101 -- nodes are made of sections that there are
        free, capacity = section["free"], course.get("capacity")
        most = self._law(course).get("cap_must")
        if most is not None and capacity is not None:
            free = min(free, most - (capacity - free))
        for quota in self.quotas(name, section)[:door]:
            held = sum(n for code, n in course.get("seated_by", ()) if code in quota["classes"])
            free = max(0, free) - max(0, quota["seats"] - held)
        return max(0, int(free))

    def quotas(self, name: str, section: Json) -> list[Json]:
        """List the quotas that hold for an entry, the narrowest first."""
        course, days = self.courses[name], (day_of(section["starts_on"]) - self.day).days
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
            free = self._free
            for forbidden in self.objections(person).values():
                free &= ~forbidden
            self._allowed[person] = [self.entries[place] for place in places(free)]
        return self._allowed[person]

    def objections(self, person: str) -> Mapping[str, int]:
        """Return by rule the entries that it forbids a person, as bits in the order of `entries`."""
        return self.tables.objections(self.people[person])

    @cached_property
    def _free(self) -> int:
        """The entries in which somebody finds a seat in every section, whatever quotas stand before it."""
        return sum(
            1 << place
            for place, (name, number) in enumerate(self.entries)
            if all(
                self.seats((name, one["number"], 0)) for one in self.coming[name] if one["number"] >= number
            )
        )

    def _by_section(self, course: Json) -> bool:
        known = self._law(course)
        return bool(known["placed_by"] == "section" if known else course["kind"] == "integration")

    def forbidden(self, person: str, name: str, number: int) -> list[str]:
        """Name every rule that speaks against a person's entering a course at a section."""
        bit = 1 << self.entries.index((name, number))
        return [rule for rule, entries in self.objections(person).items() if entries & bit]

    def _groups(self) -> list[Group]:
        """List all rules, with the facts about a person that they read."""
        needs = ("needs_childcare", "needs_women_only", "needs_barrier_free", "course_types")
        return [
            OfCourse(("available", "available_days"), _times),
            OfCourse(needs, self._needs),
            OfCourse(("course_types",), self._types),
            OfPerson(("route", "granted_on", "registered_on"), self._route),
            OfPerson(("route", "granted_on", "valid_until", "earliest_start"), self._days),
            OfEntry(("hours_left",), _hours),
            OfEntry((), self._dates),
            OfEntry(("level", "section", "deviation"), self._level),
            OfCourse(("excluded", "barred_courses", "barred_providers"), _barred),
            OfCourse(("standing", "held"), self._decided),
            OfCourse(("kreis", "town", "max_travel_minutes"), self._reached),
        ]

    def clocks(self, who: Json, *, lapsing: bool) -> Iterator[tuple[str, date]]:
        """Yield the clocks of the law that run for a person, with their last day."""
        granted = who.get("granted_on")
        if granted is None or who.get("valid_until") is not None:
            return
        for clock in self.rules["deadlines"].values():
            if who["route"] in clock["routes"] and (clock["lapses"] or not lapsing):
                yield clock["code"], _after(day_of(granted), clock)

    def _needs(self, who: Json, course: Json) -> Said:
        for_women = set(self.rules.get("women_types", (_WOMEN,)))
        women = course.get("women_only", False) or course["course_type"] in for_women
        wanted = who.get("needs_women_only", False)
        reachable = course.get("online") or course.get("barrier_free") is True
        return {
            "childcare": not who.get("needs_childcare") or course.get("childcare") is True,
            "women_only": women if wanted else not women or bool(for_women & set(who["course_types"])),
            "barrier_free": not who.get("needs_barrier_free") or reachable,
        }

    def _types(self, who: Json, course: Json) -> Said:
        last = self.rules.get("last_starts", {}).get(course["course_type"])
        return {
            "course_type": course["course_type"] in who["course_types"],
            "type_over": last is None or _begins(course) <= day_of(last),
        }

    def _route(self, who: Json) -> Mapping[str, int]:
        history = self.rules["routes"].get(who["route"], ())
        granted = who.get("granted_on") or who["registered_on"]
        begun = [one for one in history if one["valid_from"] <= granted]
        held = [one for one in begun[-1:] if one["valid_until"] is None or granted <= one["valid_until"]]
        needed, there = self.every & ~self.of_kind("other"), 0
        for kind in (kind for one in (held or history[:1]) for kind in one["kinds"]):
            there |= self.of_kind(kind)
        return {
            "route_leads_there": needed & ~there,
            "route_open": 0 if held and held[-1]["open"] else needed,
        }

    def _days(self, who: Json) -> Mapping[str, int]:
        until, earliest = who.get("valid_until"), who.get("earliest_start")
        ends = dict(self.clocks(who, lapsing=True))
        if until is not None:
            ends["entitlement_valid"] = day_of(until)
        found = {rule: self.later(last) & ~self.of_kind("other") for rule, last in ends.items()}
        if earliest is not None:
            found["earliest_start"] = ~self.later(_day_before(earliest)) & self.every
        return found

    def later(self, day: date) -> int:
        """Return the entries whose first day is after a day."""
        return sum(1 << place for place, begins in enumerate(self._begin) if begins > day)

    @cached_property
    def _begin(self) -> list[date]:
        return [self.starts(section) for some in self.coming.values() for section in some]

    def of_kind(self, kind: str) -> int:
        """Return the entries of courses of a kind; those of `other` need no entitlement."""
        return self._kinds.get(kind, 0)

    @cached_property
    def _kinds(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for place, (name, _) in enumerate(self.entries):
            kind = self.courses[name]["kind"]
            found[kind] = found.get(kind, 0) | 1 << place
        return found

    def _dates(self, _who: Json, course: Json, section: Json) -> Said:
        limits, begins = self.policy["limits"], self.starts(section)
        register = course.get("registration_until")
        first, last = day_of(section["starts_on"]), day_of(section["ends_on"])
        length = (last - first).days + 1
        gone = min(max((self.day - first).days, 0), length)
        kind = self._law(course)
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
            "registration_deadline": register is None
            or day_of(register) >= self.day
            or day_of(register) < _begins(course) < first,
            "latest_start": begins <= self.day + timedelta(days=limits["latest_start_days"]),
            "late_entry": first >= self.day or held < most,
            "course_not_sure": not self.needs[course["id"]] or first <= _begins(course),
        }

    def _level(self, who: Json, course: Json, section: Json) -> Said:
        if self._by_section(course):
            own = _own(who, "section")
            return {"placement_test": bool(own), "level": not own or section["number"] in own}
        levels, target = _own(who, "level"), course.get("target_level")
        tested = target is None or bool(levels)
        reached = target is None or any(
            target in _LEVELS and one in _LEVELS and _LEVELS.index(target) == _LEVELS.index(one) + 1
            for one in levels
        )
        fits = not tested or (day_of(section["starts_on"]) <= _begins(course) and reached)
        return {"placement_test": tested, "level": fits}

    def _decided(self, who: Json, course: Json) -> Said:
        free = not self.rules["standings"].get(who["standing"], {"obliged": False})["obliged"]
        return {
            "on_hold": not who.get("held", False),
            "free_choice": self.policy["free_choice"] == "propose" or not free,
            "course_not_to_start": course.get("decision") != "close",
        }

    def _reached(self, who: Json, course: Json) -> Said:
        limits = (self.policy["limits"]["travel_minutes"], who.get("max_travel_minutes"))
        longest = min((one for one in limits if one is not None), default=None)
        minutes = self.minutes(who, course)
        return {
            "neighbour": self._shared(who.get("kreis", ""), course),
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


def _own(who: Json, what: str) -> set[Any]:
    deviation = who.get("deviation") or {}
    return {one for one in (who.get(what), deviation.get(what)) if one is not None}


def _begins(course: Json) -> date:
    return day_of(course.get("begins_on") or course["sections"][0]["starts_on"])


def _day_before(text: str) -> date:
    day = day_of(text)
    return day if day == date.min else day - timedelta(days=1)


def _after(event: date, clock: Json) -> date:
    """Return the last day of a clock; months end on the same day of the month, or on its last.

    Beyond the calendar it is the calendar's last day.
    """
    if not clock.get("months"):
        return event + timedelta(days=min(clock["days"], (date.max - event).days))
    count = event.year * 12 + event.month - 1 + clock["months"]
    if count // 12 > date.max.year:
        return date.max
    for day in range(event.day, 27, -1):
        try:
            return date(count // 12, count % 12 + 1, day)
        except ValueError:
            continue
    return date(count // 12, count % 12 + 1, min(event.day, 28))


def _hours(who: Json, course: Json, section: Json) -> Said:
    left = who.get("hours_left")
    return {"hours_left": left is None or course["kind"] != "integration" or left >= (section["ue"] or 1)}


def _times(who: Json, course: Json) -> Said:
    times, days = course.get("times_of_day", ()), course.get("weekdays", ())
    available, on_days = who.get("available", ()), who.get("available_days", ())
    return {
        "time_of_day": not available or (bool(times) and set(times) <= set(available)),
        "weekdays": not on_days or set(days) <= set(on_days),
    }


def _barred(who: Json, course: Json) -> Said:
    barred = course["id"] in who.get("barred_courses", ())
    return {
        "earlier_answer": course["id"] not in who.get("excluded", ()),
        "exclusion": not barred and course["provider"] not in who.get("barred_providers", ()),
    }
