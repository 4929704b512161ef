"""A crowded region, drawn by seed: people who fit into many courses, with everything that ties the engine.

Minimum sizes, protected and decided courses, quotas, families, travel times, weekdays, holds, deviations,
neighbours, and goals in different orders.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.allocation.law.rulebook import Rules, load_rulebook
from services.allocation.policy.domain import Goal, Policy, load_policies
from services.allocation.steering.matching.domain import Course, Deviation, EntryKey, Offer, Person, Section
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of
from tests.unit.allocation.regions.region import DAY

TOWNS = tuple(f"990010{number:02}" for number in range(1, 7))
KREISE = ("99001", "99002")
GOALS: tuple[tuple[Goal, ...], ...] = (
    ("priority", "waiting", "keep_offer", "type_choice", "early_start", "distance"),
    ("priority", "waiting", "viability", "deadline", "travel_time", "balance"),
    ("priority", "deadline", "waiting", "keep_offer", "early_start", "distance"),
    ("waiting", "priority", "distance"),
    ("priority", "keep_offer", "waiting", "early_start"),
)
_DAYS = ("mon", "tue", "wed", "thu", "fri")


def _name(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def rules() -> Rules:
    return load_rulebook().on(DAY)


def _policy(chance: random.Random) -> Policy:
    base = load_policies().on("99001", DAY)
    quotas = [
        {"name": "Jobcenter first", "classes": ["urgent_duty"], "seats": chance.randint(1, 3)},
        {"name": "all obliged", "classes": ["urgent_duty", "other_duty"], "seats": chance.randint(1, 4)},
    ]
    changed = base.model_dump() | {
        "goals": chance.choice(GOALS),
        "limits": base.limits.model_dump()
        | {"late_entry": chance.random() < 0.3, "travel_minutes": chance.choice((None, 60))},
        "sizes": {
            "decide_days": chance.choice((14, 28, 60)),
            "minimum": {"integration_general": chance.randint(0, 6)},
            "target": {"integration_general": chance.randint(1, 12)},
            "protected_types": chance.choice(((), ("municipal",))),
        },
        "quotas": chance.choice(([], quotas[:1], quotas)),
        "free_choice": chance.choice(("propose", "propose", "none")),
        "pooling": chance.choice(([], [{"kreis": "99002"}])),
        "towns": {
            town: {"latitude": 53.0 + at / 20, "longitude": 12.0 + at / 30}
            for at, town in enumerate(TOWNS[:5])
        },
    }
    return Policy.model_validate(changed)


def _course(chance: random.Random, seats: int) -> Course:
    kind = chance.choices(("integration_general", "vocational", "municipal"), (7, 2, 1))[0]
    integration = kind == "integration_general"
    start = DAY + timedelta(days=chance.randint(-60, 80) if integration else chance.randint(1, 80))
    capacity, taken, sections = chance.randint(2, seats), 0, []
    if start < DAY:
        taken = chance.randint(0, capacity)
    for number in range(1, 5 if integration else 2):
        ends = start + timedelta(days=34 if integration else 120)
        sections.append(Section(number, start, ends, 100 if integration else 400, capacity - taken))
        start = ends + timedelta(days=1)
    seated = taken if chance.random() < 0.5 else 0
    return Course(
        id=_name(chance),
        version=1,
        provider=f"provider-{chance.randint(1, 4)}",
        course_type=kind,
        kind="integration" if integration else "vocational" if kind == "vocational" else "other",
        sections=tuple(sections),
        town=chance.choice(TOWNS),
        times_of_day=(chance.choice(("morning", "morning", "afternoon", "evening")),),
        target_level=None if integration else chance.choice(("A1", "B1")),
        childcare=chance.random() < 0.6,
        barrier_free=chance.random() < 0.8,
        registration_until=chance.choice((None, None, None, DAY + timedelta(days=chance.randint(-3, 30)))),
        online=chance.random() < 0.05,
        kreis=chance.choices(KREISE, (9, 1))[0],
        weekdays=_DAYS[: chance.randint(3, 5)],
        capacity=capacity,
        minimum=chance.choice((None, chance.randint(2, 8))),
        seated=seated,
        seated_by=(("urgent_duty", min(1, seated)),) if seated and chance.random() < 0.5 else (),
        decision=chance.choices((None, "start", "close"), (18, 1, 1))[0],
    )


def _person(chance: random.Random, courses: list[Course], families: list[UUID]) -> Person:
    registered = DAY - timedelta(days=chance.randint(0, 120))
    offered = chance.choice(courses) if courses and chance.random() < 0.2 else None
    tested = chance.random() < 0.93
    section = chance.choices((1, 2, 3, 4), (5, 2, 1, 1))[0] if tested else None
    return Person(
        id=_name(chance),
        version=1,
        office="office-1",
        town=chance.choice(TOWNS),
        standing=chance.choice(("obliged_jobcenter", "obliged_foreigners_authority", "entitled")),
        route=chance.choices(("aufenthg_44a", "aufenthg_44_1", "deufoev_4"), (6, 3, 2))[0],
        registered_on=registered,
        course_types=("integration_general", "vocational", "municipal")[: chance.randint(1, 3)],
        granted_on=registered if chance.random() < 0.5 else None,
        valid_until=DAY + timedelta(days=chance.randint(0, 120)) if chance.random() < 0.1 else None,
        cooperation_plan=chance.random() < 0.1,
        available=chance.choices(((), ("morning",), ("evening",), ("afternoon", "morning")), (5, 2, 1, 2))[0],
        earliest_start=DAY + timedelta(days=chance.randint(0, 60)) if chance.random() < 0.15 else None,
        needs_childcare=chance.random() < 0.25,
        needs_barrier_free=chance.random() < 0.05,
        level=chance.choice(("none", "A2")) if tested else None,
        section=section,
        excluded=(chance.choice(courses).id,) if courses and chance.random() < 0.05 else (),
        offer=None
        if offered is None
        else Offer(_name(chance), 1, EntryKey(offered.id, offered.sections[0].number)),
        kreis=chance.choices(KREISE, (9, 1))[0],
        hours_left=chance.choice((None, None, None, 50, 600)),
        available_days=_DAYS[:4] if chance.random() < 0.1 else (),
        max_travel_minutes=chance.choice((None, None, None, 30, 45)),
        family=chance.choice(families) if families and chance.random() < 0.1 else None,
        deviation=Deviation(section=chance.randint(1, 3)) if tested and chance.random() < 0.03 else None,
        held=chance.random() < 0.03,
        barred_courses=(chance.choice(courses).id,) if courses and chance.random() < 0.03 else (),
        barred_providers=("provider-1",) if chance.random() < 0.03 else (),
        last_course_ended_on=registered + timedelta(days=30) if registered.day % 10 == 3 else None,
    )


def a_crowded_region(seed: int, people: int, courses: int, seats: int = 8) -> Snapshot:
    chance = random.Random(seed)
    offered = [_course(chance, seats) for _ in range(courses)]
    families = [_name(chance) for _ in range(max(1, people // 30))] if chance.random() < 0.5 else []
    travel = {
        (home, venue): 0 if home == venue else chance.randint(10, 90)
        for home in TOWNS
        for venue in TOWNS
        if chance.random() < 0.8
    }
    policy = _policy(chance)
    return snapshot_of(
        "99001",
        DAY,
        people=[_person(chance, offered, families) for _ in range(people)],
        courses=offered,
        rules=rules(),
        policy=policy,
        travel=travel,
        pooled=(KREISE, KREISE[::-1]) if policy.pooling else (),
    )


def without_ties(snapshot: Snapshot) -> Snapshot:
    """The same region without families."""
    return replace(snapshot, people=tuple(replace(person, family=None) for person in snapshot.people))
