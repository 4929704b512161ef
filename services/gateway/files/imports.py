"""Runs an import of either kind with the settings that its publisher saved."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.envelope import Problem, problems_of
from schemas.offices import ParticipantRegistered
from schemas.providers import CourseAnnounced
from services.gateway.files.courses import domain as courses
from services.gateway.files.courses.drafts import CourseSettings
from services.gateway.files.courses.handlers import import_courses
from services.gateway.files.job import ImportJob, Report
from services.gateway.files.people import handlers as people
from services.gateway.files.people.mapping import ParticipantMapping

SETTINGS: Mapping[str, type[BaseModel]] = {courses.KIND: CourseSettings, people.KIND: ParticipantMapping}
NEEDED_TYPE = {courses.KIND: CourseAnnounced.type_, people.KIND: ParticipantRegistered.type_}
"""Kind of import -> the event type that its publisher must be allowed to send."""


def read_settings(kind: str, given: Any) -> dict[str, Any] | list[Problem]:  # noqa: ANN401 - any JSON value
    """Validate settings; return them in full, as JSON, or what is wrong (at least one problem)."""
    try:
        settings = SETTINGS[kind].model_validate(given)
    except ValidationError as error:
        return [Problem("settings_invalid", problem.field or "JSON") for problem in problems_of(error)]
    return settings.model_dump(mode="json", exclude_none=True)


async def run_import(
    job: ImportJob, kind: str, raw: bytes, saved: Mapping[str, Any] | None, *, check_only: bool
) -> Report | Problem:
    """Import a file, or report what that would do; a problem if the settings it needs were never saved."""
    if kind == courses.KIND:
        return await import_courses(
            job, raw, CourseSettings.model_validate(saved or {}), check_only=check_only
        )
    if saved is None:
        return Problem("mapping_missing")
    return await people.import_people(
        job, raw, ParticipantMapping.model_validate(saved), check_only=check_only
    )
