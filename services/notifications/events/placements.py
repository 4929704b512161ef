"""Reads what allocation tells: placements, with the names on rosters, courses, people, measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas import placements as messages
from schemas.base import Payload
from schemas.codes import ENROLLED, SEATED, PlacementState
from schemas.days import add_days
from schemas.measures import MeasureStated
from services.notifications.events import states
from services.notifications.events import store as publishers
from services.notifications.participation import facts_store, measures_store
from services.notifications.participation import placements_store as store
from services.notifications.participation.reports import latest_day
from services.notifications.people import handlers as people
from services.notifications.people import store as people_store
from services.notifications.people.domain import Purpose
from services.notifications.people.keys import PersonSecrets
from services.notifications.settings import DisclosurePolicy
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Verdict

_ON_ROSTER = (SEATED - {PlacementState.RESERVED}) | {
    PlacementState.COMPLETED,
    PlacementState.LEFT,
    PlacementState.TRANSFERRED,
}
"""States in which the provider may know who it is: from acceptance on, and some days after the end."""


@dataclass(frozen=True, slots=True)
class _Roster:
    """The keys that open names to providers, and how many days after the end they stay open."""

    secrets: PersonSecrets
    days_after_end: int


async def read(
    conn: Connection,
    batch: Sequence[Incoming],
    now: datetime,
    *,
    secrets: PersonSecrets,
    policy: DisclosurePolicy,
) -> list[Verdict]:
    """Apply a batch of `placements`; what is not newer than what is known changes nothing."""
    said = [event.event.data for event in batch]
    organisations = await publishers.organisations(conn, {slug for data in said for slug in _named(data)})
    verdicts = [_verdict(data, organisations) for data in said]
    applied = [data for data, verdict in zip(said, verdicts, strict=True) if isinstance(verdict, Applied)]
    courses = [data for data in applied if isinstance(data, messages.CourseStated)]
    stated_people = [data for data in applied if isinstance(data, messages.ParticipantStated)]
    await measures_store.put(conn, [data for data in applied if isinstance(data, MeasureStated)])
    steps = [data for data in applied if isinstance(data, messages.PlacementStep)]
    if courses:
        await states.take_courses(conn, courses, now)
    if stated_people:
        await states.take_people(conn, stated_people, organisations)
    for data in applied:
        if isinstance(data, messages.ParticipantsMerged) and data.merged != data.into:
            await store.merge(conn, data.merged, data.into)
            await people_store.request_reconciliation(conn, [data.merged, data.into])
    if steps:
        await _take_steps(conn, steps, organisations, now, _Roster(secrets, policy.roster_days_after_end))
    return verdicts


def _named(data: Payload) -> tuple[str, ...]:
    """Return the publishers whose organisation has to be known."""
    match data:
        case messages.PlacementStep(provider=provider, office=office):
            return provider, office
        case messages.ParticipantStated(office=office):
            return (office,)
        case _:
            return ()


def _verdict(data: Payload, organisations: Mapping[str, str]) -> Verdict:
    unknown = next((slug for slug in _named(data) if slug not in organisations), None)
    if unknown is not None:
        return Parked(f"publisher:{unknown}", Problem("publisher_unknown"))
    if isinstance(data, messages.CourseStated):
        return Applied(unlocks=(states.course_key(data.course),))
    return Applied()


async def _take_steps(
    conn: Connection,
    steps: Sequence[messages.PlacementStep],
    organisations: Mapping[str, str],
    now: datetime,
    roster: _Roster,
) -> None:
    known = await store.versions(conn, [step.placement for step in steps])
    latest: dict[UUID, store.PlacementRow] = {}
    offers: dict[UUID, messages.PlaceProposed] = {}
    for step in steps:
        if step.version <= known.get(step.placement, 0):
            continue
        known[step.placement] = step.version
        latest[step.placement] = _row(step, organisations, latest.get(step.placement))
        if isinstance(step, messages.PlaceProposed):
            offers[step.placement] = step
    if not latest:
        return
    rows = [latest[placement] for placement in sorted(latest)]
    await store.put(conn, rows)
    for placement in sorted(offers):
        await store.put_offer(conn, offers[placement], organisations[offers[placement].office])
    await _open_rosters(conn, rows, now, roster)
    moved = {row.course for row in rows if row.ended_on is not None or row.state in ENROLLED}
    await facts_store.assess_again(conn, sorted(moved), latest_day(now))
    await people_store.request_reconciliation(conn, [row.participant for row in rows])


async def _open_rosters(
    conn: Connection, rows: Sequence[store.PlacementRow], now: datetime, roster: _Roster
) -> None:
    """Open the names on the provider's roster, until so many days after the end, or close them."""
    shown = [
        people.Disclosure(
            row.participant,
            row.provider_organisation,
            row.provider,
            Purpose.ROSTER,
            row.placement,
            add_days(row.ended_on or row.ends_on, roster.days_after_end),
        )
        for row in rows
        if row.state in _ON_ROSTER
    ]
    hidden = [row.placement for row in rows if row.state not in _ON_ROSTER]
    await people.disclose(conn, roster.secrets, shown, now)
    await people.end_disclosures(conn, hidden, now)


def _row(
    step: messages.PlacementStep, organisations: Mapping[str, str], before: store.PlacementRow | None
) -> store.PlacementRow:
    if isinstance(step, messages.PlaceReserved):
        expires = step.expires_at
    else:
        expires = before.expires_at if before is not None else None
    return store.PlacementRow(
        placement=step.placement,
        version=step.version,
        participant=step.participant,
        course=step.course,
        provider=step.provider,
        provider_organisation=organisations[step.provider],
        own_course=step.own_course,
        office=step.office,
        office_organisation=organisations[step.office],
        kreis=step.kreis,
        entry_section=step.entry_section,
        starts_on=step.starts_on,
        ends_on=step.ends_on,
        state=step.to_state,
        released=step.to_state in SEATED or step.from_state in SEATED,
        reason=step.reason.model_dump(),
        expires_at=expires,
        own_number=step.own_number if isinstance(step, messages.EnrolmentConfirmed) else None,
        ended_on=step.ended_on if isinstance(step, messages.EnrolmentEnded) else None,
        decided_at=step.decided_at,
    )
