"""Imports an office's list of people: names to the support side first, then facts to Kafka."""

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
from services.gateway.accepting import Checked, Ready, Refused, accept, own_event
from services.gateway.files import store
from services.gateway.files.content import content_hash, event_id
from services.gateway.files.course_import import Job
from services.gateway.files.mapping import ParticipantMapping
from services.gateway.files.people_rows import BadRow, Person, read_person
from services.gateway.files.report import Report, RowFinding
from services.gateway.files.store import Imported
from services.gateway.files.tables import Row, Table, read_table, write_csv
from services.gateway.files.values import word
from services.gateway.findings.advice import Adviser
from services.gateway.people import Kept, NotKept, People, Unavailable
from services.gateway.references import Minted, known_reference, number_mac, reference_for
from services.runtime.data.db import transaction

KIND = "participants"
_CHUNK = 50
_AT_ONCE = 4
_PREVIEW = 10


@dataclass(frozen=True, slots=True)
class Named:
    """A usable row whose person has a reference and an id."""

    person: Person
    reference: str
    participant: UUID
    duplicates: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What an import of people needs beyond a job."""

    people: People
    installation_key: str
    adviser: Adviser
    language: str


async def import_people(
    job: Job, desk: Desk, raw: bytes, mapping: ParticipantMapping, *, check_only: bool = False
) -> Report:
    """Import the clean rows; the others come back as a file with reasons, and nothing of them is kept."""
    report = Report(KIND, check_only)
    named = mapping.named()
    table = await asyncio.to_thread(read_table, raw, list(named.values()))
    if isinstance(table, Problem):
        report.file_problems.append(table)
        return report
    header = {name for row in table.rows[:1] for name in row.cells}
    report.rows = len(table.rows)
    report.file_problems += _missing_columns(named, header)
    if any(problem.field in {"reference", "official_number"} for problem in report.file_problems):
        return report
    people, bad = await asyncio.to_thread(_read_rows, job, table, mapping)
    _note(report, people, bad)
    if check_only:
        report.preview = [
            {"row": person.row.number, "facts": person.facts, "contact": person.contact}
            for person in people[:_PREVIEW]
        ]
        await _check(report, job, desk, mapping, people)
    else:
        async with transaction(job.pool) as conn:
            run = await store.start_run(conn, job.publisher, KIND, hashlib.sha256(raw).digest(), None)
        for start in range(0, len(people), _CHUNK):
            await _take(report, job, desk, mapping, people[start : start + _CHUNK], bad)
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
    report.rest = _rest(table, bad, desk) if bad else None
    return report


def _missing_columns(named: Mapping[str, str], header: set[str]) -> list[Problem]:
    return [Problem("column_missing", name) for name, column in named.items() if word(column) not in header]


def _read_rows(job: Job, table: Table, mapping: ParticipantMapping) -> tuple[list[Person], list[BadRow]]:
    people: dict[str, Person] = {}
    bad: list[BadRow] = []
    for row in table.rows:
        read = read_person(mapping, row, kreise=job.publisher.kreise, today=job.now.date())
        if isinstance(read, BadRow):
            bad.append(read)
            continue
        key = read.reference or read.number or ""
        if key in people:
            bad.append(BadRow(row, (Problem("row_twice", "reference"),)))
        else:
            people[key] = read
    return list(people.values()), bad


def _note(report: Report, people: Sequence[Person], bad: Sequence[BadRow]) -> None:
    for row in bad:
        report.refused += 1
        report.findings += [
            RowFinding(row.row.number, None, refused=True, problem=problem) for problem in row.problems
        ]
    for person in people:
        report.findings += [
            RowFinding(person.row.number, None, refused=False, problem=problem) for problem in person.warnings
        ]


async def _names(
    conn: asyncpg.Connection, job: Job, desk: Desk, mapping: ParticipantMapping, person: Person, *, mint: bool
) -> Named:
    """Find the person's reference; an official number is used for that only."""
    if person.reference is not None:
        return Named(person, person.reference, participant_id(job.publisher.slug, person.reference))
    mac = number_mac(desk.installation_key, mapping.scheme or "", person.number or "")
    if mint:
        minted = await reference_for(conn, job.publisher, mac)
    else:
        minted = await known_reference(conn, job.publisher, mac) or Minted("", UUID(int=0), ())
    return Named(person, minted.reference, minted.participant, minted.likely_duplicates)


def _events(job: Job, named: Named, before: Mapping[str, Imported]) -> dict[str, tuple[Checked, Imported]]:
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
        last, content = before.get(key), content_hash(data)
        if last is not None and last.content == content:
            continue
        type_ = ParticipantChanged.type_ if known is not None and key == reference else type_  # noqa: PLW2901
        id_ = event_id(job.publisher.slug, KIND, key, content, last.event_id if last else None)
        sent = {"reference": reference} | data
        if type_ == ParticipantChanged.type_:
            sent.pop("registered_on", None)
        found[key] = (
            own_event(job.publisher, type_, id_, sent, job.now),
            Imported(content, id_, None, gone=False),
        )
    return found


async def _check(
    report: Report, job: Job, desk: Desk, mapping: ParticipantMapping, people: Sequence[Person]
) -> None:
    async with transaction(job.pool) as conn:
        known = await store.imported(conn, job.publisher.slug, KIND)
        for person in people:
            named = await _names(conn, job, desk, mapping, person, mint=False)
            _count(report, named, [event for event, _ in _events(job, named, known).values()])


def _count(report: Report, named: Named, events: Sequence[Checked]) -> BadRow | None:
    """Count a row by its events; return it if it was refused."""
    if named.duplicates:
        report.findings.append(
            RowFinding(
                named.person.row.number,
                None,
                refused=False,
                problem=Problem("likely_duplicate", "official_number"),
            )
        )
    problems = tuple(problem for event in events if isinstance(event, Refused) for problem in event.problems)
    if problems:
        report.refused += 1
        report.findings += [
            RowFinding(named.person.row.number, None, refused=True, problem=problem) for problem in problems
        ]
        return BadRow(named.person.row, problems)
    report.taken += bool(events)
    report.unchanged += not events
    for event in events:
        if isinstance(event, Ready):
            report.count(event.event.type)
    return None


async def _take(  # noqa: PLR0917 - the steps of one chunk
    report: Report,
    job: Job,
    desk: Desk,
    mapping: ParticipantMapping,
    people: Sequence[Person],
    bad: list[BadRow],
) -> None:
    """Take some rows: references, then names to the support side, then the facts of whose name is kept."""
    slug = job.publisher.slug
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, slug, KIND)
        named = [await _names(conn, job, desk, mapping, person, mint=True) for person in people]
        known = await store.imported(conn, slug, KIND, _keys(named))
    fit = []
    for item in named:
        wrong = [event for event, _ in _events(job, item, known).values() if isinstance(event, Refused)]
        refused = _count(report, item, wrong) if wrong else None
        if refused is not None:
            bad.append(refused)
        else:
            fit.append(item)
    kept = []
    for item, handed in zip(fit, await _hand_over(job, desk, fit), strict=True):
        match handed:
            case Kept():
                kept.append(item)
            case NotKept(problems):
                report.refused += 1
                report.findings += [
                    RowFinding(item.person.row.number, None, refused=True, problem=wrong)
                    for wrong in problems
                ]
                bad.append(BadRow(item.person.row, problems))
            case Unavailable():
                report.interrupted = Problem("people_unavailable")
    async with transaction(job.pool) as conn:
        await store.lock_imports(conn, slug, KIND)
        known = await store.imported(conn, slug, KIND, _keys(kept))
        events = [(item, key, *pair) for item in kept for key, pair in _events(job, item, known).items()]
        taken = await accept(conn, job.publisher, [event for _, _, event, _ in events], prefix=job.prefix)
        after = {
            key: row
            for (_, key, _, row), event in zip(events, taken, strict=True)
            if isinstance(event, Ready)
        }
        await store.remember(conn, job.publisher, KIND, after)
    for item in kept:
        own = [event for (of, _, _, _), event in zip(events, taken, strict=True) if of is item]
        refused = _count(report, item, own)
        if refused is not None:
            bad.append(refused)


def _keys(named: Sequence[Named]) -> list[str]:
    return [key for item in named for key in (item.reference, f"{item.reference} test")]


async def _hand_over(job: Job, desk: Desk, named: Sequence[Named]) -> list[Kept | NotKept | Unavailable]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def hand(item: Named) -> Kept | NotKept | Unavailable:
        if not item.person.contact:
            return Kept()
        async with gate:
            return await desk.people.put(job.publisher, item.participant, item.reference, item.person.contact)

    return await asyncio.gather(*(hand(item) for item in named))


def _rest(table: Table, bad: Sequence[BadRow], desk: Desk) -> str:
    """Write the rows that were not taken, each with its reasons, for who asked."""

    def reasons(row: BadRow) -> str:
        told = [desk.adviser.tell(p.code, p.field, p.params, desk.language) for p in row.problems]
        return " ".join(dict.fromkeys(f"{item.wrong} {item.todo}" for item in told))

    def written(row: Row) -> list[str]:
        padded = [*row.written, *[""] * len(table.header)]
        return padded[: len(table.header)]

    header = [*table.header, "Grund" if desk.language == "de" else "Reason"]
    ordered = sorted(bad, key=lambda item: item.row.number)
    return write_csv(header, [[*written(item.row), reasons(item)] for item in ordered])
