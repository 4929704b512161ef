"""Does the work of `kurslotse import`: the same import as over HTTP, with the service's own settings."""

from collections.abc import Mapping
from typing import Any

from schemas.envelope import Problem
from services.gateway.files import store
from services.gateway.files.courses.domain import KIND as COURSES
from services.gateway.files.imports import read_settings, run_import
from services.gateway.files.job import ImportJob, Report
from services.gateway.files.reader import FileReader
from services.gateway.findings.advice import Adviser
from services.gateway.people.client import people_client
from services.gateway.publishers.store import publishers
from services.runtime.base.clock import clock_of
from services.runtime.base.settings import ServiceSettings, need
from services.runtime.data.db import acquire, open_pool, transaction
from services.runtime.serve.installation import check_command

_LANGUAGE = "de"
_SHOWN = 50


class ImportCommandError(Exception):
    """The import cannot even begin; the message says what to do."""


async def import_file(
    env: Mapping[str, str], kind: str, raw: bytes, slug: str, given: Mapping[str, Any] | None, *, check: bool
) -> tuple[Report, list[str]]:
    """Import a file for a publisher; return the report, and lines that tell it.

    `given` are settings, which are saved first.

    Raises:
        ImportCommandError: there is no such publisher, or its settings are wrong or missing.
    """
    settings = ServiceSettings.from_env("gateway", env)
    adviser = Adviser()
    async with await open_pool(settings.db_worker, name="kurslotse-import", max_size=3) as pool:
        async with acquire(pool) as conn:
            await check_command(conn, settings.db_worker, env)
        async with transaction(pool) as conn:
            publisher = (await publishers(conn, [slug])).get(slug)
            if publisher is None:
                raise ImportCommandError(f"there is no publisher {slug}: kurslotse publisher list shows them")
            if given is not None:
                body = read_settings(kind, given)
                if isinstance(body, list):
                    raise ImportCommandError(" ".join(_in_words(adviser, problem) for problem in body[:20]))
                await store.save_settings(conn, publisher, kind, body)
            saved = await store.settings(conn, slug, kind)
        key = settings.installation_key
        job = ImportJob(
            pool=pool,
            publisher=publisher,
            prefix=settings.prefix,
            now=clock_of(settings.clock_file).now(),
            people=people_client(settings),
            installation_key="" if kind == COURSES else need(key, "KURSLOTSE_INSTALLATION_KEY"),
            reader=FileReader(at_once=1),
            identity_key=settings.identity_key,
            adviser=adviser,
            language=_LANGUAGE,
        )
        report = await run_import(job, kind, raw, saved, check_only=check)
        if isinstance(report, Problem):
            raise ImportCommandError(_in_words(adviser, report))
    return report, report_lines(report, adviser)


def _in_words(adviser: Adviser, problem: Problem) -> str:
    told = adviser.tell(problem.code, problem.field, problem.params, _LANGUAGE)
    return f"{told.wrong} {told.todo}"


def report_lines(report: Report, adviser: Adviser) -> list[str]:
    """Write a report for a terminal: row numbers and keys, never what a row holds about a person."""
    done = "checked" if report.checked_only else "imported"
    counts = f"{report.taken} with news, {report.unchanged} unchanged, {report.refused} not taken"
    lines = [f"{done} {report.rows} rows: {counts}"]
    lines += [f"  {number} x {type_}" for type_, number in sorted(report.events.items())]
    lines += [f"! {_in_words(adviser, problem)}" for problem in report.file_problems]
    for item in report.findings[:_SHOWN]:
        where = f"{item.key}: " if item.key else f"Zeile {item.row}: " if item.row else ""
        lines.append(f"{'-' if item.refused else '~'} {where}{_in_words(adviser, item.problem)}")
    if len(report.findings) > _SHOWN:
        lines.append(f"... {len(report.findings) - _SHOWN} more")
    if report.interrupted is not None:
        lines.append(f"! {_in_words(adviser, report.interrupted)}")
    return lines
