"""Why no course is suggested for what people wait for, read from what was computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import next_course, pooling
from tests.unit.allocation.questions.test_pooling import FAR, three_weak, with_people
from tests.unit.allocation.regions.crowd import a_course, a_kreis, a_person

VOCATIONAL = {"route": "deufoev_4", "level": "B1", "section": None, "course_types": ("vocational",)}
GENERAL = {"level": "A1", "section": 3}


def part(seen: Snapshot, name: str, **question: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    told: dict[str, Any] = next_course.answer(seen, {"start_weeks": [8], **question})["parts"][name]
    return told


def test_what_is_suggested_has_its_place_on_the_list() -> None:
    seen = a_kreis([a_person(number, **GENERAL) for number in range(8)], [])
    answer = next_course.answer(seen, {"start_weeks": [8]})
    assert answer["parts"]["integration_general/A1"] == {"rank": 1}
    assert answer["ranked"][0]["change"]["first_section"] == 3


def test_too_few_for_the_minimum() -> None:
    seen = a_kreis([a_person(number, **VOCATIONAL) for number in range(14)], [])
    said = part(seen, "vocational/B1")
    assert said == {"code": "too_few", "people": 14, "minimum": 15, "against": {}, "announced": 0}
    lapsed = [a_person(number, **VOCATIONAL, valid_until=seen.day) for number in range(20, 30)]
    said = part(
        a_kreis([a_person(number, **VOCATIONAL) for number in range(4)] + lapsed, []), "vocational/B1"
    )
    assert (said["code"], said["people"]) == ("too_few", 4)
    assert set(said["against"].values()) == {10}
    seen = a_kreis([a_person(number, **VOCATIONAL) for number in range(15)], [])
    assert part(seen, "vocational/B1") == {"rank": 1}


def test_announced_courses_have_a_place_for_all() -> None:
    seen = a_kreis([a_person(number) for number in range(3)], [a_course(1, 30)])
    said = part(seen, "integration_general/untested")
    assert said == {"code": "covered", "people": 3, "announced": 1}


def test_nobody_waits_for_it() -> None:
    assert part(a_kreis([], []), "vocational/*") == {"code": "nobody_waits", "announced": 0}


def test_held_people_and_those_without_a_test() -> None:
    seen = a_kreis([a_person(1, held=True, **GENERAL)], [])
    assert part(seen, "integration_general/A1")["code"] == "on_hold"
    seen = a_kreis([a_person(1, section=None)], [])
    assert part(seen, "integration_general/untested") == {"code": "not_tested", "people": 1, "announced": 0}


def test_a_type_that_law_does_not_know_or_nobody_asked_for() -> None:
    seen = a_kreis([a_person(1, course_types=("integration_youth", "integration_general"), **GENERAL)], [])
    gone = seen.rules.model_copy(
        update={
            "course_types": {k: v for k, v in seen.rules.course_types.items() if k != "integration_youth"}
        }
    )
    assert part(_with_rules(seen, gone), "integration_youth/A1")["code"] == "not_permitted"
    said = part(seen, "integration_general/A1", course_types=["vocational"])
    assert said["code"] == "not_asked"


def _with_rules(seen: Snapshot, rules: Any) -> Snapshot:  # noqa: ANN401 - the snapshot's own

    return replace(seen, rules=rules)


def test_weak_courses_say_why_none_is_merged() -> None:
    def why(seen: Snapshot) -> list[dict[str, Any]]:
        answer = pooling.answer(seen, {"material": with_people(seen)})
        return [one["why"] for one in answer["weak"]]

    courses = three_weak(seated=0)
    alone = replace(a_kreis([a_person(1)], courses[:1]), travel=FAR)
    assert why(alone) == [{"code": "no_parallel", "courses": 0, "days": 28}]
    few = replace(a_kreis([a_person(number) for number in range(3)], courses), travel=FAR)
    assert {one["code"] for one in why(few)} == {"too_few"}
    assert {(one["people"], one["minimum"]) for one in why(few)} == {(3, 9)}
    seated = [
        replace(one, sections=tuple(replace(part, free=16) for part in one.sections))
        for one in three_weak(seated=4)
    ]
    helped = replace(a_kreis([a_person(number) for number in range(3)], seated), travel=FAR)
    assert why(helped) == [None, None, None]
