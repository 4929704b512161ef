"""The work behind `kurslotse import`: the same imports as over HTTP, with the service's own environment."""

from collections.abc import Mapping

from services.gateway.__main__ import people_of
from services.gateway.files import store as import_store
from services.gateway.files.course_import import Job, import_courses
from services.gateway.files.course_steps import KIND as COURSES
from services.gateway.files.courses import CourseSettings
from services.gateway.files.mapping import ParticipantMapping
from services.gateway.files.people_import import Desk, import_people
from services.gateway.files.report import Report
from services.gateway.findings.advice import Adviser
from services.gateway.http.door import ShutError
from services.gateway.http.imports import read_settings
from services.gateway.publishers.store import publishers
from services.runtime.base.clock import clock_of
from services.runtime.base.settings import ServiceSettings, need
from services.runtime.data.db import open_pool, transaction

_LANGUAGE = "de"
_SHOWN = 50


class ImportCommandError(Exception):
    """The import cannot even begin; the message says what to do."""


async def import_file(
    env: Mapping[str, str], kind: str, raw: bytes, slug: str, given: bytes | None, *, check: bool
) -> tuple[Report, list[str]]:
    """Import a file for a publisher; return the report, and in words what to show."""
    settings = ServiceSettings.from_env("gateway", env)
    adviser = Adviser()
    async with await open_pool(settings.db_worker, name="kurslotse-import", max_size=3) as pool:
        async with transaction(pool) as conn:
            publisher = (await publishers(conn, [slug])).get(slug)
            if publisher is None:
                raise ImportCommandError(f"there is no publisher {slug}: kurslotse publisher list shows them")
            try:
                body = read_settings(kind, given) if given is not None else None
            except ShutError as error:
                told = [adviser.tell(p.code, p.field, p.params, _LANGUAGE) for p in error.problems]
                raise ImportCommandError(" ".join(f"{item.wrong} {item.todo}" for item in told)) from None
            if body is not None:
                await import_store.save_settings(conn, publisher, kind, body)
            saved = await import_store.settings(conn, slug, kind)
        job = Job(pool, publisher, settings.prefix, clock_of(settings.clock_file).now())
        if kind == COURSES:
            report = await import_courses(
                job, raw, CourseSettings.model_validate(saved or {}), check_only=check
            )
        else:
            if saved is None:
                told_ = adviser.tell("mapping_missing", None, {}, _LANGUAGE)
                raise ImportCommandError(f"{told_.wrong} {told_.todo}")
            key = need(settings.installation_key, "KURSLOTSE_INSTALLATION_KEY")
            desk = Desk(people_of(settings), key, adviser, _LANGUAGE)
            mapping = ParticipantMapping.model_validate(saved)
            report = await import_people(job, desk, raw, mapping, check_only=check)
    return report, list(in_words(report, adviser))


def in_words(report: Report, adviser: Adviser) -> list[str]:
    """Write a report for a terminal; it shows row numbers and keys, never what a row holds about a person."""
    lines = [
        (
            f"{'checked' if report.checked_only else 'imported'} {report.rows} rows:"
            f" {report.taken} with news, {report.unchanged} unchanged, {report.refused} not taken"
        )
    ]
    lines += [f"  {number} x {type_}" for type_, number in sorted(report.events.items())]
    for problem in report.file_problems:
        told = adviser.tell(problem.code, problem.field, problem.params, _LANGUAGE)
        lines.append(f"! {told.wrong} {told.todo}")
    for item in report.findings[:_SHOWN]:
        told = adviser.tell(item.problem.code, item.problem.field, item.problem.params, _LANGUAGE)
        where = f"{item.key}: " if item.key else f"Zeile {item.row}: " if item.row else ""
        lines.append(f"{'-' if item.refused else '~'} {where}{told.wrong} {told.todo}")
    if len(report.findings) > _SHOWN:
        lines.append(f"... {len(report.findings) - _SHOWN} more")
    if report.interrupted is not None:
        told = adviser.tell(report.interrupted.code, None, {}, _LANGUAGE)
        lines.append(f"! {told.wrong} {told.todo}")
    return lines
