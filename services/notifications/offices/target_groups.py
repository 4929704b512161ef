"""Reads, dated, for which target group a type of course is."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.codes import CourseType
from services.notifications.offices.domain import TargetGroup

PACKAGED = Path(__file__).parent / "target_groups.yaml"


class _Version(BaseModel):
    """The groups that hold from a day on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: date
    source: str
    groups: dict[TargetGroup, list[CourseType]]


_VERSIONS = TypeAdapter(Annotated[tuple[_Version, ...], Field(min_length=1)])


@cache
def load(path: Path = PACKAGED) -> tuple[_Version, ...]:
    """Read the versions, the earliest first.

    Raises:
        ValidationError: the file is wrong.
    """
    versions = _VERSIONS.validate_python(yaml.safe_load(path.read_text("utf-8")))
    return tuple(sorted(versions, key=lambda one: one.valid_from))


def group_of(course_type: str | None, day: date) -> TargetGroup | None:
    """Return the target group of a type of course on a day; None: it is for everybody, or not known.

    >>> group_of("integration_parents", date(2026, 3, 2)).value
    'parents'
    """
    held = [one for one in load() if one.valid_from <= day]
    groups = held[-1].groups if held else {}
    return next((group for group, types in groups.items() if course_type in types), None)
