"""A region in which every field takes every kind of value, on and beside the boundaries; drawn by seed.

Where crowded.py is dense, this is odd: unknown codes, missing data, last days, three Kreise, courses that
run already or have more people than seats. Whatever comes in has to be judged and checked alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import permutations
from typing import TypeVar, get_args
from uuid import UUID

from schemas.codes import AccessRoute, CourseKind, CourseType, Level, Standing, TimeOfDay
from schemas.identity import course_id
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import Goal, Policy, load_policies
from services.allocation.steering.matching.domain import Course, Deviation, EntryKey, Offer, Person, Section
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of

DAYS = (date(2024, 2, 29), date(2024, 11, 30), date(2024, 12, 1), date(2026, 2, 9), date(2026, 3, 2))
"""A leap day, the last day of special courses and the one after it, a closed route, any other day."""
KREISE = ("99001", "99002", "99003")
TOWNS = tuple(f"990010{number:02}" for number in range(1, 5))
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GOALS: tuple[Goal, ...] = get_args(Goal)
CLASSES = ("urgent_duty", "other_duty", "others")
NEAR = (-92, -91, -2, -1, 0, 1, 2, 9, 10, 11, 27, 28, 90, 91, 92, 182, 183)

T = TypeVar("T")


class Draw:
    """Draws values, boundaries more often than others."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.day = self.one(DAYS)

    def one(self, values: Sequence[T]) -> T:
        """Draw one of some values."""
        return self.chance.choice(values)

    def yes(self, share: float) -> bool:
        """Draw whether."""
        return self.chance.random() < share

    def some(self, values: Sequence[T], most: int = 3) -> tuple[T, ...]:
        """Draw none or some."""
        return tuple(self.chance.sample(values, self.chance.randint(0, min(most, len(values)))))

    def near(self, of: date | None = None, *, share: float = 1.0) -> date | None:
        """Draw a day on or beside a boundary."""
        if not self.yes(share):
            return None
        return (of or self.day) + timedelta(days=self.one(NEAR))

    def name(self) -> UUID:
        """Draw a name."""
        return UUID(int=self.chance.getrandbits(128), version=4)


def _policy(draw: Draw, courses: Sequence[Course]) -> Policy:
    base = load_policies().on("99001", date(2026, 3, 2))
    quotas = [
        {
            "name": f"quota {at}",
            "classes": CLASSES[: at + 1],
            "seats": draw.chance.randint(1, 5),
            "course_types": draw.one(((), ("integration_general",))),
            "providers": draw.one(((), (), ("provider-1",))),
            "until_days_before": draw.one((0, 10)),
        }
        for at in range(draw.chance.randint(0, 3))
    ]
    late = draw.yes(0.6)
    changed = base.model_dump() | {
        "goals": draw.chance.sample(GOALS, draw.chance.randint(1, len(GOALS))),
        "limits": {
            "latest_start_days": draw.one((28, 91, 182)),
            "late_entry": late,
            "late_entry_ue": draw.one((None, 10, 25)) if late else None,
            "travel_minutes": draw.one((None, 30, 60)),
        },
        "sizes": {
            "decide_days": draw.one((0, 10, 28)),
            "minimum": draw.one(({}, {"integration_general": 3})),
            "target": draw.one(({}, {"integration_general": 12, "vocational": 3})),
            "protected_types": draw.one(((), ("land",))),
            "protected_courses": tuple(
                f"provider-1/{at}"
                for at, one in enumerate(courses)
                if one.id == course_id("provider-1", str(at))
            )[:1],
        },
        "quotas": quotas,
        "free_choice": draw.one(("propose", "propose", "none")),
        "pooling": draw.one(
            ([], [{"kreis": "99002"}], [{"kreis": "99002", "course_types": ["integration_general"]}])
        ),
        "towns": {town: {"latitude": 53 + at / 9, "longitude": 12.0} for at, town in enumerate(TOWNS[:3])},
    }
    return Policy.model_validate(changed)


def _sections(draw: Draw, capacity: int | None) -> tuple[Section, ...]:
    starts, made = draw.day + timedelta(days=draw.one(NEAR)), []
    free = draw.chance.randint(-1, capacity or 6)
    first = draw.one((1, 1, 2))
    for number in range(first, first + draw.one((1, 2, 4))):
        ends = starts + timedelta(days=draw.one((0, 24, 34, 99)))
        if ends >= draw.day:  # what has ended is not read
            made.append(Section(number, starts, ends, draw.one((None, 25, 100, 400)), free))
        free = min(capacity or 6, free + draw.chance.randint(0, 2))
        starts = ends + timedelta(days=1)
    return tuple(made)


def _course(draw: Draw, number: int) -> Course:
    kind = draw.one((*CourseType, CourseType.GENERAL, CourseType.GENERAL, "unheard_of"))
    capacity = draw.one((None, 3, 12, 30))
    sections = _sections(draw, capacity) or (Section(1, draw.day, draw.day, None, 1),)
    named = draw.yes(0.3)
    return Course(
        id=course_id("provider-1", str(number)) if named else draw.name(),
        version=1,
        provider="provider-1" if named else f"provider-{draw.chance.randint(1, 3)}",
        course_type=kind,
        kind=draw.one(tuple(CourseKind))
        if draw.yes(0.1)
        else "integration"
        if kind.startswith("integration")
        else "vocational"
        if kind == "vocational"
        else "other",
        sections=sections,
        town=draw.one((None, *TOWNS)),
        times_of_day=tuple(sorted(draw.some(tuple(TimeOfDay), 2))),
        target_level=draw.one((None, *Level, "B2+")),
        childcare=draw.one((None, True, False)),
        women_only=draw.yes(0.1),
        barrier_free=draw.one((None, True, False)),
        online=draw.yes(0.1),
        registration_until=draw.near(share=0.3),
        latitude=draw.one((None, 53.1)),
        longitude=12.1,
        kreis=draw.one(("", "99001", *KREISE)),
        weekdays=draw.some(WEEKDAYS[:3]),
        capacity=capacity,
        minimum=draw.one((None, None, 2, 8)),
        seated=draw.chance.randint(0, 14) if draw.yes(0.4) else 0,
        seated_by=draw.one(((), (), (("others", 1), ("urgent_duty", 2)))),
        begins_on=draw.one((None, sections[0].starts_on, sections[0].starts_on - timedelta(days=60))),
        decision=draw.one((None, None, None, None, "start", "close")),
    )


def _person(draw: Draw, courses: Sequence[Course], families: Sequence[UUID]) -> Person:
    granted = draw.near(share=0.5)
    if granted is not None:
        granted -= timedelta(days=draw.one((0, 28, 89, 91, 92, 365, 366)))
    offered = draw.one(courses) if draw.yes(0.2) else None
    return Person(
        id=draw.name(),
        version=1,
        office="office-1",
        town=draw.one(TOWNS),
        standing=draw.one((*Standing, "unheard_of")),
        route=draw.one((*AccessRoute, "unheard_of")),
        registered_on=draw.day - timedelta(days=draw.one((-1, 0, 1, 30, 365, 400))),
        course_types=tuple(draw.chance.sample((*CourseType, "unheard_of"), draw.chance.randint(1, 11))),
        granted_on=granted,
        valid_until=draw.near(share=0.3),
        cooperation_plan=draw.yes(0.2),
        available=draw.some(tuple(TimeOfDay)) if draw.yes(0.5) else (),
        earliest_start=draw.near(share=0.3),
        needs_childcare=draw.yes(0.2),
        needs_women_only=draw.yes(0.1),
        needs_barrier_free=draw.yes(0.1),
        level=draw.one((None, *Level, "B1+")),
        section=draw.one((None, 1, 1, 2, 3)),
        excluded=tuple(one.id for one in draw.some(courses, 2)) if draw.yes(0.1) else (),
        offer=None
        if offered is None
        else Offer(draw.name(), 1, EntryKey(offered.id, offered.sections[0].number)),
        kreis=draw.one(("", "99001", "99001", *KREISE)),
        hours_left=draw.one((None, None, 0, 25, 99, 100)),
        available_days=draw.some(WEEKDAYS, 5) if draw.yes(0.2) else (),
        max_travel_minutes=draw.one((None, None, 30, 31)),
        family=draw.one(families) if families and draw.yes(0.3) else None,
        deviation=draw.one((None, None, None, Deviation(), Deviation(2, "A1"), Deviation(None, "B2"))),
        held=draw.yes(0.05),
        barred_courses=tuple(one.id for one in draw.some(courses, 2)) if draw.yes(0.1) else (),
        barred_providers=("provider-1",) if draw.yes(0.05) else (),
        last_course_ended_on=draw.day - timedelta(days=draw.one((0, 1, 20))) if draw.yes(0.1) else None,
    )


def any_region(seed: int, people: int = 12, courses: int = 8) -> Snapshot:
    """Draw a region."""
    draw = Draw(seed)
    offered = [_course(draw, number) for number in range(courses)]
    families = [draw.name() for _ in range(2)] if draw.yes(0.5) else []
    policy = _policy(draw, offered)
    pairs = list(permutations(KREISE if draw.yes(0.5) else KREISE[:2], 2))
    return snapshot_of(
        "99001",
        draw.day,
        people=[_person(draw, offered, families) for _ in range(people)],
        courses=offered,
        rules=load_rulebook().on(draw.day),
        policy=policy,
        travel={
            (home, venue): draw.one((0, 29, 30, 31, 60, 61, 300))
            for home in TOWNS
            for venue in TOWNS
            if draw.yes(0.6)
        },
        pooled=pairs if policy.pooling else (),
    )
