"""Defines the changes that somebody can try, as documents, and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.codes import CourseType, Level, TimeOfDay, Weekday
from services.allocation.policy.domain import Policy

MOST_CHANGES = 20
TEMPLATE_DAYS = 56
"""More arrivals look like the people of the last eight weeks."""
NEW_PROVIDER = "new"
"""Stands for a provider that nobody has chosen yet."""


class ChangeError(ValueError):
    """A change cannot be made: a code, the place in the list of changes, and what is meant."""

    def __init__(self, code: str, at: int = 0, **params: str) -> None:
        super().__init__(f"{code} (change {at + 1}) {params or ''}".rstrip())
        self.code = code
        self.at = at
        self.params = params


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicyChanged(_Change):
    """Another policy: the whole document of one entry."""

    kind: Literal["policy"] = "policy"
    policy: Policy


class CourseAdded(_Change):
    """A new course; its sections follow each other without a break."""

    kind: Literal["course_added"] = "course_added"
    course_type: CourseType
    starts_on: date
    town: Annotated[str, Field(pattern=r"^[0-9]{8}$")]
    times_of_day: Annotated[tuple[TimeOfDay, ...], Field(min_length=1)]
    weekdays: tuple[Weekday, ...] = ()
    first_section: Annotated[int, Field(ge=1, le=20)] = 1
    last_section: Annotated[int, Field(ge=1, le=20)] | None = None
    """None: the last one of the type; courses that are entered by level have one section."""
    target_level: Level | None = None
    childcare: bool = False
    women_only: bool = False
    barrier_free: bool = False
    seats: Annotated[int, Field(ge=1, le=100)]
    minimum: Annotated[int, Field(ge=0, le=100)] = 0
    provider: Annotated[str, Field(min_length=2, max_length=60)] = NEW_PROVIDER


class CourseMoved(_Change):
    """A course starts earlier or later, elsewhere or at another time; what is not named stays."""

    kind: Literal["course_moved"] = "course_moved"
    course: UUID
    days: Annotated[int, Field(ge=-182, le=182)] = 0
    town: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None = None
    times_of_day: tuple[TimeOfDay, ...] = ()


class CourseCancelled(_Change):
    """A course does not take place; who sits in it waits again."""

    kind: Literal["course_cancelled"] = "course_cancelled"
    course: UUID


class CapacityChanged(_Change):
    """A course has more or fewer seats, in every section."""

    kind: Literal["capacity"] = "capacity"
    course: UUID
    seats: Annotated[int, Field(ge=-100, le=100)]
    """How many more; negative: fewer."""


class ChildcareAdded(_Change):
    """A course gets childcare."""

    kind: Literal["childcare"] = "childcare"
    course: UUID


class NeighbourJoins(_Change):
    """A neighbour's people and courses are steered together with ours, under our policy."""

    kind: Literal["neighbour"] = "neighbour"
    kreis: Annotated[str, Field(pattern=r"^[0-9]{5}$")]


class MoreArrivals(_Change):
    """More people a week had registered in the last weeks, like those who did."""

    kind: Literal["arrivals"] = "arrivals"
    per_week: Annotated[int, Field(ge=1, le=200)]
    weeks: Annotated[int, Field(ge=1, le=12)] = 4


Change = (
    PolicyChanged
    | CourseAdded
    | CourseMoved
    | CourseCancelled
    | CapacityChanged
    | ChildcareAdded
    | NeighbourJoins
    | MoreArrivals
)
_ONE: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="kind")])


def parse(data: object, at: int = 0) -> Change:
    """Read one change.

    Raises:
        ChangeError: `field_wrong`, with the first field that is wrong and why.
    """
    try:
        return _ONE.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = [str(part) for part in first["loc"][1:]]  # the first part is the kind
        field = where[0] if where else "kind"
        raise ChangeError("field_wrong", at, field=field, where=".".join(where), why=first["msg"]) from error


def parse_all(data: object) -> tuple[Change, ...]:
    """Read a list of changes.

    Raises:
        ChangeError: it is none, too long, or one of them is wrong.
    """
    if not isinstance(data, list):
        raise ChangeError("field_wrong", 0, field="changes", where="changes", why="not a list")
    if len(data) > MOST_CHANGES:
        raise ChangeError("too_many_changes", MOST_CHANGES, most=str(MOST_CHANGES))
    return tuple(parse(one, at) for at, one in enumerate(data))


def written(change: Change) -> dict[str, Any]:
    """Write a change as JSON values; `parse` reads it back."""
    data: dict[str, Any] = change.model_dump(mode="json", exclude_none=True)
    return data


def neighbours_named(changes: Sequence[Change]) -> tuple[str, ...]:
    """Name the Kreise whose snapshots are needed."""
    return tuple(sorted({change.kreis for change in changes if isinstance(change, NeighbourJoins)}))
