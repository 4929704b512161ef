"""Imports an open-Qcat catalogue: what is new in it becomes course events."""

import hashlib
from collections.abc import Mapping, Sequence

from schemas.envelope import Problem
from services.gateway.acceptance.domain import Checked, Ready, check_own
from services.gateway.acceptance.handlers import accept
from services.gateway.files import store
from services.gateway.files.courses.domain import KIND, Deleted, RowEvent, event_for
from services.gateway.files.courses.drafts import CourseSettings, Draft, Held
from services.gateway.files.courses.reading import CoursesAsked, CoursesRead
from services.gateway.files.domain import Imported
from services.gateway.files.job import ImportJob, Report
from services.gateway.files.store import ImportRun
from services.gateway.publishers.domain import Publisher
from services.runtime.data.db import transaction

_CHUNK = 200
_PREVIEW = 20


async def import_courses(
    job: ImportJob, raw: bytes, settings: CourseSettings, *, check_only: bool = False
) -> Report:
    """Import a catalogue, or report what that would do; the same file again changes nothing."""
    report, slug = Report(KIND, check_only), job.publisher.slug
    async with transaction(job.pool) as conn:
        last = await store.last_run(conn, slug, KIND)
        known = await store.imported(conn, slug, KIND)
        towns = await job.towns(conn, settings.towns)
    settings = settings.model_copy(update={"towns": towns})
    said = {key: row.data for key, row in known.items() if row.data is not None}
    asked = CoursesAsked(settings, job.publisher.kreise, job.publisher.supplier_ids, said)
    catalogue = await job.reader.courses(raw, asked, job.publisher.slug)
    if isinstance(catalogue, Problem):
        report.file_problems.append(catalogue)
        return report
    digest = hashlib.sha256(raw).digest()
    report.file_problems += _about_file(catalogue, last, digest, job.publisher)
    if any(problem.code in {"sequence_old", "file_empty"} for problem in report.file_problems):
        return report
    changes: list[Draft | Deleted] = [
        *(item for item in catalogue.courses if isinstance(item, Draft)),
        *_deleted(report, catalogue, known),
    ]
    _note(report, catalogue, known)
    report.rows = len(catalogue.courses) + len(catalogue.deleted)
    if check_only:
        _check(report, job, changes, known)
        return report
    async with transaction(job.pool) as conn:
        run = await store.start_run(conn, job.publisher, KIND, digest, catalogue.sequence)
    for start in range(0, len(changes), _CHUNK):
        await _take(report, job, changes[start : start + _CHUNK])
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


def _about_file(
    catalogue: CoursesRead, last: ImportRun | None, digest: bytes, publisher: Publisher
) -> list[Problem]:
    found = []
    if catalogue.unread:
        found.append(Problem("courses_misplaced", "SERVICE", {"number": catalogue.unread}))
    elif not catalogue.courses and not catalogue.deleted:
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


def _deleted(report: Report, catalogue: CoursesRead, known: Mapping[str, Imported]) -> list[Deleted]:
    """List the courses that the file deletes, an offer with all its dates, unless it also brings them."""
    gone: dict[str, Deleted] = {}
    for row, key in catalogue.deleted:
        if key is None:
            report.refuse(row, None, [Problem("product_id_missing", "DELETE.PRODUCT_ID")])
            continue
        if key not in known:
            report.warn(row, key, [Problem("course_not_imported", "DELETE.PRODUCT_ID")])
        dates = sorted(name for name, before in known.items() if before.belongs_to == key)
        for name in (key, *dates):
            if name not in catalogue.brought and name in known:
                gone.setdefault(name, Deleted(name, row))
    return list(gone.values())


def _note(report: Report, catalogue: CoursesRead, known: Mapping[str, Imported]) -> None:
    for item in catalogue.courses:
        if isinstance(item, Held):
            report.refuse(item.row, item.key, item.problems)
        else:
            report.warn(item.row, item.key, item.warnings)
    report.preview += [item.data for item in catalogue.courses if isinstance(item, Draft)][:_PREVIEW]
    if catalogue.full:
        # A warning only: an incomplete export must not cancel courses that people attend.
        for key, before in sorted(known.items()):
            if key not in catalogue.brought and not before.gone:
                report.warn(0, key, [Problem("course_missing_in_full", "PRODUCT_ID")])


def _check(
    report: Report, job: ImportJob, changes: Sequence[Draft | Deleted], known: Mapping[str, Imported]
) -> None:
    for change in changes:
        event = event_for(job.publisher.slug, change, known.get(change.key), job.now.date())
        if event is None:
            report.unchanged += 1
        else:
            _count(report, change, _checked(job, event))


def _checked(job: ImportJob, event: RowEvent) -> Checked:
    return check_own(job.publisher, event.type, event.id, event.data, job.now)


def _count(report: Report, change: Draft | Deleted, item: Checked) -> None:
    if isinstance(item, Ready):
        report.taken += 1
        report.count(item.event.type)
        report.warn(change.row, change.key, item.warnings)
    else:
        report.refuse(change.row, change.key, item.problems)


async def _take(report: Report, job: ImportJob, changes: Sequence[Draft | Deleted]) -> None:
    """Accept the events of some rows and store what the rows now say, in one transaction."""
    slug, today = job.publisher.slug, job.now.date()
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, slug, KIND)
        known = await store.imported(conn, slug, KIND, [change.key for change in changes])
        events = [
            (change, event)
            for change in changes
            if (event := event_for(slug, change, known.get(change.key), today)) is not None
        ]
        checked = [_checked(job, event) for _, event in events]
        taken = await accept(conn, job.publisher, checked, prefix=job.prefix, key=job.identity_key)
        after = {
            change.key: event.after
            for (change, event), item in zip(events, taken, strict=True)
            if isinstance(item, Ready)
        }
        await store.remember(conn, job.publisher, KIND, after)
    report.unchanged += len(changes) - len(events)
    for (change, _), item in zip(events, taken, strict=True):
        _count(report, change, item)
