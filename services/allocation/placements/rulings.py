"""Defines the rulings of coordinators about steering, and which places they exclude."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.allocation.courses.domain import Course
from services.allocation.placements.domain import Refusal


@dataclass(frozen=True, slots=True)
class Hold:
    """The person is not steered; from `until` on again, None: until somebody lifts it."""

    until: date | None


@dataclass(frozen=True, slots=True)
class ExcludeCourse:
    """The person never gets this course."""

    course: UUID


@dataclass(frozen=True, slots=True)
class ExcludeProvider:
    """The person never gets a course of this provider."""

    provider: str


@dataclass(frozen=True, slots=True)
class Deviate:
    """What counts instead of the placement test (IntV § 11(2)): a section, a level, or both."""

    section: int | None
    level: str | None


Exclude = ExcludeCourse | ExcludeProvider
Verdict = Literal["start", "close"]
"""A course starts also below its minimum, or does not start."""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Rulings in force about some people and courses, read after their rows were locked."""

    held: frozenset[UUID] = frozenset()
    courses: frozenset[tuple[UUID, UUID]] = frozenset()
    """Person and course."""
    providers: frozenset[tuple[UUID, str]] = frozenset()
    """Person and provider."""
    closed: frozenset[UUID] = frozenset()

    def refusal_of(self, participant: UUID, course: Course) -> Refusal | None:
        """Return what stands against this person in this course, whoever decides; an authority apart."""
        if course.course in self.closed:
            return Refusal("course_closed")
        if (participant, course.course) in self.courses or (participant, course.provider) in self.providers:
            return Refusal("excluded")
        return None

    def refusal_of_proposal(self, participant: UUID, course: Course) -> Refusal | None:
        """Return what stands against a run's proposal: the same, and a hold."""
        return Refusal("on_hold") if participant in self.held else self.refusal_of(participant, course)
