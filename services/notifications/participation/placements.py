"""Placements as allocation says them: who may see whom on a roster, which enrolments are open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas import placements as said
from schemas.codes import SEATED, PlacementState
from services.notifications.participation import facts_store
from services.notifications.participation import placements_store as store
from services.notifications.people import handlers as people
from services.notifications.people import store as people_store
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import Purpose
from services.notifications.settings import Policy
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Verdict

_ON_ROSTER = (SEATED - {PlacementState.RESERVED}) | {
    PlacementState.COMPLETED,
    PlacementState.LEFT,
    PlacementState.TRANSFERRED,
}
"""States in which the provider may know who it is: from acceptance on, and some days after the end."""


@dataclass(frozen=True, slots=True)
class PlacementReader:
    """Reads `placements`; versions lower than what is known are dropped."""

    keyring: Keyring
    policy: Policy

    async def __call__(self, conn: Connection, batch: Sequence[Incoming], now: datetime) -> list[Verdict]:
        """Return one verdict per event."""
        steps = [e.event.data for e in batch if isinstance(e.event.data, said.PlacementStep)]
        known = await store.versions(conn, [step.placement for step in steps])
        slugs = {step.provider for step in steps} | {step.office for step in steps}
        organisations = await facts_store.organisations(conn, slugs)
        latest: dict[UUID, store.Row] = {}
        offers: dict[UUID, said.PlaceProposed] = {}
        verdicts: list[Verdict] = []
        for event in batch:
            match event.event.data:
                case said.PlacementStep() as step:
                    unknown = next((s for s in (step.provider, step.office) if s not in organisations), None)
                    if unknown is not None:
                        verdicts.append(Parked(f"publisher:{unknown}", Problem("publisher_unknown")))
                        continue
                    if step.version > known.get(step.placement, 0):
                        known[step.placement] = step.version
                        latest[step.placement] = _row(step, organisations, latest.get(step.placement))
                        if isinstance(step, said.PlaceProposed):
                            offers[step.placement] = step
                case said.ParticipantsMerged(merged=merged, into=into):
                    await store.merge(conn, merged, into)
                    await people_store.ask_again(conn, [merged, into])
                case _:
                    pass  # reasons of the unplaced and outcomes of courses concern the steering side
            verdicts.append(Applied())
        if latest:
            await self._write(conn, latest, offers, organisations, now)
        return verdicts

    async def _write(
        self,
        conn: Connection,
        latest: dict[UUID, store.Row],
        offers: dict[UUID, said.PlaceProposed],
        organisations: dict[str, str],
        now: datetime,
    ) -> None:
        rows = [latest[placement] for placement in sorted(latest)]
        await store.put(conn, rows)
        for placement in sorted(offers):
            await store.put_offer(conn, offers[placement], organisations[offers[placement].office])
        shown = [row for row in rows if row.state in _ON_ROSTER]
        hidden = [row.placement for row in rows if row.state not in _ON_ROSTER]
        await people.disclose(conn, self.keyring, [self._roster(row) for row in shown], now)
        await people.end_disclosures(conn, hidden, now)
        await people_store.ask_again(conn, [row.participant for row in rows])

    def _roster(self, row: store.Row) -> people.Disclosed:
        last: date = row.ended_on or row.ends_on
        until = last + timedelta(days=self.policy.disclosure.roster_days_after_end)
        return people.Disclosed(
            row.participant, row.provider_organisation, row.provider, Purpose.ROSTER, row.placement, until
        )


def _row(step: said.PlacementStep, organisations: dict[str, str], before: store.Row | None) -> store.Row:
    match step:
        case said.PlaceReserved(expires_at=expires_at):
            expires: datetime | None = expires_at
        case _:
            expires = before.expires_at if before is not None else None
    return store.Row(
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
        own_number=step.own_number if isinstance(step, said.EnrolmentConfirmed) else None,
        ended_on=step.ended_on if isinstance(step, said.EnrolmentEnded) else None,
        decided_at=step.decided_at,
    )
