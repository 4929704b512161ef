"""Every reason and rule that steering can give has words in which pages tell it."""

from __future__ import annotations

from pathlib import Path

from services.allocation.steering.explain.reasons import explain
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.match import match
from services.runtime.web.languages import load
from services.texts import reasons
from services.texts.reasons import NEEDS, REASONS, RULES, condition
from tests.unit.allocation.regions.region import a_region


def test_every_hard_rule_has_words() -> None:
    rules = eligibility_of(a_region(1, 3, 3)).rules
    assert set(rules) <= set(RULES)
    assert {f"blocked_{rule}" for rule in rules} | {f"against_{rule}" for rule in rules} <= set(REASONS)


def test_every_reason_told_has_words() -> None:
    told = set()
    for seed in range(6):
        region = a_region(seed, 300, 10 * seed)
        known = eligibility_of(region)
        for one in explain(region, known, match(region, known)):
            told |= {one.main.code} | {reason.code for reason in one.reasons}
            told |= {other.reason.code for other in one.alternatives}
            for reason in (one.main, *one.reasons):
                assert REASONS[reason.code] % {"class": "", "goal": "", "rules": "", **reason.params}
    assert len(told) > 20
    assert told <= set(REASONS)


def test_words_of_reasons_are_german_too() -> None:
    german = load((Path(reasons.__file__).parent / "locale",))["de"]
    every = {
        *reasons.REASONS.values(),
        *reasons.RULES.values(),
        *reasons.CONDITIONS.values(),
        *reasons.GOALS.values(),
        *reasons.SUMS.values(),
    }
    assert [text for text in every | set(NEEDS.values()) if not german.knows(text)] == []


def test_what_would_help_reads_as_one_condition_for_one_person_or_many() -> None:
    german = load((Path(reasons.__file__).parent / "locale",))["de"]
    assert condition(german, "time_of_day") == "ein Kurs zu einer anderen Tageszeit stattfände"
    assert condition(german, "childcare_and_travel") == (
        "ein Kurs Kinderbetreuung hätte und wenn ein längerer Weg möglich wäre"
    )
    assert condition(german, "of_a_later_version") == "sich etwas anderes änderte"
