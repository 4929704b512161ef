"""Imports an open-Qcat catalogue: what is new becomes CourseAnnounced, CourseChanged, CourseCancelled."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from schemas.envelope import Problem
from services.gateway.accepting import Ready, Refused, accept, own_event
from services.gateway.files import store
from services.gateway.files.course_steps import KIND, Gone, Nothing, Step, step
from services.gateway.files.courses import CourseSettings, Draft, Held, drafts
from services.gateway.files.open_qcat import Catalogue, read_catalogue
from services.gateway.files.report import Report, RowFinding
from services.gateway.files.store import Imported, Run
from services.gateway.publishers.domain import Publisher
from services.runtime.data.db import transaction

_CHUNK = 200
_PREVIEW = 20


@dataclass(frozen=True, slots=True)
class Job:
    """What an import works with."""

    pool: asyncpg.Pool
    publisher: Publisher
    prefix: str
    now: datetime


async def import_courses(
    job: Job, raw: bytes, settings: CourseSettings, *, check_only: bool = False
) -> Report:
    """Import a catalogue, or say what an import would do; the same file again changes nothing."""
    report, slug = Report(KIND, check_only), job.publisher.slug
    catalogue = await asyncio.to_thread(read_catalogue, raw)
    if isinstance(catalogue, Problem):
        report.file_problems.append(catalogue)
        return report
    digest = hashlib.sha256(raw).digest()
    async with transaction(job.pool) as conn:
        last = await store.last_run(conn, slug, KIND)
        known = await store.imported(conn, slug, KIND)
    report.file_problems += _about_file(catalogue, last, digest, job.publisher)
    if any(problem.code in {"sequence_old", "file_empty"} for problem in report.file_problems):
        return report
    wanted = drafts(
        catalogue.services,
        settings,
        kreise=job.publisher.kreise,
        supplier_ids=job.publisher.supplier_ids,
        known={key: row.data for key, row in known.items() if row.data is not None},
    )
    wishes: list[Draft | Gone] = [
        *(item for item in wanted if isinstance(item, Draft)),
        *_deleted(report, catalogue, known),
    ]
    _note(report, wanted, catalogue, known)
    report.rows = len(wanted) + len(catalogue.deleted)
    if check_only:
        _check(report, job, wishes, known)
        return report
    async with transaction(job.pool) as conn:
        run = await store.start_run(conn, job.publisher, KIND, digest, catalogue.sequence)
    for start in range(0, len(wishes), _CHUNK):
        await _take(report, job, wishes[start : start + _CHUNK])
    async with transaction(job.pool) as conn:
        await store.finish_run(
            conn,
            run,
            rows=report.rows,
            taken=report.taken,
            unchanged=report.unchanged,
            refused=report.refused,
        )
    return report


def _about_file(catalogue: Catalogue, last: Run | None, digest: bytes, publisher: Publisher) -> list[Problem]:
    found = []
    if not catalogue.services and not catalogue.deleted:
        found.append(Problem("file_empty"))
    if not publisher.supplier_ids and catalogue.supplier_ids:
        found.append(Problem("supplier_not_registered", "HEADER.SUPPLIER.SUPPLIER_ID"))
    before = last.sequence if last is not None and last.file_hash != digest else None
    if catalogue.sequence is not None and before is not None:
        if catalogue.sequence < before:
            found.append(Problem("sequence_old", "UPDATE_CATALOG.seq_number"))
        elif catalogue.sequence > before + 1:
            found.append(Problem("sequence_gap", "UPDATE_CATALOG.seq_number"))
    return found


def _deleted(report: Report, catalogue: Catalogue, known: Mapping[str, Imported]) -> list[Gone]:
    """List what the file deletes: with an offer all its dates, unless the file also brings it anew."""
    brought = {service.product_id for service in catalogue.services}
    gone: dict[str, Gone] = {}
    for row, key in catalogue.deleted:
        if key not in known:
            problem = Problem("course_not_imported", "DELETE.PRODUCT_ID")
            report.findings.append(RowFinding(row, key, refused=False, problem=problem))
        dates = sorted(name for name, before in known.items() if before.belongs_to == key)
        for name in (key, *dates):
            if name not in brought and name in known:
                gone.setdefault(name, Gone(name, row))
    return list(gone.values())


def _note(
    report: Report,
    wanted: Sequence[Draft | Held],
    catalogue: Catalogue,
    known: Mapping[str, Imported],
) -> None:
    for item in wanted:
        held = isinstance(item, Held)
        problems = item.problems if isinstance(item, Held) else item.warnings
        report.findings += [RowFinding(item.row, item.key, held, problem) for problem in problems]
        report.refused += held
    report.preview += [item.data for item in wanted if isinstance(item, Draft)][:_PREVIEW]
    if catalogue.full:
        # Only flagged: an incomplete export must not cancel courses under people.
        here = {service.product_id for service in catalogue.services}
        report.findings += [
            RowFinding(0, key, refused=False, problem=Problem("course_missing_in_full", "PRODUCT_ID"))
            for key, before in sorted(known.items())
            if key not in here and not before.gone
        ]


def _check(report: Report, job: Job, wishes: Sequence[Draft | Gone], known: Mapping[str, Imported]) -> None:
    for wish in wishes:
        decided = step(job.publisher.slug, wish, known.get(wish.key), job.now.date())
        if isinstance(decided, Nothing):
            report.unchanged += 1
        else:
            _count(report, wish, _event(job, decided))


def _event(job: Job, decided: Step) -> Ready | Refused:
    return own_event(job.publisher, decided.type, decided.id, decided.data, job.now)


def _count(report: Report, wish: Draft | Gone, item: Ready | Refused) -> None:
    if isinstance(item, Ready):
        report.taken += 1
        report.count(item.event.type)
    else:
        report.refused += 1
        report.findings += [
            RowFinding(wish.row, wish.key, refused=True, problem=problem) for problem in item.problems
        ]


async def _take(report: Report, job: Job, wishes: Sequence[Draft | Gone]) -> None:
    """Take some rows in one transaction: events, and what the rows are from then on."""
    outcome = Report(KIND, checked_only=False)
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, job.publisher.slug, KIND)
        known = await store.imported(conn, job.publisher.slug, KIND, [wish.key for wish in wishes])
        steps: list[tuple[Draft | Gone, Step]] = []
        for wish in wishes:
            decided = step(job.publisher.slug, wish, known.get(wish.key), job.now.date())
            if isinstance(decided, Step):
                steps.append((wish, decided))
        events = [_event(job, decided) for _, decided in steps]
        taken = await accept(conn, job.publisher, events, prefix=job.prefix)
        after = {
            wish.key: decided.after
            for (wish, decided), item in zip(steps, taken, strict=True)
            if isinstance(item, Ready)
        }
        await store.remember(conn, job.publisher, KIND, after)
        for (wish, _), item in zip(steps, taken, strict=True):
            _count(outcome, wish, item)
    report.taken += outcome.taken
    report.refused += outcome.refused
    report.unchanged += len(wishes) - len(steps)
    report.findings += outcome.findings
    for type_, number in outcome.events.items():
        report.events[type_] = report.events.get(type_, 0) + number
