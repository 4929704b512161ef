"""Defines the code lists of the published language; readers accept codes that are not listed yet."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class CourseType(StrEnum):
    """Types of language courses (IntV §§ 10-14, DeuFöV, Land and municipal courses)."""

    GENERAL = "integration_general"
    YOUTH = "integration_youth"
    PARENTS = "integration_parents"
    WOMEN = "integration_women"
    LITERACY = "integration_literacy"
    SECOND_SCRIPT = "integration_second_script"
    SUPPORT = "integration_support"
    INTENSIVE = "integration_intensive"
    VOCATIONAL = "vocational"
    LAND = "land"
    MUNICIPAL = "municipal"


class CourseKind(StrEnum):
    """What a person can be in only once at a time (invariant I3)."""

    INTEGRATION = "integration"
    VOCATIONAL = "vocational"
    OTHER = "other"


class Level(StrEnum):
    """Levels of the Common European Framework; `none` is before A1."""

    NONE = "none"
    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"
    C1 = "C1"
    C2 = "C2"


class Standing(StrEnum):
    """By what right a person takes part (AufenthG §§ 44, 44a; IntV §§ 4-6; DeuFöV § 4)."""

    OBLIGED_JOBCENTER = "obliged_jobcenter"
    OBLIGED_FOREIGNERS_AUTHORITY = "obliged_foreigners_authority"
    OBLIGED_ASYLUM_BENEFITS = "obliged_asylum_benefits"
    ENTITLED = "entitled"
    ADMITTED = "admitted"
    SELF_PAYER = "self_payer"


class AccessRoute(StrEnum):
    """The door of the law a person came through; the rule book says which are open on which day."""

    CLAIM = "aufenthg_44_1"
    ADMISSION = "aufenthg_44_4"
    OBLIGATION = "aufenthg_44a"
    REPATRIATE = "bvfg_9"
    VOCATIONAL = "deufoev_4"
    OWN_COST = "own_cost"
    LOCAL = "local"


class AsylumPhase(StrEnum):
    """Phase of the asylum procedure, for the responsible counselling office."""

    NONE = "none"
    PROCEDURE = "procedure"
    RECOGNISED = "recognised"
    TOLERATED = "tolerated"


class TimeOfDay(StrEnum):
    """When a person can attend, or a course is held."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    WEEKEND = "weekend"


class Weekday(StrEnum):
    """Teaching days."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Mark(StrEnum):
    """Attendance marks of BAMF's list (AbrRL § 2(3)), verbatim."""

    PRESENT = "X"
    EXCUSED = "E"
    UNEXCUSED = "U"
    CHANGE = "W"
    INTERNSHIP = "P"


class SectionDecision(StrEnum):
    """What a person does after a section: a question of seats, not of results."""

    CONTINUES = "continues"
    REPEATS = "repeats"
    SKIPS = "skips"
    PAUSES = "pauses"
    ENDS = "ends"


class ExitKind(StrEnum):
    """Coarse kind of leaving; health and the like are `other` on purpose."""

    MOVED = "moved"
    WORK = "work"
    TRANSFER = "transfer"
    OTHER = "other"


class CancelReason(StrEnum):
    """Why a course does not take place."""

    TOO_FEW = "too_few_participants"
    NO_TEACHER = "no_teacher"
    NO_ROOM = "no_room"
    FUNDING = "funding"
    OTHER = "other"


class DeclineReason(StrEnum):
    """Why a person does not take a proposed place; never counted as a breach of duty."""

    DISTANCE = "distance"
    TIME_OF_DAY = "time_of_day"
    CHILDCARE = "childcare"
    OWN_CHOICE = "own_choice"
    OTHER = "other"


class RefusalReason(StrEnum):
    """Why a provider does not confirm a place."""

    FULL = "full"
    WRONG_LEVEL = "wrong_level"
    ENTITLEMENT = "entitlement"
    NOT_APPEARED = "not_appeared"
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why a person no longer waits."""

    MOVED = "moved"
    WORK = "work"
    OWN_CHOICE = "own_choice"
    DUPLICATE = "duplicate"
    ERASED = "erased"
    OTHER = "other"


class PlacementState(StrEnum):
    """The chain of architecture.md, 'Steering'."""

    WAITING = "waiting"
    PROPOSED = "proposed"
    SENT_TO_AUTHORITY = "sent_to_authority"
    RESERVED = "reserved"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    STARTED = "started"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUSED = "refused"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    COURSE_CANCELLED = "course_cancelled"
    LEFT = "left"
    TRANSFERRED = "transferred"


SEATED = frozenset(
    {
        PlacementState.RESERVED,
        PlacementState.ACCEPTED,
        PlacementState.CONFIRMED,
        PlacementState.STARTED,
        PlacementState.INTERRUPTED,
    }
)
"""States that hold a seat in every section from the entry on."""

ENROLLED = frozenset({PlacementState.CONFIRMED, PlacementState.STARTED, PlacementState.INTERRUPTED})
"""States in which the provider has confirmed the person (invariant I3)."""


class ConsentPurpose(StrEnum):
    """What a person can allow, each by itself and for one named office (domain.md, 'Counselling')."""

    ENROLMENT_NOTICE = "enrolment_notice"
    DROPOUT_SUPPORT = "dropout_support"
    AFTER_COURSE = "after_course"
    """The office may know when the course is over and what is still missing."""


class SectionGrade(StrEnum):
    """Result of a section test against what is expected at its end."""

    ABOVE = "above"
    AS_EXPECTED = "as_expected"
    BELOW = "below"


class Exam(StrEnum):
    """Final examinations: DTZ (A2/B1), 'Leben in Deutschland', vocational language tests."""

    DTZ = "dtz"
    LID = "lid"
    VOCATIONAL = "vocational"


class ExamResult(StrEnum):
    """What came of an examination; for LiD only passed or failed."""

    BELOW_A2 = "below_a2"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"
    C1 = "C1"
    PASSED = "passed"
    FAILED = "failed"
    ABSENT = "absent"


class Need(StrEnum):
    """Needs that counselling offices report without naming a person."""

    CHILDCARE = "childcare"
    BUS = "bus"
    EVENING_COURSE = "evening_course"
    OTHER_LEVEL = "other_level"
    OTHER = "other"


class PublisherKind(StrEnum):
    """What a publisher is; one organisation can be several."""

    PROVIDER = "provider"
    OFFICE = "office"
    COUNSELLING = "counselling"


class FindingKind(StrEnum):
    """What became of a publisher's record."""

    ACCEPTED = "accepted"
    WARNING = "warning"
    PARKED = "parked"
    REJECTED = "rejected"


class InstallationKind(StrEnum):
    """What an installation is for: people, or a demo with invented ones and a clock that is set."""

    REAL = "real"
    DEMO = "demo"


UNKNOWN = "other"
"""What is read in place of a code that is on no list.

A publisher could write anything into a code that nobody lists, and what is read is stored and told on. So
every list has one neutral reading; where `other` is on the list, it is that, elsewhere it stands for a code
that nobody knows, which every reader takes: no rule holds for it, nothing is concluded from it.
"""


def kind_of(course_type: str) -> CourseKind:
    """Return the kind of a course type; an unknown type is `other`."""
    if course_type.startswith("integration_"):
        return CourseKind.INTEGRATION
    if course_type == CourseType.VOCATIONAL:
        return CourseKind.VOCATIONAL
    return CourseKind.OTHER


RENAMED_REASONS = {
    "released_by_coordinator": "approved_by_coordinator",
    "released_in_person": "approved_in_person",
    "released_by_policy": "approved_by_policy",
    "discarded": "withdrawn_by_coordinator",
}
"""Reasons of placements as they were called until November 2026, and as they are called since."""


def current_reason(code: str) -> str:
    """Return today's name of a reason; records under an earlier name are read for ever.

    >>> current_reason("discarded"), current_reason("accepted")
    ('withdrawn_by_coordinator', 'accepted')
    """
    return RENAMED_REASONS.get(code, code)


class Known:
    """Annotation of a string field: writers use this list, readers take other codes for `UNKNOWN`.

    The exported writer's schema carries the list as an enumeration, the reader's is a plain string.
    """

    def __init__(self, codes: type[StrEnum]) -> None:
        self.codes = codes
        self.values = frozenset(code.value for code in codes)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's protocol
        """Validate as the annotated string."""
        return handler(source)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """List the codes for writers only."""
        shape = handler(schema)
        if handler.mode == "serialization":
            shape["enum"] = [code.value for code in self.codes]
        else:
            shape["examples"] = [code.value for code in self.codes]
        return shape
