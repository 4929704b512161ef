"""Reads a catalogue of courses: from the bytes of a file to courses that can be announced, or are held."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.envelope import Problem
from services.gateway.files.courses.drafts import CourseSettings, Draft, Held, drafts
from services.gateway.files.courses.open_qcat import read_catalogue


@dataclass(frozen=True, slots=True)
class CoursesAsked:
    """How a catalogue is to be read; `known` holds courses imported before, by PRODUCT_ID."""

    settings: CourseSettings
    kreise: tuple[str, ...]
    supplier_ids: tuple[str, ...]
    known: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CoursesRead:
    """A catalogue that was read."""

    supplier_ids: tuple[str, ...]
    full: bool
    sequence: int | None
    courses: tuple[Draft | Held, ...]
    brought: frozenset[str]
    """PRODUCT_IDs that the file brings, usable or not."""
    deleted: tuple[tuple[int, str | None], ...]
    unread: int


def read_courses(raw: bytes, asked: CoursesAsked) -> CoursesRead | Problem:
    """Read a catalogue, or say why it is none."""
    catalogue = read_catalogue(raw)
    if isinstance(catalogue, Problem):
        return catalogue
    wanted = drafts(
        catalogue.services,
        asked.settings,
        kreise=asked.kreise,
        supplier_ids=asked.supplier_ids,
        known=asked.known,
    )
    return CoursesRead(
        supplier_ids=catalogue.supplier_ids,
        full=catalogue.full,
        sequence=catalogue.sequence,
        courses=tuple(wanted),
        brought=frozenset(service.product_id for service in catalogue.services if service.product_id),
        deleted=catalogue.deleted,
        unread=catalogue.unread,
    )
