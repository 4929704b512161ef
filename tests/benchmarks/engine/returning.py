"""Measures what it changes that waiting counts from the end of the last course: one invented year, twice.

`python -m tests.benchmarks.engine.returning [--seeds 0,1,2] [--share 20] [--people 1200]
[--people-a-course 20]`

Of the people of the simulator's year that share (in per cent) registered 60 to 420 days before they arrive,
and sat in a course until the day of their arrival. The year is steered week by week, first as if they had
waited since their registration, then from the end of that course. Nothing else differs.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from statistics import median
from uuid import UUID

from services.simulator.year.model import Setting, Year, year_of
from services.simulator.year.people import Someone
from services.simulator.year.steering import steered
from services.simulator.year.world import PersonProgress


def returning(year: Year, share: int) -> frozenset[int]:
    """Draw the numbers of those who come back from a course."""
    chance = random.Random(f"returning/{year.setting.seed}")
    return frozenset(one.number for one in year.people if chance.randrange(100) < share)


def with_past(year: Year, back: frozenset[int], *, counted_from_course: bool) -> Year:
    """Let people have registered long before; their last course ended when they arrived, if that counts."""
    chance = random.Random(f"past/{year.setting.seed}")
    people = []
    for one in year.people:
        days = chance.randrange(60, 420)
        if one.number in back:
            facts = replace(
                one.facts,
                registered_on=one.facts.registered_on - timedelta(days=days),
                last_course_ended_on=one.arrives if counted_from_course else None,
            )
            people.append(replace(one, facts=facts))
        else:
            people.append(one)
    return replace(year, people=tuple(people))


def outcome(world: Sequence[PersonProgress]) -> dict[int, tuple[UUID | None, date]]:
    """Return by person which course was started when; nobody who never started."""
    return {
        life.someone.number: (life.seat.course if life.seat else None, life.started_on)
        for life in world
        if life.started_on is not None
    }


def compared(setting: Setting, share: int) -> list[str]:
    """Steer one year twice; write what differs."""
    year = year_of(setting)
    back = returning(year, share)
    old = outcome(steered(with_past(year, back, counted_from_course=False), "weekly").lives)
    new = outcome(steered(with_past(year, back, counted_from_course=True), "weekly").lives)
    changed = {number for number in old.keys() | new.keys() if old.get(number) != new.get(number)}
    lines = [
        f"seed {setting.seed}: {len(year.people)} people, {len(back)} of them come back from a course",
        f"  started: {len(old)} before, {len(new)} after; otherwise than before: {len(changed)}",
    ]
    for name, some in (("come back", back), ("all others", {one.number for one in year.people} - back)):
        gained, lost = (new.keys() - old.keys()) & some, (old.keys() - new.keys()) & some
        days = [_median_wait(year.people, found, some) for found in (old, new)]
        lines.append(
            f"  who {name}: {len(some & old.keys())} started before, {len(some & new.keys())} after"
            f" ({len(gained)} only after, {len(lost)} only before);"
            f" median days from arrival to start {days[0]}, {days[1]}"
        )
    return lines


def _median_wait(
    people: Sequence[Someone], found: dict[int, tuple[UUID | None, date]], some: frozenset[int] | set[int]
) -> float:
    days = [
        (found[one.number][1] - one.arrives).days
        for one in people
        if one.number in some and one.number in found
    ]
    return median(days) if days else 0


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--share", type=int, default=20)
    parser.add_argument("--people", type=int, default=1200)
    parser.add_argument("--people-a-course", type=int, default=20)
    given = parser.parse_args()
    for seed in given.seeds.split(","):
        setting = Setting(seed=int(seed), people=given.people, people_a_course=given.people_a_course)
        sys.stdout.write("\n".join(compared(setting, given.share)) + "\n")


if __name__ == "__main__":
    main()
