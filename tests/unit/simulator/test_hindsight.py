"""For whom a year has a suitable course: everybody who starts one in any world, and not just everybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from services.simulator.year import hindsight
from services.simulator.year.first_come_first_served import unsteered
from services.simulator.year.hindsight import suited
from services.simulator.year.model import Answer, Setting, year_of
from services.simulator.year.steering import steered
from services.simulator.year.world import World

SMALL: Final = Setting(people=100, weeks=16)


def _started(world: World) -> set[int]:
    return {life.someone.number for life in world.lives if life.started_on is not None}


@pytest.mark.parametrize("seed", range(3))
def test_nobody_starts_a_course_who_is_not_suited_by_one(seed: int) -> None:
    year = year_of(replace(SMALL, seed=seed))
    could = suited(year)
    for world in (steered(year, "weekly"), unsteered(year), unsteered(year, shared=True)):
        assert _started(world) <= could
    assert len(could) < len(year.people)


def test_courses_answers_and_moves_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    year = year_of(SMALL)
    could = suited(year)
    assert could
    assert suited(replace(year, plans=())) == frozenset()
    one = min(could)
    gone = replace(year.people[one], moves_on=year.people[one].arrives)
    others = tuple(gone if someone.number == one else someone for someone in year.people)
    assert suited(replace(year, people=others)) == could - {one}
    monkeypatch.setattr(hindsight, "answer", lambda *_: Answer("decline", 1))
    assert suited(year) == frozenset()
