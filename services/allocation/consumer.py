"""Routes each event to its handler. Start reading here; docs/path-of-an-event.md tells the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.base import AboutCourse, Payload
from schemas.counts import CountsReported
from schemas.gateway import PublisherProgressed
from schemas.identity import course_id
from schemas.offices import (
    AssignedByAuthority,
    ParticipantChanged,
    ParticipantRegistered,
    ParticipantWithdrawn,
    PlaceAccepted,
    PlaceDeclined,
    PlacementTested,
)
from schemas.providers import (
    CourseAnnounced,
    CourseCancelled,
    CourseChanged,
    CourseCompleted,
    ParticipantLeft,
    PlaceConfirmed,
    PlaceRefused,
    SectionCompleted,
)
from schemas.topics import Family, pattern, topic
from services.allocation.acts.give_up_places import give_up_places
from services.allocation.erasure import judgement
from services.allocation.erasure import store as erasures
from services.allocation.events import answers, courses, participants
from services.allocation.placements import progress
from services.allocation.policy.terms import Terms
from services.allocation.unit_of_work import Keys, UnitOfWork
from services.places.checks import TownsChecked
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import publications
from services.runtime.bookkeeping.erased import WithoutErased, subject_of
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import quarter_of
from services.runtime.events.subscription import (
    Applied,
    Handler,
    Incoming,
    Parked,
    Problem,
    Rejected,
    Subscription,
    Verdict,
)

Decide = Callable[[UnitOfWork, Incoming], Verdict]

ROUTES: Mapping[type[Payload], Decide] = {
    # from providers
    CourseAnnounced: courses.announced,
    CourseChanged: courses.changed,
    CourseCancelled: courses.cancelled,
    SectionCompleted: courses.section_completed,
    CourseCompleted: courses.completed,
    PlaceConfirmed: answers.confirmed,
    PlaceRefused: answers.refused,
    ParticipantLeft: answers.left,
    # from offices
    ParticipantRegistered: participants.registered,
    ParticipantChanged: participants.changed,
    ParticipantWithdrawn: participants.withdrawn,
    PlacementTested: participants.tested,
    AssignedByAuthority: answers.assigned,
    PlaceAccepted: answers.accepted,
    PlaceDeclined: answers.declined,
}

RETRACTABLE = frozenset({PlacementTested, ParticipantLeft})
"""Facts; decisions are undone by their opposite, and what is told whole is told again."""

DECISIONS = frozenset({
    CourseCancelled, ParticipantWithdrawn, AssignedByAuthority, PlaceAccepted, PlaceDeclined, PlaceConfirmed,
    PlaceRefused,
})  # fmt: skip


def subscriptions(prefix: str, terms: Terms, key: IdentityKey) -> list[Subscription]:
    """List what allocation reads; it alone judges `in`."""
    return [
        Subscription(
            name="in",
            pattern=pattern(Family.IN, prefix=prefix),
            handler=judging(prefix, terms, key),
            findings=topic(Family.FINDINGS_STEERING, prefix=prefix),
            judge=True,
            opens=opens,
            overtakes=judgement.erases,
        ),
        Subscription(
            name="erasures",
            topics=(topic(Family.ERASURES, prefix=prefix),),
            handler=judgement.ReadErasures(prefix, terms, key),
        ),
        Subscription(name="progress", topics=(topic(Family.PROGRESS, prefix=prefix),), handler=take_progress),
        Subscription(name="counts", topics=(topic(Family.COUNTS, prefix=prefix),), handler=take_counts),
    ]


def judging(prefix: str, terms: Terms, key: IdentityKey) -> Handler:
    """Return the judge, to whom nothing is said about erased people."""
    judge = TownsChecked(Judge(prefix, terms, key))
    return WithoutErased(judge, key, judgement.verdict_on_erased, erases=judgement.erases)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges what publishers say: loads and locks what a batch touches, decides in order, writes sets."""

    prefix: str
    terms: Terms
    key: IdentityKey

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        """Return a verdict for each event."""
        work, keys = UnitOfWork(self.prefix, now, self.terms), keys_of(batch)
        asked = [incoming for incoming in batch if judgement.erases(incoming)]
        people = await erasures.same_people(conn, {UUID(one.subject) for one in asked}) if asked else {}
        keys.people.update(*people.values())
        await work.load(conn, keys)
        verdicts = _decided(work, batch, people)
        await work.write(conn)
        if not asked:
            return verdicts
        gone = await judgement.begin(conn, self.key, asked, people, prefix=self.prefix, now=now)
        return [
            judgement.verdict_on_erased(one)
            if isinstance(verdict, Parked) and subject_of(one) in gone
            else verdict
            for one, verdict in zip(batch, verdicts, strict=True)
        ]


def _decided(
    work: UnitOfWork, batch: Sequence[Incoming], people: Mapping[UUID, frozenset[UUID]]
) -> list[Verdict]:
    """Decide a batch in order; `people` are those whom it has erased."""
    gone: set[UUID] = set()
    verdicts: list[Verdict] = []
    for incoming in batch:
        if judgement.erases(incoming):
            gone |= (ids := people[UUID(incoming.subject)])
            give_up_places(work, ids, f"office:{incoming.publisher}", incoming)
            verdicts.append(Applied())
        elif subject_of(incoming) in gone:
            verdicts.append(judgement.verdict_on_erased(incoming))
        else:
            verdicts.append(decide(work, incoming))
    return verdicts


def decide(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Decide one event on the work."""
    kind = type(incoming.event.data)
    if incoming.event.retracts is not None and kind not in RETRACTABLE:
        return Rejected(Problem("not_retractable", field="ce_retracts"))
    if incoming.event.corrects is not None and kind in DECISIONS:
        return Rejected(Problem("not_correctable", field="ce_corrects"))
    return ROUTES[kind](work, incoming)


def opens(incoming: Incoming) -> tuple[str, ...]:
    """Return what an event makes known if it is applied: others may be waiting for it."""
    match incoming.event.data:
        case CourseAnnounced():
            return (courses.course_key(UUID(incoming.subject)),)
        case ParticipantRegistered():
            return (participants.participant_key(UUID(incoming.subject)),)
        case PlacementTested() | ParticipantLeft():
            return (participants.event_key(incoming.cause),)
        case _:
            return ()


def keys_of(batch: Sequence[Incoming]) -> Keys:
    """Return what has to be loaded to decide these events."""
    keys = Keys()
    for incoming in batch:
        slug = incoming.publisher or ""
        said = incoming.event.data
        match said:
            case PlaceConfirmed() | PlaceRefused() | ParticipantLeft():
                keys.courses.add(said.course_id(slug))
                keys.people.add(said.participant)
            case AboutCourse():
                keys.whole_courses.add(said.course_id(slug))
            case AssignedByAuthority():
                keys.people.add(UUID(incoming.subject))
                keys.courses.add(course_id(said.provider, said.course))
            case _:
                keys.people.add(UUID(incoming.subject))
        match said:
            case PlaceConfirmed() | PlaceRefused() | PlaceAccepted() | PlaceDeclined():
                keys.placements.add(said.placement)
            case SectionCompleted():
                keys.people.update(step.participant for step in said.steps)
            case CourseCompleted():
                keys.completed.add(said.course_id(slug))
            case PlacementTested():
                keys.tested.add(UUID(incoming.subject))
            case CourseAnnounced() | ParticipantRegistered() | ParticipantChanged():
                keys.publishers.add(slug)
            case _:
                pass
    return keys


async def take_progress(
    conn: asyncpg.Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - a handler
) -> Sequence[Verdict]:
    """Keep how far the gateway says each publisher has spoken; it never goes back."""
    await progress.write(
        conn, [said for item in batch if isinstance(said := item.event.data, PublisherProgressed)]
    )
    return [Applied() for _ in batch]


async def take_counts(
    conn: asyncpg.Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - a handler
) -> Sequence[Verdict]:
    """Keep what the support side publishes; what was said before of a quarter stays as it is."""
    for item in batch:
        if isinstance(said := item.event.data, CountsReported):
            bands = {part.name: Band(part.low, part.high) for part in said.parts}
            quarter = quarter_of(said.quarter)
            await publications.keep(
                conn, Publication(said.kreis, said.figure, quarter, said.counted_on, said.k, bands)
            )
    return [Applied() for _ in batch]
