"""Why somebody got this place, or none: a pure function of snapshot and result, as codes with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.allocation.placements.domain import Alternative, Reason
from services.allocation.steering.domain import EntryKey, Person
from services.allocation.steering.eligibility import Eligibility, members
from services.allocation.steering.entries import Entry
from services.allocation.steering.goals import Worth, class_of, hundreds_of_metres, waiting_days
from services.allocation.steering.matching import Result
from services.allocation.steering.snapshot import Snapshot

ALTERNATIVES = 3
"""How many other places are named with a proposal."""
GENERAL_RULES = ("level", "course_type", "latest_start")
"""Rules that most courses fail for most people; another rule says more, if one stands alone too."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is told about one person after a run."""

    person: UUID
    main: Reason
    suitable: int
    """Entries that no hard rule speaks against, full ones included."""
    eligible: int
    """Of these, entries with a free seat before the run."""
    place: EntryKey | None = None
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


class _Seats:
    """Who got the seats, and what is left of them."""

    def __init__(self, snapshot: Snapshot, eligibility: Eligibility, result: Result) -> None:
        self._entries = eligibility.entries
        self._place = {entry.key: place for place, entry in enumerate(self._entries)}
        self._holders: dict[int, list[Person]] = {}
        for person in snapshot.people:
            if person.id in result.places:
                self._holders.setdefault(self._place[result.places[person.id]], []).append(person)
        self._tight: list[int | None] = [None] * len(self._entries)
        left = 0
        for place, entry in enumerate(self._entries):
            if place == 0 or self._entries[place - 1].course.id != entry.course.id:
                left = 0
            left += len(self._holders.get(place, ()))
            if entry.seats <= left:
                self._tight[place] = place
        for place in range(len(self._entries) - 2, -1, -1):
            same = self._entries[place].course.id == self._entries[place + 1].course.id
            if self._tight[place] is None and same:
                self._tight[place] = self._tight[place + 1]

    def at(self, key: EntryKey) -> int:
        return self._place[key]

    def full(self, place: int) -> bool:
        """Say whether nobody else can enter there after the run."""
        return self._tight[place] is not None

    def rivals(self, place: int) -> list[Person]:
        """List those of whom any one, stepping back, would make room for one more at this entry.

        They entered at the first full section from here on, or before it.
        """
        tight = self._tight[place]
        if tight is None:
            return []
        course = self._entries[place].course.id
        rivals = []
        while tight >= 0 and self._entries[tight].course.id == course:
            rivals += self._holders.get(tight, [])
            tight -= 1
        return rivals


def _courses(entries: Sequence[Entry], mask: int) -> int:
    return len({entries[place].course.id for place in members(mask)})


def _blocked(person: int, eligibility: Eligibility) -> Reason:
    """Name the rule that stands in the way of somebody without any suitable entry."""
    names, masks = eligibility.rules, dict(zip(eligibility.rules, eligibility.passing[person], strict=True))
    if masks["course_type"] and not masks["course_type"] & masks["placement_test"]:
        return Reason(
            "blocked_placement_test", {"courses": _courses(eligibility.entries, masks["course_type"])}
        )
    alone = {name: _courses(eligibility.entries, taken) for name, taken in eligibility.alone(person).items()}
    if alone:
        best = max(alone, key=lambda name: (name not in GENERAL_RULES, alone[name], -names.index(name)))
        return Reason(f"blocked_{best}", {"courses": alone[best]})
    rules = eligibility.failed(person, eligibility.nearest(person))
    return Reason("blocked_together", {"rules": ",".join(rules)})


@dataclass(frozen=True, slots=True)
class _View:
    snapshot: Snapshot
    eligibility: Eligibility
    seats: _Seats
    worth: Worth
    known: dict[int, tuple[int, int] | None] = field(default_factory=dict)

    def last_rank(self, place: int) -> tuple[int, int] | None:
        """Return class and days (negative) of the lowest of those who sit in the way of one more here."""
        if place not in self.known:
            self.known[place] = max(
                (
                    (class_of(rival, self.snapshot.rules), -waiting_days(rival, self.snapshot.day))
                    for rival in self.seats.rivals(place)
                ),
                default=None,
            )
        return self.known[place]


def _unplaced(view: _View, person: int) -> Reason:
    snapshot, eligibility = view.snapshot, view.eligibility
    entries, who = eligibility.entries, snapshot.people[person]
    suitable, eligible = eligibility.suitable[person], eligibility.eligible(person)
    if not entries:
        return Reason("no_courses")
    if not suitable:
        return _blocked(person, eligibility)
    courses = _courses(entries, suitable)
    if not eligible:
        return Reason("all_full", {"courses": courses})
    own = (class_of(who, snapshot.rules), -waiting_days(who, snapshot.day))
    lasts = [last for place in members(eligible) if (last := view.last_rank(place)) is not None]
    last = max(lasts, default=own)
    return Reason(
        "equal_rank" if last == own else "outranked",
        {
            "courses": courses,
            "class": snapshot.rules.priorities.classes[last[0]].code,
            "waiting_days": -last[1],
        },
    )


def _compare(mine: tuple[int, ...], other: tuple[int, ...], goals: Sequence[str]) -> tuple[int, str]:
    """Say which of two places is better for the person (1 mine, -1 the other, 0 equal), and by which goal."""
    for goal, one, two in zip(goals, mine, other, strict=True):
        if one != two:
            return (1 if one > two else -1), goal
    return 0, ""


def _alternative(place: int, entry: Entry, seats: _Seats, better: int, goal: str) -> Alternative:
    if seats.full(place):
        reason = Reason("full")
    elif better == 0:
        reason = Reason("equal")
    else:
        reason = Reason(f"less_{goal}")
    return Alternative(entry.course.id, entry.course.provider, entry.section.number, entry.starts_on, reason)


def _placed(view: _View, person: int, key: EntryKey) -> Explanation:
    snapshot, eligibility, seats, worth = view.snapshot, view.eligibility, view.seats, view.worth
    who, entries = snapshot.people[person], eligibility.entries
    chosen = seats.at(key)
    mine = worth.vector(who, entries[chosen])
    others = sorted(
        (place for place in members(eligibility.eligible(person)) if place != chosen),
        key=lambda place: (*(-value for value in worth.vector(who, entries[place])), place),
    )
    compared = [_compare(mine, worth.vector(who, entries[place]), worth.goals) for place in others]
    if not others:
        main = Reason("only_place")
    elif compared[0][0] > 0:
        main = Reason(f"best_{compared[0][1]}")
    elif compared[0][0] == 0:
        main = Reason("equal_places")
    else:
        main = Reason("better_place_taken", {"goal": compared[0][1]})
    alternatives: list[Alternative] = []
    courses = {key.course}
    for place, (better, goal) in zip(others, compared, strict=True):
        if entries[place].course.id not in courses and len(alternatives) < ALTERNATIVES:
            courses.add(entries[place].course.id)
            alternatives.append(_alternative(place, entries[place], seats, better, goal))
    rank = snapshot.rules.priorities.classes[class_of(who, snapshot.rules)].code
    reasons = [
        main,
        Reason("rank", {"class": rank, "waiting_days": waiting_days(who, snapshot.day)}),
        Reason("starts_in", {"days": (entries[chosen].starts_on - snapshot.day).days}),
    ]
    metres = hundreds_of_metres(who, entries[chosen].course, snapshot.policy)
    if metres is not None:
        reasons.append(Reason("distance_about", {"km": -(-metres // 10)}))
    return Explanation(
        who.id,
        main,
        eligibility.suitable[person].bit_count(),
        eligibility.eligible(person).bit_count(),
        key,
        tuple(reasons),
        tuple(alternatives),
    )


def explain(snapshot: Snapshot, eligibility: Eligibility, result: Result) -> tuple[Explanation, ...]:
    """Explain everybody, in the order of the snapshot."""
    view = _View(snapshot, eligibility, _Seats(snapshot, eligibility, result), Worth(snapshot))
    explained = []
    for place, person in enumerate(snapshot.people):
        key = result.places.get(person.id)
        if key is not None:
            explained.append(_placed(view, place, key))
        else:
            explained.append(
                Explanation(
                    person.id,
                    _unplaced(view, place),
                    eligibility.suitable[place].bit_count(),
                    eligibility.eligible(place).bit_count(),
                )
            )
    return tuple(explained)
