"""Compares rules, the flat rule and an oracle on one history, and what earlier reports would gain."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.notifications.risk.attendance import AttendanceRules
from services.notifications.risk.domain import Matter, Rule, matter_of
from services.notifications.risk.evaluate.history import Enrolment, History
from services.notifications.risk.evaluate.replay import (
    Score,
    announcing,
    of_flat_share,
    of_oracle,
    of_rules,
    score,
)

RULES = tuple(rule for rule in Rule if matter_of(rule) is Matter.ATTENDANCE)
EARLIER = (Rule.NO_SHOW, Rule.CONSECUTIVE_UNEXCUSED, Rule.SHARE_MISSED)
"""The rules there were before somebody's own pattern was looked at."""
FLAT = 0.10
"""The convention of chronic absence: missing a tenth of all lessons for any reason."""
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.8, 2.2)
"""How many times the bounds of the pattern rule are tried."""
FLAT_SHARES = (0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Point:
    """A setting with what came of it."""

    setting: float
    score: Score


@dataclass(frozen=True, slots=True)
class Exits:
    """Exits of a history by whether absences announced them."""

    announced: int
    never_came: int
    """Of the announced: people who never came."""
    too_late: int
    """Of the announced: those of which no absence was reported before the exit was."""
    unannounced: tuple[tuple[str, int], ...]
    """By what was said of the exit."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What the rules in force are worth on a history."""

    exits: Exits
    oracle: Score
    together: Score
    each: tuple[tuple[Rule, Score], ...]
    flat_at_equal_load: Point | None
    """The flat rule at the lowest share that alerts no more often than all rules together."""


@dataclass(frozen=True, slots=True)
class Comparison(Worth):
    """Everything that an evaluation prints."""

    earlier: Score
    flat: Score
    sweep: tuple[Point, ...]
    flat_sweep: tuple[Point, ...]
    next_day: tuple[Score, Score]
    """All rules, and the oracle, if each day were reported on the next."""


def compare(history: History, rules: AttendanceRules) -> Comparison:
    """Replay a history by everything there is to compare."""
    people = history.enrolments
    flat_sweep = _flat_sweep(people)
    found = _worth(people, rules, flat_sweep)
    next_day = history.reported(1).enrolments
    return Comparison(
        exits=found.exits,
        oracle=found.oracle,
        together=found.together,
        each=found.each,
        flat_at_equal_load=found.flat_at_equal_load,
        earlier=score(people, of_rules(rules, EARLIER)),
        flat=score(people, of_flat_share(FLAT)),
        sweep=tuple(_sweep(people, rules)),
        flat_sweep=flat_sweep,
        next_day=(score(next_day, of_rules(rules)), score(next_day, of_oracle)),
    )


def worth(people: Sequence[Enrolment], rules: AttendanceRules) -> Worth:
    """Replay a history by the rules in force, each and together, the flat rule and the oracle."""
    return _worth(people, rules, _flat_sweep(people))


def _worth(people: Sequence[Enrolment], rules: AttendanceRules, flat_sweep: Sequence[Point]) -> Worth:
    together = score(people, of_rules(rules))
    equal = [point for point in flat_sweep if point.score.load <= together.load]
    return Worth(
        exits=exits_of(people),
        oracle=score(people, of_oracle),
        together=together,
        each=tuple((rule, score(people, of_rules(rules, (rule,)))) for rule in RULES),
        flat_at_equal_load=equal[0] if equal else None,
    )


def _flat_sweep(people: Sequence[Enrolment]) -> tuple[Point, ...]:
    return tuple(Point(share, score(people, of_flat_share(share))) for share in FLAT_SHARES)


def _sweep(people: Sequence[Enrolment], rules: AttendanceRules) -> Iterator[Point]:
    pattern = rules.pattern
    for factor in FACTORS:
        scaled = replace(
            pattern, raise_at=pattern.raise_at * factor, early_raise_at=pattern.early_raise_at * factor
        )
        yield Point(factor, score(people, of_rules(replace(rules, pattern=scaled))))


def exits_of(people: Sequence[Enrolment]) -> Exits:
    """Count exits by whether absences announced them."""
    announced = never_came = too_late = 0
    others: Counter[str] = Counter()
    for enrolment in people:
        if enrolment.exit is None:
            continue
        signs = announcing(enrolment)
        if not signs:
            others[enrolment.exit.kind] += 1
            continue
        announced += 1
        never_came += not any(item.day.attended for item in enrolment.days)
        too_late += all(item.reported_on >= enrolment.exit.told_on for item in signs)
    return Exits(announced, never_came, too_late, tuple(sorted(others.items())))
