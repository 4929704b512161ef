"""Reads how people stand, and which of them are to be looked at because a day has begun."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import asyncpg

from schemas.codes import CourseKind, Exam, ExamResult, SectionGrade, kind_of
from schemas.days import local_day
from services.notifications.consents import store as consents
from services.notifications.participation.results_store import REACHED
from services.notifications.risk.domain import Matter, OpenRisk, Rule
from services.notifications.risk.standing import Key, Place, Result, Standing
from services.notifications.risk.store import RiskRow
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of people: somebody who was registered twice has several."""

    others: Mapping[UUID, Sequence[UUID]] = field(default_factory=dict)
    merged: frozenset[UUID] = frozenset()
    """Those that were merged into another one."""

    def of(self, person: UUID) -> list[UUID]:
        """Return all ids of a person, first the one that the others were merged into."""
        return sorted((person, *self.others.get(person, ())), key=lambda one: (one in self.merged, one))

    def all(self, people: Iterable[UUID]) -> list[UUID]:
        """Return all ids of people."""
        return sorted({one for person in people for one in self.of(person)})


async def ids_of(conn: Connection, participants: Sequence[UUID]) -> Ids:
    """Read under which other ids people are known."""
    others = await consents.other_ids(conn, participants)
    if not others:
        return Ids()
    known = sorted({*participants, *(one for of_person in others.values() for one in of_person)})
    rows = await conn.fetch("SELECT merged FROM participant_merge WHERE merged = ANY($1::uuid[])", known)
    return Ids(others, frozenset(row["merged"] for row in rows))


async def standings(
    conn: Connection, participants: Sequence[UUID], ids: Ids, open_: Mapping[UUID, Mapping[Key, RiskRow]]
) -> dict[UUID, Standing]:
    """Read how people stand, each under all of their ids.

    What is known under another id settles a matter, and keeps one open that is open; it raises none: a
    consent covers what is known under the id it was given under.
    """
    people = ids.all(participants)
    facts = {
        row["participant_id"]: row
        for row in await conn.fetch(
            """
            SELECT participant_id, registered_on, withdrawn_on, right_until FROM participant_fact
            WHERE participant_id = ANY($1::uuid[])
            """,
            people,
        )
    }
    places: dict[UUID, list[Place]] = defaultdict(list)
    hours: dict[UUID, int] = defaultdict(int)
    for row in await _places(conn, people):
        integration = kind_of(row["course_type"] or "") is CourseKind.INTEGRATION
        places[row["participant_id"]].append(_place(row, integration=integration))
        if integration:
            hours[row["participant_id"]] += int(row["ue"])
    results = await _results(conn, people)
    return {
        person: _standing(
            next((facts[one] for one in ids.of(person) if one in facts), None),
            tuple(place for one in ids.of(person) for place in places[one]),
            tuple(one for id_ in ids.of(person) for one in results[id_] if id_ == person or one.reached),
            ue=sum(hours[one] for one in ids.of(person)),
            open_=frozenset(open_.get(person, {})),
            elsewhere=frozenset(place.course for one in ids.of(person) for place in places[one])
            - {place.course for place in places[person]},
        )
        for person in participants
    }


def _standing(
    fact: asyncpg.Record | None,
    places: tuple[Place, ...],
    results: tuple[Result, ...],
    *,
    ue: int,
    open_: frozenset[Key],
    elsewhere: frozenset[UUID],
) -> Standing:
    if fact is None:
        return Standing(places=places, results=results, ue_used=ue, open=open_, elsewhere=elsewhere)
    return Standing(
        registered_on=fact["registered_on"],
        withdrawn=fact["withdrawn_on"] is not None,
        right_until=fact["right_until"],
        places=places,
        results=results,
        ue_used=ue,
        open=open_,
        elsewhere=elsewhere,
    )


async def _places(conn: Connection, people: Sequence[UUID]) -> list[asyncpg.Record]:
    """Return places that were released, each with the hours that were held while the person sat there."""
    return await conn.fetch(
        """
        SELECT p.participant_id, p.course_id, p.state, p.decided_at, p.starts_on, p.expires_at, p.ended_on,
        c.course_type, coalesce((SELECT sum(d.ue_held) FROM course_day AS d WHERE d.course_id = p.course_id
            AND d.day >= p.starts_on AND d.day <= coalesce(p.ended_on, 'infinity')), 0)::integer AS ue
        FROM placement AS p LEFT JOIN course AS c USING (course_id)
        WHERE p.participant_id = ANY($1::uuid[]) AND p.released
        ORDER BY p.participant_id, p.decided_at, p.placement_id
        """,
        list(people),
    )


def _place(row: asyncpg.Record, *, integration: bool) -> Place:
    return Place(
        course=row["course_id"],
        state=row["state"],
        since=local_day(row["decided_at"]),
        starts_on=row["starts_on"],
        expires_on=local_day(row["expires_at"]) if row["expires_at"] else None,
        ended_on=row["ended_on"],
        integration=integration,
    )


async def _results(conn: Connection, people: Sequence[UUID]) -> dict[UUID, list[Result]]:
    found: dict[UUID, list[Result]] = defaultdict(list)
    for row in await conn.fetch(
        """
        SELECT participant_id, course_id, tested_on AS day, 'section' AS kind, grade AS result
        FROM section_result WHERE participant_id = ANY($1::uuid[])
        UNION ALL
        SELECT participant_id, course_id, taken_on, exam, result FROM exam_result
        WHERE participant_id = ANY($1::uuid[])
        """,
        list(people),
    ):
        found[row["participant_id"]].append(_result(row))
    return found


def _result(row: asyncpg.Record) -> Result:
    kind = {"section": "section", Exam.LID: "lid"}.get(row["kind"], "language")
    if kind == "section":
        return Result(row["course_id"], row["day"], kind, row["result"] != SectionGrade.BELOW)
    sat = row["result"] != ExamResult.ABSENT
    return Result(row["course_id"], row["day"], kind, row["result"] in REACHED, sat)


async def open_risks(conn: Connection, participants: Sequence[UUID]) -> dict[UUID, dict[Key, RiskRow]]:
    """Lock and return the open risks of people, but for those about attendance."""
    found: dict[UUID, dict[Key, RiskRow]] = defaultdict(dict)
    for row in await conn.fetch(
        """
        SELECT risk_id, participant_id, course_id, matter, rule, since FROM risk
        WHERE participant_id = ANY($1::uuid[]) AND matter <> 'attendance' AND state = 'open'
        ORDER BY risk_id FOR UPDATE
        """,
        list(participants),
    ):
        known = OpenRisk(Matter(row["matter"]), Rule(row["rule"]), row["since"])
        found[row["participant_id"]][known.matter, row["course_id"]] = RiskRow(row["risk_id"], known)
    return found


async def begin_round(conn: Connection, day: date) -> bool:
    """Queue everybody who consents or has an unanswered alert, once a day.

    Return False if that was done for this or a later day. Unanswered alerts leave an office that is closed
    on this day.
    """
    begun = await conn.fetchval(
        """
        INSERT INTO risk_round (day) VALUES ($1) ON CONFLICT (one) DO UPDATE SET day = EXCLUDED.day
        WHERE risk_round.day < EXCLUDED.day RETURNING true
        """,
        day,
    )
    if not begun:
        return False
    await conn.execute(
        """
        INSERT INTO reconsider (participant_id, asked_at)
        SELECT participant_id, NULL::timestamptz FROM consent WHERE ended_at IS NULL
            AND purpose IN ('dropout_support', 'after_course')
        UNION SELECT participant_id, NULL FROM alert
            WHERE state IN ('new', 'seen') AND participant_id IS NOT NULL
        ORDER BY participant_id
        ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1
        """
    )
    return True
