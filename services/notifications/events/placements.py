"""Reads placements from allocation: stores them, and opens and closes the names on the provider's roster."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schemas import placements as messages
from schemas.codes import SEATED, PlacementState
from schemas.days import add_days
from services.notifications.events import store as publishers
from services.notifications.participation import placements_store as store
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


async def read(
    conn: Connection,
    batch: Sequence[Incoming],
    now: datetime,
    *,
    secrets: PersonSecrets,
    policy: DisclosurePolicy,
) -> list[Verdict]:
    """Apply a batch of `placements`; a step whose version is not newer than the known one changes nothing."""
    steps = [e.event.data for e in batch if isinstance(e.event.data, messages.PlacementStep)]
    known = await store.versions(conn, [step.placement for step in steps])
    slugs = {slug for step in steps for slug in (step.provider, step.office)}
    organisations = await publishers.organisations(conn, slugs)
    latest: dict[UUID, store.PlacementRow] = {}
    offers: dict[UUID, messages.PlaceProposed] = {}
    verdicts: list[Verdict] = []
    for event in batch:
        match event.event.data:
            case messages.PlacementStep() as step if not organisations.keys() >= {step.provider, step.office}:
                unknown = step.office if step.provider in organisations else step.provider
                verdicts.append(Parked(f"publisher:{unknown}", Problem("publisher_unknown")))
                continue
            case messages.PlacementStep() as step if step.version > known.get(step.placement, 0):
                known[step.placement] = step.version
                latest[step.placement] = _row(step, organisations, latest.get(step.placement))
                if isinstance(step, messages.PlaceProposed):
                    offers[step.placement] = step
            case messages.ParticipantsMerged(merged=merged, into=into):
                await store.merge(conn, merged, into)
                await people_store.request_reconciliation(conn, [merged, into])
            case _:
                pass  # a step known before; reasons of the unplaced, outcomes of courses: the steering side's
        verdicts.append(Applied())
    if latest:
        rows = [latest[placement] for placement in sorted(latest)]
        await store.put(conn, rows)
        for placement in sorted(offers):
            await store.put_offer(conn, offers[placement], organisations[offers[placement].office])
        await _open_rosters(conn, rows, now, secrets, policy.roster_days_after_end)
        await people_store.request_reconciliation(conn, [row.participant for row in rows])
    return verdicts


async def _open_rosters(
    conn: Connection, rows: Sequence[store.PlacementRow], now: datetime, secrets: PersonSecrets, days: int
) -> None:
    """Open the names on the provider's roster, until so many days after the end, or close them."""
    shown = [
        people.Disclosure(
            row.participant,
            row.provider_organisation,
            row.provider,
            Purpose.ROSTER,
            row.placement,
            add_days(row.ended_on or row.ends_on, days),
        )
        for row in rows
        if row.state in _ON_ROSTER
    ]
    hidden = [row.placement for row in rows if row.state not in _ON_ROSTER]
    await people.disclose(conn, secrets, shown, now)
    await people.end_disclosures(conn, hidden, now)


def _row(
    step: messages.PlacementStep, organisations: dict[str, str], before: store.PlacementRow | None
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
