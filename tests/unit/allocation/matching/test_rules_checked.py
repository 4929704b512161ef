"""Hard rules on odd data and on boundary days: judged and checked alike, pair by pair."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.allocation.law.rulebook import load_rulebook
from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.explain.reasons import explain
from services.allocation.steering.explain.remedies import as_json, remedies_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import entries_of
from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot
from services.checker import pairs
from services.checker import reasons as check_reasons
from services.checker import remedies as check_remedies
from services.checker import run as check_run
from services.checker.tables import parse
from tests.unit.allocation.matching.test_eligibility import DAY, course, failed, person
from tests.unit.allocation.matching.test_eligibility import snapshot as asked
from tests.unit.allocation.regions.anything import any_region


def told_differently(seen: Snapshot, counts: Counter[str]) -> list[str]:
    """Judge every pair twice, and say where the two differ."""
    raw = snapshot.encode(seen)
    assert snapshot.decode(raw) == seen
    known, stored = eligibility_of(seen), pairs.Snapshot(orjson.loads(raw))
    wrong = []
    for at, who in enumerate(seen.people):
        name = str(who.id)
        for place, entry in enumerate(known.entries):
            there = str(entry.course.id)
            section = stored.section(there, entry.section.number)
            assert section is not None
            one = known.failed(at, place)
            other = stored.forbidden(name, there, entry.section.number)
            counts.update(one)
            counts["pairs"] += 1
            wrong += [f"{rule}: {who} at {entry}" for rule in set(one) ^ set(other)]
        mine = {
            (str(known.entries[place].course.id), known.entries[place].section.number)
            for place in range(len(known.entries))
            if known.eligible(at) >> place & 1
        }
        counts["eligible"] += len(mine)
        if mine != set(stored.allowed(name)):
            wrong.append(f"eligible: {who}")
    return wrong


def test_every_rule_is_judged_and_checked_alike_whatever_the_data() -> None:
    counts = Counter[str]()
    for seed in range(30):
        assert told_differently(any_region(seed), counts) == [], seed
    rules = eligibility_of(any_region(1)).rules
    assert min(counts[rule] for rule in rules) > 15
    assert counts["pairs"] > 5_000
    assert counts["eligible"] > 10


def on(day: date, who: Person, where: Course) -> tuple[str, ...]:
    """Judge a pair on a day under the rules of that day."""
    seen = replace(asked(who, where), day=day, rules=load_rulebook().on(day))
    return eligibility_of(seen).failed(0, 0)


ENDED = date(2024, 11, 30)
"""The last day on which a course of a type that has ended could begin."""


def women(begins: date, **facts: Any) -> Course:  # noqa: ANN401 - any field
    sections = (Section(1, begins, begins + timedelta(days=34), 100, 5),)
    return course(course_type="integration_women", sections=sections, **facts)


def test_a_type_that_ends_takes_no_new_courses_and_keeps_those_that_have_begun() -> None:
    who = person(course_types=("integration_women",))
    assert on(date(2024, 11, 25), who, women(ENDED)) == ()
    assert on(date(2024, 11, 25), who, women(date(2024, 12, 1))) == ("type_over",)
    second = Section(2, date(2025, 1, 7), date(2025, 2, 7), 100, 5)
    running = replace(women(ENDED), sections=(second,), begins_on=ENDED)
    assert on(date(2025, 1, 2), replace(who, section=2), running) == ()


def test_a_course_of_a_type_that_has_ended_keeps_the_laws_cap() -> None:
    second = Section(2, date(2025, 1, 7), date(2025, 2, 7), 100, 40)
    running = women(ENDED, capacity=40, begins_on=ENDED)
    seen = asked(person(), replace(running, sections=(second,)))
    day = date(2025, 1, 2)
    (entry,) = entries_of(replace(seen, day=day, rules=load_rulebook().on(day)))
    assert entry.seats == 25


@pytest.mark.parametrize(
    ("granted", "begins", "expected"),
    [
        (date(2025, 3, 1), date(2026, 3, 1), ()),  # the very last day of a year with a leap year behind it
        (date(2025, 3, 1), date(2026, 3, 2), ("claim_lapses",)),
        (date(2023, 3, 1), date(2024, 3, 1), ()),  # day 366
        (date(2024, 2, 29), date(2025, 2, 28), ()),
        (date(2024, 2, 29), date(2025, 3, 1), ("claim_lapses",)),
    ],
)
def test_a_claim_holds_on_its_last_day(granted: date, begins: date, expected: tuple[str, ...]) -> None:
    where = course(sections=(Section(1, begins, begins + timedelta(days=30), 100, 5),))
    assert on(begins - timedelta(days=3), person(granted_on=granted), where) == expected


def test_a_start_today_is_neither_late_nor_over() -> None:
    today = course(sections=(Section(1, DAY, DAY + timedelta(days=30), 100, 5),), registration_until=DAY)
    assert failed(person(valid_until=DAY, earliest_start=DAY), today) == ()
    assert failed(person(valid_until=DAY - timedelta(days=1)), today) == ("entitlement_valid",)


def two_sections(**facts: Any) -> Course:  # noqa: ANN401 - any field
    first = Section(1, DAY - timedelta(days=40), DAY - timedelta(days=6), 100, 5)
    second = Section(2, DAY + timedelta(days=7), DAY + timedelta(days=40), 100, 5)
    return course(sections=(second,), begins_on=first.starts_on, **facts)


def test_a_registration_deadline_before_the_beginning_speaks_of_the_beginning() -> None:
    """Later sections are entered later; a deadline within the course holds for them too."""
    who = person(section=2)
    assert failed(who, two_sections(registration_until=DAY - timedelta(days=50))) == ()
    within = two_sections(registration_until=DAY - timedelta(days=1))
    assert failed(who, within) == ("registration_deadline",)
    assert failed(who, two_sections(registration_until=DAY)) == ()


def test_who_is_placed_by_level_enters_at_the_very_beginning_only() -> None:
    """What is over is not read any more: the first section that is left is not the first one."""
    rest = two_sections(course_type="vocational", kind="vocational", target_level="B2")
    who = person(course_types=("vocational",), level="B1", route="deufoev_4")
    assert failed(who, rest) == ("level",)
    assert failed(who, replace(rest, begins_on=rest.sections[0].starts_on)) == ()


def test_levels_that_nobody_knows_never_fit() -> None:
    facts = {"course_types": ("vocational",), "route": "deufoev_4"}
    where = course(course_type="vocational", kind="vocational", target_level="B2+")
    assert failed(person(level="B1+", **facts), where) == ("level",)
    assert failed(person(level="B2", **facts), where) == ("level",)


@pytest.mark.parametrize(("ue", "allowed"), [(100, True), (400, False), (None, False)])
def test_a_section_of_unknown_length_is_taken_for_a_long_one(ue: int | None, *, allowed: bool) -> None:
    """A vocational course of 500 UE is over 25 UE long before one of 100 is."""
    running = Section(1, DAY - timedelta(days=9), DAY + timedelta(days=30), ue, 5)
    where = course(course_type="vocational", kind="vocational", target_level="B2", sections=(running,))
    who = person(course_types=("vocational",), level="B1", route="deufoev_4")
    assert failed(who, where, late_entry=True) == (() if allowed else ("late_entry",))


def test_where_a_grant_leads_is_said_by_the_rules_of_its_day() -> None:
    seen = asked(person(granted_on=DAY), course())
    (now,) = seen.rules.routes["aufenthg_44_1"]
    later = now.model_copy(update={"valid_from": DAY, "kinds": ("vocational",)})
    rules = seen.rules.model_copy(update={"routes": {"aufenthg_44_1": (now, later)}})
    changed = replace(seen, rules=rules)
    assert eligibility_of(changed).failed(0, 0) == ("route_leads_there",)
    before = replace(changed, people=(person(granted_on=DAY - timedelta(days=1)),))
    assert eligibility_of(before).failed(0, 0) == ()


def test_missing_data_never_crashes_and_never_opens_a_door() -> None:
    bare = course(town=None, times_of_day=(), weekdays=(), childcare=None, barrier_free=None)
    assert failed(person(), bare) == ()
    needs = {"needs_childcare": True, "needs_barrier_free": True, "available": ("morning",)}
    assert failed(person(**needs), bare) == ("time_of_day", "childcare", "barrier_free")
    assert failed(person(section=None, level=None), bare) == ("placement_test",)
    assert failed(person(max_travel_minutes=5, town="00000000"), bare) == ()
    assert failed(person(available_days=("mon",)), bare) == ()


def test_whole_runs_on_odd_data_are_certified_explained_and_helped() -> None:
    remedies = 0
    for seed in range(100, 112):
        seen = any_region(seed, 30)
        known = eligibility_of(seen)
        result = match(seen, known)
        raw, answer, proof = (
            snapshot.encode(seen),
            matching.encode(result),
            certificate_of(seen, result, known),
        )
        told = [
            {"person": str(one.person), "code": one.main.code, "params": dict(one.main.params)}
            for one in explain(seen, known, result)
        ]
        found = as_json(remedies_of(seen, result), seen)["each"]
        assert check_run.findings(raw, answer, proof) == [], seed
        assert check_reasons.findings(raw, answer, proof, told) == [], seed
        assert check_remedies.findings(raw, answer, found) == [], seed
        remedies += sum(one["code"] != "none" for one in found)
    assert remedies > 20


@pytest.mark.parametrize(
    "raw",
    [b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b'{"a": "\xff"}', b"[" * 100_000, b"{}\x00", b""],
)
def test_what_is_no_json_is_refused_as_when_it_was_written(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- any kind of it
        orjson.loads(raw)
    with pytest.raises(ValueError):  # noqa: PT011 -- the same
        parse(raw)


def test_the_checker_is_a_program_of_its_own(tmp_path: Path) -> None:
    seen = any_region(3)
    known = eligibility_of(seen)
    raw, result = snapshot.encode(seen), match(seen, known)
    files = [tmp_path / "snapshot.json", tmp_path / "result.json"]
    for path, content in zip(files, (raw, matching.encode(result)), strict=True):
        path.write_bytes(content)

    def checked() -> tuple[int, str]:
        command = [sys.executable, "-m", "services.checker", *map(str, files)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        return ended.returncode, ended.stdout

    assert checked() == (0, "")
    answer = orjson.loads(files[1].read_bytes())
    answer["places"].append(["nobody", "nowhere", 1])
    files[1].write_bytes(orjson.dumps(answer))
    assert checked() == (1, "unknown: nobody waits as nobody\n")
