"""Imports an office's list of people: hands names to the support side, then accepts the facts as events."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from schemas.envelope import Problem
from schemas.identity import participant_id
from schemas.offices import ParticipantChanged, ParticipantRegistered, PlacementTested
from services.gateway.acceptance.domain import Checked, Ready, Refused, check_own
from services.gateway.acceptance.handlers import accept
from services.gateway.files import store
from services.gateway.files.domain import Imported, content_hash, event_id
from services.gateway.files.job import ImportJob, Report
from services.gateway.files.people.mapping import ParticipantMapping
from services.gateway.files.people.reading import PeopleAsked, PeopleRead
from services.gateway.files.people.rest import write_csv
from services.gateway.files.people.rows import BadRow, Person
from services.gateway.files.people.tables import Row
from services.gateway.people.client import HandOver, Kept, NotKept, Unavailable
from services.gateway.people.references import Minted, known_reference, number_mac, reference_for
from services.runtime.data.db import transaction

KIND = store.PEOPLE
_CHUNK = 50
_AT_ONCE = 4
_PREVIEW = 10


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """A usable row with the person's reference and id, and the ids of likely duplicates."""

    person: Person
    reference: str
    participant: UUID
    duplicates: tuple[UUID, ...] = ()


async def import_people(
    job: ImportJob, raw: bytes, mapping: ParticipantMapping, *, check_only: bool = False
) -> Report:
    """Import the rows without problems; report the others with reasons and store nothing of them."""
    report = Report(KIND, check_only)
    async with transaction(job.pool) as conn:
        towns = await job.towns(conn, mapping.towns)
    mapping = mapping.model_copy(update={"towns": towns})
    asked = PeopleAsked(mapping, job.publisher.kreise, job.now.date())
    read = await job.reader.people(raw, asked, job.publisher.slug)
    if isinstance(read, Problem):
        report.file_problems.append(read)
        return report
    report.rows = read.rows
    report.file_problems += read.problems
    people, bad = read.people, list(read.bad)
    _note(report, read)
    if check_only:
        report.preview = [
            {"row": person.row.number, "facts": person.facts, "contact": person.contact}
            for person in people[:_PREVIEW]
        ]
        await _check(report, job, mapping, people)
    else:
        async with transaction(job.pool) as conn:
            digest = job.identity_key.of_file(hashlib.sha256(raw).digest())
            run = await store.start_run(conn, job.publisher, KIND, digest, None)
        for start in range(0, len(people), _CHUNK):
            await _take(report, job, mapping, people[start : start + _CHUNK], bad)
            if report.interrupted is not None:
                break
        if report.interrupted is None:
            async with transaction(job.pool) as conn:
                await store.finish_run(
                    conn,
                    run,
                    rows=report.rows,
                    taken=report.taken,
                    unchanged=report.unchanged,
                    refused=report.refused,
                )
    report.rest = _rest(read.header, bad, job) if bad else None
    return report


def _note(report: Report, read: PeopleRead) -> None:
    for row in read.bad:
        report.refuse(row.row.number, None, row.problems)
    for person in read.people:
        report.warn(person.row.number, None, person.warnings)
    for number in read.skipped:
        report.warn(number, None, [Problem("row_skipped")])


async def _named(
    conn: asyncpg.Connection, job: ImportJob, mapping: ParticipantMapping, person: Person, *, mint: bool
) -> NamedPerson:
    """Return the person with reference and id; an official number is used for nothing else."""
    if person.reference is not None:
        return NamedPerson(person, person.reference, participant_id(job.publisher.slug, person.reference))
    mac = number_mac(job.installation_key, mapping.scheme or "", person.number or "")
    if mint:
        minted = await reference_for(conn, job.publisher, mac)
    else:
        minted = await known_reference(conn, job.publisher, mac) or Minted("", UUID(int=0), ())
    return NamedPerson(person, minted.reference, minted.participant, minted.likely_duplicates)


def _events(
    job: ImportJob, named: NamedPerson, before: Mapping[str, Imported]
) -> dict[str, tuple[Checked, Imported]]:
    """Return row key -> event and what the row is from then on, for what is new about a person."""
    found: dict[str, tuple[Checked, Imported]] = {}
    reference = named.reference or "K0"
    known = before.get(reference)
    facts: dict[str, Any] = named.person.facts
    for key, type_, data in (
        (reference, ParticipantRegistered.type_, facts),
        (f"{reference} test", PlacementTested.type_, named.person.test),
    ):
        if data is None:
            continue
        last, content = before.get(key), job.identity_key.of_row(content_hash(data))
        if last is not None and last.content == content:
            continue
        type_ = ParticipantChanged.type_ if known is not None and key == reference else type_  # noqa: PLW2901
        id_ = event_id(job.publisher.slug, KIND, key, content, last.event_id if last else None)
        sent = {"reference": reference} | data
        if type_ == ParticipantChanged.type_:
            sent.pop("registered_on", None)
        found[key] = (
            check_own(job.publisher, type_, id_, sent, job.now),
            Imported(content, id_, None, gone=False),
        )
    return found


async def _check(
    report: Report, job: ImportJob, mapping: ParticipantMapping, people: Sequence[Person]
) -> None:
    async with transaction(job.pool) as conn:
        known = await store.imported(conn, job.publisher.slug, KIND)
        for person in people:
            named = await _named(conn, job, mapping, person, mint=False)
            _count(report, named, [event for event, _ in _events(job, named, known).values()])


def _count(report: Report, named: NamedPerson, events: Sequence[Checked]) -> list[BadRow]:
    """Count a row by its events; return it if it was refused, otherwise nothing."""
    if named.duplicates:
        report.warn(named.person.row.number, None, [Problem("likely_duplicate", "official_number")])
    problems = tuple(problem for event in events if isinstance(event, Refused) for problem in event.problems)
    if problems:
        report.refuse(named.person.row.number, None, problems)
        return [BadRow(named.person.row, problems)]
    report.taken += bool(events)
    report.unchanged += not events
    for event in events:
        if isinstance(event, Ready):
            report.count(event.event.type)
            report.warn(named.person.row.number, None, event.warnings)
    return []


async def _take(
    report: Report,
    job: ImportJob,
    mapping: ParticipantMapping,
    people: Sequence[Person],
    bad: list[BadRow],
) -> None:
    """Import some rows: mint references, hand names over, accept the facts of people whose name is kept."""
    slug = job.publisher.slug
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, slug, KIND)
        named = [await _named(conn, job, mapping, person, mint=True) for person in people]
        known = await store.imported(conn, slug, KIND, _keys(named))
    fit = []
    for item in named:
        wrong = [event for event, _ in _events(job, item, known).values() if isinstance(event, Refused)]
        if wrong:
            bad += _count(report, item, wrong)
        else:
            fit.append(item)
    await _accept_facts(report, job, await _with_kept_names(report, job, fit, bad), bad)


async def _accept_facts(
    report: Report, job: ImportJob, kept: Sequence[NamedPerson], bad: list[BadRow]
) -> None:
    slug = job.publisher.slug
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, slug, KIND)
        known = await store.imported(conn, slug, KIND, _keys(kept))
        events = [(item, key, *pair) for item in kept for key, pair in _events(job, item, known).items()]
        taken = await accept(
            conn,
            job.publisher,
            [event for _, _, event, _ in events],
            prefix=job.prefix,
            key=job.identity_key,
        )
        after = {
            key: row
            for (_, key, _, row), event in zip(events, taken, strict=True)
            if isinstance(event, Ready)
        }
        await store.remember(conn, job.publisher, KIND, after)
    for item in kept:
        own = [event for (of, _, _, _), event in zip(events, taken, strict=True) if of is item]
        bad += _count(report, item, own)


async def _with_kept_names(
    report: Report, job: ImportJob, named: Sequence[NamedPerson], bad: list[BadRow]
) -> list[NamedPerson]:
    """Hand names over; return the people whose name is kept."""
    kept = []
    for item, handed in zip(named, await _hand_over(job, named), strict=True):
        match handed:
            case Kept():
                kept.append(item)
            case NotKept(problems):
                report.refuse(item.person.row.number, None, problems)
                bad.append(BadRow(item.person.row, problems))
            case Unavailable():
                report.interrupted = Problem("people_unavailable")
    return kept


def _keys(named: Sequence[NamedPerson]) -> list[str]:
    return [key for item in named for key in (item.reference, f"{item.reference} test")]


async def _hand_over(job: ImportJob, named: Sequence[NamedPerson]) -> list[HandOver]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def hand(item: NamedPerson) -> HandOver:
        if not item.person.contact:
            return Kept()
        async with gate:
            return await job.people.put(job.publisher, item.participant, item.reference, item.person.contact)

    return await asyncio.gather(*(hand(item) for item in named))


def _rest(header: Sequence[str], bad: Sequence[BadRow], job: ImportJob) -> str:
    """Return the rows that were not taken as CSV, each with its reasons."""

    def reasons(row: BadRow) -> str:
        told = [job.adviser.tell(p.code, p.field, p.params, job.language) for p in row.problems]
        return " ".join(dict.fromkeys(f"{item.wrong} {item.todo}" for item in told))

    def written(row: Row, reason: str) -> list[str]:
        # Cells beyond the header stay there, so that the row is refused again unless somebody mends it.
        padded = [*row.written, *[""] * len(header)]
        return [*padded[: len(header)], reason, *row.written[len(header) :]]

    ordered = sorted(bad, key=lambda item: item.row.number)
    rows = [written(item.row, reasons(item)) for item in ordered]
    return write_csv([*header, "Grund" if job.language == "de" else "Reason"], rows)
