"""Computes what a pair is worth under each goal, written a second time for the checker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt
from uuid import UUID

from services.checker.pairs import Snapshot, day_of
from services.checker.tables import Json

_BITS = (1 << 64) - 1


class Values:
    """Values of pairs under the goals that compare pairs, in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot, self._fill = snapshot, _fill(snapshot)

    def of(self, goal: str, who: Json, course: Json, section: Json) -> int:  # noqa: PLR0911 -- one a goal
        """Return what a pair is worth under a goal that compares pairs."""
        begins, offer, minutes = (
            self._snapshot.starts(section),
            who.get("offer"),
            self._snapshot.minutes(who, course),
        )
        metres = self._hundreds_of_metres(who, course)
        match goal:
            case "deadline":
                days = [last for _, last in self._snapshot.clocks(who, lapsing=False)]
                days += [day_of(who["valid_until"])] if who.get("valid_until") else []
                return int(bool(days) and begins <= min(days))
            case "viability":
                target = self._snapshot.policy["sizes"]["target"].get(course["course_type"])
                return int(target is not None and course.get("seated", 0) < target)
            case "keep_offer":
                wanted = {"course": course["id"], "section": section["number"]}
                return int(offer is not None and offer["entry"] == wanted)
            case "type_choice":
                return 11 - int(who["course_types"].index(course["course_type"]))
            case "early_start":
                return (
                    int(self._snapshot.policy["limits"]["latest_start_days"])
                    - (begins - self._snapshot.day).days
                )
            case "travel_time":
                estimate = 10 + round(2.5 * (150 if metres is None else metres) / 10)
                return 240 - min(estimate if minutes is None else minutes, 240)
            case "distance":
                return 2000 - min(150 if metres is None else metres, 2000)
            case "balance":
                return 100 - self._fill[course["provider"]]
            case _:
                raise ValueError(f"unknown goal {goal}")

    def _hundreds_of_metres(self, who: Json, course: Json) -> int | None:
        lat, lon, towns = course.get("latitude"), course.get("longitude"), self._snapshot.policy["towns"]
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


def _fill(snapshot: Snapshot) -> Mapping[str, int]:
    """Return by provider how full its courses are, in per cent."""
    seats, taken = Counter[str](), Counter[str]()
    for course in snapshot.courses.values():
        first = course["sections"][0]["free"] if course["sections"] else 0
        capacity, seated = course.get("capacity"), course.get("seated", 0)
        seats[course["provider"]] += seated + max(0, first) if capacity is None else capacity
        taken[course["provider"]] += seated
    return {name: min(100, 100 * taken[name] // max(1, seats[name])) for name in seats}


def lot(person: str, course: str, section: int) -> int:
    """Draw the lot of a pair from its ids."""

    def fold(name: str) -> int:
        return (UUID(name).int >> 64) ^ (UUID(name).int & _BITS)

    mixed = fold(person) ^ (((fold(course) + section) & _BITS) * 0x9E3779B97F4A7C15 & _BITS)
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _BITS
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _BITS
    return (mixed ^ (mixed >> 31)) >> 48
