"""Draws how invented people behave: whether they take a place, come, stay away, leave and return.

The shares of who leaves follow figures of 2018: of those who start 62 % go through and 38 % leave, mostly
soon, more than a third of them return (BAMF-Kurzanalyse 7|2021, which names moves, jobs, births, health and
lost childcare as reasons). It does not say how many of them had stayed away before. That somebody who moves
or found work mostly comes until the last day, and that some are excused before they leave, are assumptions
(`_ANNOUNCED`, `_EXCUSED`): what an evaluation of risk rules finds depends on them.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from schemas.codes import (
    DeclineReason,
    ExamResult,
    ExitKind,
    Mark,
    RefusalReason,
    SectionDecision,
    SectionGrade,
)
from services.simulator.world.chance import pick, stream

NO_SHOW: Final = 0.05
LEAVES: Final = 0.38
RETURNS: Final = 0.38
_SOON: Final = 0.6
"""Of those who leave: within the first five or six weeks."""

_EXIT_KINDS: Final = {
    ExitKind.OTHER: 45, ExitKind.WORK: 25, ExitKind.MOVED: 18, ExitKind.TRANSFER: 12,
}  # fmt: skip
_ANNOUNCED: Final = {
    ExitKind.OTHER: 0.75, ExitKind.WORK: 0.25, ExitKind.MOVED: 0.15, ExitKind.TRANSFER: 0.1,
}  # fmt: skip
"""Of those who leave for this reason: who stays away more and more before. The others come until the end."""
_EXCUSED: Final = 0.25
"""Of those who stay away before they leave: who is mostly excused."""
_GIVES_NOTICE: Final = frozenset({ExitKind.WORK, ExitKind.MOVED, ExitKind.TRANSFER})
"""Who leaves for this reason tells the provider within days."""


@dataclass(frozen=True, slots=True)
class CoursePath:
    """How one person goes through one course, counted in lessons since their entry."""

    no_show: bool
    leaves_at: int | None
    exit_kind: ExitKind
    told_after: int
    """Lessons until the provider takes the person off its list."""
    returns_after: int | None
    """Days until the person waits again."""
    cluster: int
    """Lessons before the exit in which absences cluster; 0: nobody could have seen it come."""
    cluster_excused: bool
    slump: range
    """Lessons of a bad week of somebody who stays; the alert about it was not needed."""
    illness: range
    """Lessons that somebody who stays misses excused: their own illness, or a child's."""
    excused: float
    unexcused: float


@lru_cache(maxsize=8192)
def course_path(seed: int, person: int, course: str) -> CoursePath:
    """Draw the path of one person through one course."""
    rng = stream(seed, "path", person, course)
    no_show = rng.random() < NO_SHOW
    leaves = rng.random() < LEAVES
    soon = rng.random() < _SOON
    at = 2 + min(28, int(rng.expovariate(1 / 11))) if soon else rng.randrange(25, 130)
    slump_at, ill_at = rng.randrange(3, 90), rng.randrange(3, 110)
    slumps, ill = rng.random() < 0.12, rng.random() < 0.15
    kind = ExitKind.OTHER if no_show else pick(rng, _EXIT_KINDS)
    announced = rng.random() < _ANNOUNCED[kind]
    notice = kind in _GIVES_NOTICE
    return CoursePath(
        no_show=no_show,
        leaves_at=0 if no_show else at if leaves else None,
        exit_kind=kind,
        told_after=rng.randrange(3, 9) if no_show else rng.randrange(0, 3) if notice else rng.randrange(1, 8),
        returns_after=rng.randrange(14, 90) if rng.random() < RETURNS else None,
        cluster=rng.randrange(3, 10) if announced else 0,
        cluster_excused=rng.random() < _EXCUSED,
        slump=range(slump_at, slump_at + rng.randrange(3, 6)) if slumps and not leaves else range(0),
        illness=range(ill_at, ill_at + rng.randrange(3, 11)) if ill and not leaves else range(0),
        excused=rng.uniform(0.02, 0.08),
        unexcused=rng.uniform(0.0, 0.05),
    )


def mark(seed: int, person: int, course: str, lesson: int) -> Mark:
    """Draw the mark of one person in one lesson since their entry."""
    path = course_path(seed, person, course)
    leaves_at = math.inf if path.leaves_at is None else path.leaves_at
    if lesson >= leaves_at:
        return Mark.UNEXCUSED
    draw = stream(seed, "mark", person, course, lesson).random()
    if lesson in path.slump:
        return Mark.UNEXCUSED if draw < 0.85 else Mark.PRESENT
    if lesson in path.illness:
        return Mark.EXCUSED if draw < 0.9 else Mark.PRESENT
    if lesson >= leaves_at - path.cluster:
        mostly, sometimes = Mark.UNEXCUSED, Mark.EXCUSED
        if path.cluster_excused:
            mostly, sometimes = sometimes, mostly
        return mostly if draw < 0.65 else sometimes if draw < 0.75 else Mark.PRESENT
    if draw < path.unexcused:
        return Mark.UNEXCUSED
    return Mark.EXCUSED if draw < path.unexcused + path.excused else Mark.PRESENT


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to a reserved place, and the days until the office hears it."""

    kind: Literal["accept", "decline", "silence"]
    after: int
    reason: DeclineReason


def answer(seed: int, person: int, course: str) -> Answer:
    """Draw the answer; it is the same whenever the same course is offered."""
    rng = stream(seed, "answer", person, course)
    kind: Literal["accept", "decline", "silence"] = pick(
        rng, {"accept": 84.0, "decline": 9.0, "silence": 7.0}
    )
    after = pick(rng, {0: 25, 1: 25, 2: 18, 3: 12, 5: 9, 7: 7, 9: 3, 12: 1})
    reason = pick(
        rng,
        {
            DeclineReason.CHILDCARE: 30,
            DeclineReason.TIME_OF_DAY: 25,
            DeclineReason.DISTANCE: 20,
            DeclineReason.OWN_CHOICE: 15,
            DeclineReason.OTHER: 10,
        },
    )
    return Answer(kind, after, reason)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A provider's answer to an accepted place."""

    after: int
    refusal: RefusalReason | None
    own_number: bool


def confirmation(seed: int, person: int, course: str) -> Confirmation:
    """Draw the provider's answer."""
    rng = stream(seed, "confirmation", person, course)
    refuses = rng.random() < 0.03
    refusal = pick(
        rng, {RefusalReason.ENTITLEMENT: 50, RefusalReason.WRONG_LEVEL: 40, RefusalReason.FULL: 10}
    )
    return Confirmation(rng.choice((0, 0, 1, 1, 2)), refusal if refuses else None, rng.random() < 0.6)


def section_decision(seed: int, person: int, course: str, section: int) -> SectionDecision:
    """Draw what a person does after a section."""
    rng = stream(seed, "section", person, course, section)
    return pick(
        rng,
        {
            SectionDecision.CONTINUES: 90.0,
            SectionDecision.REPEATS: 6.0,
            SectionDecision.SKIPS: 2.5,
            SectionDecision.PAUSES: 1.5,
        },
    )


def section_grade(seed: int, person: int, course: str, section: int) -> SectionGrade:
    """Draw the result of a section test."""
    rng = stream(seed, "grade", person, course, section)
    return pick(rng, {SectionGrade.AS_EXPECTED: 65, SectionGrade.ABOVE: 15, SectionGrade.BELOW: 20})


@dataclass(frozen=True, slots=True)
class ExamOutcome:
    """Final examinations of one person; None: did not sit."""

    language: ExamResult | None
    lid: ExamResult | None


def exam(seed: int, person: object, course: str) -> ExamOutcome:
    """Draw the final examinations (2018: 57.4 % of obliged first-time takers stayed below B1)."""
    rng = stream(seed, "exam", person, course)
    language = pick(
        rng, {ExamResult.B1: 50, ExamResult.A2: 35, ExamResult.BELOW_A2: 10, ExamResult.ABSENT: 5}
    )
    lid = pick(rng, {ExamResult.PASSED: 85, ExamResult.FAILED: 10, ExamResult.ABSENT: 5})
    return ExamOutcome(
        None if language is ExamResult.ABSENT else language, None if lid is ExamResult.ABSENT else lid
    )
