"""Reads who sits in which course on which day, as placements tell it; a provider's word seats nobody."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.notifications.consents import store as consents
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Span:
    """From the first day of a place to its last, None while it lasts."""

    first: date
    last: date | None


@dataclass(slots=True)
class Seats:
    """The places of people in courses, by the integer of their id: hashing a UUID is slow."""

    spans: dict[UUID, dict[int, list[Span]]] = field(default_factory=lambda: defaultdict(dict))

    def on(self, course: UUID, person: UUID, day: date) -> bool:
        """Return whether a person sits in a course on a day."""
        spans = self.spans[course].get(person.int, ())
        return any(one.first <= day and (one.last is None or day <= one.last) for one in spans)

    def begun(self, course: UUID, person: UUID, day: date) -> bool:
        """Return whether a person sits, or sat, in a course by a day: examinations come after the end."""
        return any(one.first <= day for one in self.spans[course].get(person.int, ()))

    def people(self, course: UUID) -> list[UUID]:
        """List everybody who sits, or sat, in a course."""
        return [UUID(int=person) for person in self.spans[course]]


async def seats_in(conn: Connection, courses: Sequence[UUID]) -> Seats:
    """Read who sits in these courses: from acceptance on, to the day the enrolment ended.

    A merged person sits there under each of their ids, for reports may name any of them.
    """
    rows = await conn.fetch(
        """
        SELECT p.course_id, p.participant_id, p.ended_on, least(p.starts_on, (
            SELECT min((s ->> 'starts_on')::date) FROM jsonb_array_elements(c.sections) AS s
            WHERE (s ->> 'number')::integer = p.entry_section)) AS first
        FROM placement AS p LEFT JOIN course AS c USING (course_id)
        WHERE p.course_id = ANY($1::uuid[]) AND p.released
            AND (p.state IN ('accepted', 'confirmed', 'started', 'interrupted') OR p.ended_on IS NOT NULL)
        """,
        list(courses),
    )
    others = await consents.other_ids(conn, sorted({row["participant_id"] for row in rows}))
    seats = Seats()
    for row in rows:
        span = Span(row["first"], row["ended_on"])
        for person in (row["participant_id"], *others.get(row["participant_id"], ())):
            seats.spans[row["course_id"]].setdefault(person.int, []).append(span)
    return seats


async def registering_offices(
    conn: Connection, seats: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], str]:
    """Return which office registered the person of each seat (course, person) that is held now.

    A seat counts under the id that the roster shows: a consent covers what is known under its own id.
    """
    rows = await conn.fetch(
        """
        SELECT p.course_id, p.participant_id, coalesce(f.office, p.office) AS office
        FROM unnest($1::uuid[], $2::uuid[]) AS asked (course, person)
        JOIN placement AS p ON p.course_id = asked.course AND p.participant_id = asked.person
        LEFT JOIN participant_fact AS f ON f.participant_id = p.participant_id
        WHERE p.released AND p.state IN ('accepted', 'confirmed', 'started', 'interrupted')
        """,
        [course for course, _ in seats],
        [person for _, person in seats],
    )
    return {(row["course_id"], row["participant_id"]): row["office"] for row in rows}
