"""An invented Kreis in which courses have minimum sizes: dense enough for questions to matter."""

from __future__ import annotations

import random
from datetime import date, timedelta
from uuid import UUID

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import Sizes, load_policies
from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of

DAY = date(2026, 3, 2)
TOWNS = tuple(f"990010{number:02}" for number in range(1, 9))
TYPES = ("integration_general", "integration_literacy", "vocational")
TIMES = ("morning", "afternoon", "evening")


def a_course(number: int, start_days: int, seats: int = 20, minimum: int = 0, **facts: object) -> Course:
    """Make a course with one section; its id is its number."""
    start = DAY + timedelta(days=start_days)
    known: dict[str, object] = {
        "id": UUID(int=number),
        "version": 1,
        "provider": f"provider-{number % 4}",
        "course_type": "integration_general",
        "kind": "integration",
        "sections": (Section(1, start, start + timedelta(days=34), 100, seats),),
        "town": TOWNS[number % len(TOWNS)],
        "times_of_day": ("morning",),
        "capacity": seats,
        "minimum": minimum,
        "kreis": "99001",
    }
    return Course(**(known | facts))  # type: ignore[arg-type]


def a_person(number: int, **facts: object) -> Person:
    """Make somebody who could enter section 1 of any general course; the id is the number."""
    known: dict[str, object] = {
        "id": UUID(int=10_000 + number),
        "version": 1,
        "office": "office-1",
        "town": TOWNS[number % len(TOWNS)],
        "standing": "obliged_jobcenter",
        "route": "aufenthg_44a",
        "registered_on": DAY - timedelta(days=number % 97),
        "course_types": ("integration_general",),
        "section": 1,
        "kreis": "99001",
    }
    return Person(**(known | facts))  # type: ignore[arg-type]


def a_kreis(people: list[Person], courses: list[Course]) -> Snapshot:
    """Make the snapshot."""
    return snapshot_of(
        "99001",
        DAY,
        people=people,
        courses=courses,
        rules=load_rulebook().on(DAY),
        policy=load_policies().on("99001", DAY).model_copy(update={"sizes": Sizes(decide_days=28)}),
    )


def a_crowd(seed: int, people: int, courses: int, seats: int = 20, minimum: int = 8) -> Snapshot:
    """Draw a Kreis: types, sections, times, childcare, starts in the next 26 weeks."""
    chance = random.Random(seed)
    offered = []
    for number in range(courses):
        kind = chance.choices(TYPES, (6, 2, 2))[0]
        first = 1 if kind == "vocational" else chance.randint(1, 3)
        start = DAY + timedelta(days=chance.randint(3, 120))
        length = 140 if kind == "vocational" else 35
        taken = chance.randint(0, 3)
        sections = tuple(
            Section(
                first + at,
                start + timedelta(days=length * at),
                start + timedelta(days=length * (at + 1) - 1),
                500 if kind == "vocational" else 100,
                seats - taken,
            )
            for at in range(1 if kind == "vocational" else 3)
        )
        offered.append(
            a_course(
                number + 1,
                0,
                course_type=kind,
                kind="vocational" if kind == "vocational" else "integration",
                sections=sections,
                capacity=seats,
                minimum=minimum,
                seated=taken,
                town=chance.choice(TOWNS),
                times_of_day=(chance.choice(TIMES),),
                childcare=chance.random() < 0.3,
                target_level=chance.choice(("A2", "B1", "B2")) if kind == "vocational" else None,
            )
        )
    waiting = [
        a_person(
            number,
            town=chance.choice(TOWNS),
            standing=chance.choice(("obliged_jobcenter", "obliged_foreigners_authority", "entitled")),
            route=chance.choice(("aufenthg_44a", "aufenthg_44_1", "deufoev_4")),
            registered_on=DAY - timedelta(days=chance.randint(0, 200)),
            course_types=tuple(chance.sample(TYPES, chance.randint(1, 2))),
            section=chance.randint(1, 4),
            level=chance.choice(("none", "A1", "A2", "B1")),
            available=tuple(sorted(chance.sample(TIMES, chance.randint(1, 3)))),
            needs_childcare=chance.random() < 0.2,
            granted_on=DAY - timedelta(days=chance.randint(0, 330)),
        )
        for number in range(people)
    ]
    return a_kreis(waiting, offered)
