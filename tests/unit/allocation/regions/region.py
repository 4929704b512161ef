"""An invented region, drawn by seed: people who wait and courses with nested entries."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import load_policies
from services.allocation.steering.matching.domain import Course, EntryKey, Offer, Person, Section
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of

DAY = date(2026, 3, 2)
TYPES = ("integration_general", "integration_literacy", "integration_women", "vocational", "municipal")


def _name(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def a_course(chance: random.Random, seats: int) -> Course:
    kind = chance.choices(TYPES, (60, 15, 5, 12, 8))[0]
    integration = kind.startswith("integration_")
    start = DAY + timedelta(days=chance.randint(-250, 90))
    sections, taken = [], 0
    for number in range(1, 8 if integration else 2):
        taken = min(seats, taken + chance.randint(0, max(1, seats // 3)))
        ends = start + timedelta(days=34 if integration else 120)
        sections.append(Section(number, start, ends, 100 if integration else 400, seats - taken))
        start = ends + timedelta(days=1)
    return Course(
        id=_name(chance),
        version=1,
        provider=f"provider-{chance.randint(1, 6)}",
        course_type=kind,
        kind="integration" if integration else "vocational" if kind == "vocational" else "other",
        sections=tuple(sections),
        town=f"990010{chance.randint(1, 15):02}",
        times_of_day=tuple(sorted(chance.sample(("morning", "afternoon", "evening"), chance.randint(1, 2)))),
        target_level=None if integration else chance.choice(("A1", "B2", None)),
        childcare=chance.choice((True, False, None)),
        women_only=kind == "integration_women",
        barrier_free=chance.choice((True, False, None)),
        registration_until=chance.choice((None, DAY + timedelta(days=chance.randint(-5, 60)))),
    )


def a_person(chance: random.Random, courses: list[Course]) -> Person:
    tested = chance.random() < 0.9
    registered = DAY - timedelta(days=chance.randint(0, 300))
    offered = chance.choice(courses) if courses and chance.random() < 0.2 else None
    return Person(
        id=_name(chance),
        version=1,
        office=f"office-{chance.randint(1, 4)}",
        town=f"990010{chance.randint(1, 15):02}",
        standing=chance.choice(("obliged_jobcenter", "obliged_foreigners_authority", "entitled", "admitted")),
        route=chance.choices(("aufenthg_44_1", "aufenthg_44_4", "aufenthg_44a", "deufoev_4"), (4, 2, 4, 1))[
            0
        ],
        registered_on=registered,
        course_types=tuple(chance.sample(TYPES, chance.randint(1, 3))),
        granted_on=chance.choice((None, registered)),
        valid_until=chance.choice((None, DAY + timedelta(days=chance.randint(-10, 300)))),
        cooperation_plan=chance.random() < 0.1,
        available=tuple(chance.choice(((), (), ("morning", "afternoon"), ("evening",)))),
        earliest_start=chance.choice((None, None, DAY + timedelta(days=chance.randint(0, 90)))),
        needs_childcare=chance.random() < 0.2,
        needs_women_only=chance.random() < 0.05,
        needs_barrier_free=chance.random() < 0.05,
        level=chance.choice(("none", "A1", "A2", "B1")) if tested else None,
        section=chance.randint(1, 6) if tested else None,
        excluded=(chance.choice(courses).id,) if courses and chance.random() < 0.1 else (),
        offer=None
        if offered is None
        else Offer(_name(chance), 1, EntryKey(offered.id, offered.sections[-1].number)),
    )


def a_region(seed: int, people: int, courses: int, seats: int = 20, policy: Path | None = None) -> Snapshot:
    chance = random.Random(seed)
    offered = [a_course(chance, seats) for _ in range(courses)]
    return snapshot_of(
        "99001",
        DAY,
        people=[a_person(chance, offered) for _ in range(people)],
        courses=offered,
        rules=load_rulebook().on(DAY),
        policy=load_policies(policy).on("99001", DAY),
    )
