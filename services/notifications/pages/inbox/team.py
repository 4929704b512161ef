"""Serves the lead's page of an office: who has how much, how soon it answers, what risks were worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.offices import own_store
from services.notifications.offices.domain import OfficeHours, hours_between
from services.notifications.offices.store import hours_by_row
from services.notifications.pages.context import Context, slug_of
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.filters import mark_of
from services.notifications.pages.inbox.pages import waits
from services.notifications.pages.risk_rules.words import rule_name
from services.notifications.pages.roles import AUDITOR, TEAM_LEAD
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/inbox", include_in_schema=False)
TeamReader = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, reading=(AUDITOR,)))]
DAYS = 90
FEWEST_PEOPLE = 3
"""With fewer counsellors the office's response time would be that of a person."""


@dataclass(frozen=True, slots=True)
class Responses:
    """How soon an office has answered, in its own hours."""

    raised: int
    answered: int
    median: float | None
    nine_in_ten: float | None
    escalated: int


def responses_of(rows: Sequence[asyncpg.Record], hours: OfficeHours) -> Responses:
    """Count how soon alerts were answered; those that are still open count as not answered."""
    taken = sorted(
        hours_between(row["got_at"], row["answered_at"], hours) for row in rows if row["answered_at"]
    )
    return Responses(
        len(rows),
        len(taken),
        rank_of(taken, 0.5),
        rank_of(taken, 0.9),
        sum(row["escalated_at"] is not None for row in rows),
    )


def rank_of(values: Sequence[float], share: float) -> float | None:
    """Return the value that this share of the sorted values does not exceed; None of nothing.

    >>> rank_of([1.0, 2.0, 3.0, 4.0], 0.5), rank_of([1.0], 0.9), rank_of([], 0.5)
    (2.0, 1.0, None)
    """
    return values[max(0, ceil(share * len(values)) - 1)] if values else None


@router.get("/team")
async def team(request: Request, context: Context, visitor: TeamReader) -> Response:
    """Show the caseload of each counsellor, and of the office as a whole how it answers and judges."""
    web = web_of(request)
    texts = web.texts(request)
    own = (visitor.organisation or "", slug_of(visitor))
    since = context.now() - timedelta(days=DAYS)
    async with context.open(visitor) as conn:
        people = await store.counsellors(conn, *own)
        cases = {row["taken_by"]: row for row in await store.caseload(conn, *own, context.now())}
        verdicts = await store.verdicts(conn, *own, since)
        answers = await store.answers(conn, *own, since)
        entry = await own_store.office(conn, own[1])
    names = {one["key"]: one["name"] for one in people}
    gone = [key for key in cases if key is not None and key not in names]
    enough = len(people) >= FEWEST_PEOPLE
    return web.page(
        request,
        "inbox-team.html",
        office=entry["name"] if entry else own[1],
        slug=own[1],
        reads_only=request.state.reads_only,
        capacity=entry["capacity"] if entry else 0,
        open=sum(row["open"] + row["put_off"] for row in cases.values()),
        people=[
            (name, mark_of(key), cases.get(key), key in gone)
            for key, name in [*names.items(), *((key, web.sign_in.name_of(key) or key) for key in gone)]
        ],
        free=cases.get(None),
        waits=lambda moment: waits(texts, context.now() - moment),
        days=DAYS,
        fewest=FEWEST_PEOPLE,
        responses=responses_of(answers, hours_by_row(entry)) if enough and entry else None,
        verdicts=[(rule_name(texts, row["rule"] or ""), row, judged(row)) for row in verdicts],
    )


def judged(row: asyncpg.Record) -> int:
    """Return of how many alerts the office said what it thought."""
    return int(row["useful"] + row["not_needed"] + row["false_alarm"])
