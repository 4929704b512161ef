"""Shows the waiting list: people by reference, with legal clocks and the main reason."""

from collections.abc import Sequence
from functools import partial

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import explanation_store
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.visit import CoordinatorVisit, Moment
from services.allocation.console.lists import people
from services.allocation.console.lists.choices import AVAILABLE, HOME, LEVEL, OFFICE, TYPE, status
from services.allocation.console.lists.listing import Asked, Filter, Listing, rows_of
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import MOST_LINES, csv_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.codes import word
from services.texts.reasons import condition, sentence

router = APIRouter(include_in_schema=False)
SUMS = 5
"""Kinds of help named above the waiting list."""


WAITING = Listing(
    "/waiting",
    (
        TYPE,
        LEVEL,
        HOME,
        OFFICE,
        AVAILABLE,
        status("waiting"),
        Filter("deadline", msgid("Deadline")),
        Filter("reason", msgid("Main reason")),
    ),
    {
        "reference": msgid("Reference"),
        "office": msgid("Registering office"),
        "since": msgid("Waiting since"),
        "deadline": msgid("Deadlines"),
        "level": msgid("Level"),
        "reason": msgid("Main reason"),
    },
    msgid("the nearest deadline first"),
)


@router.get("/waiting")
async def waiting(visit: CoordinatorVisit) -> Response:
    """List who waits, by reference, with clocks and the main reason."""
    moment, texts = visit.moment(), visit.texts
    async with visit.open() as conn:
        asked = await visit.asked(conn, WAITING)
        rows = await rows_of(asked, partial(_waiting, conn, moment, asked))
        named = asked.only("deadline") or asked.only("reason")
        figures = await figures_of(conn, visit.day(moment)) if named else None
        sums = [one for one in await explanation_store.remedy_sums(conn) if one["code"] != "none"][:SUMS]
    return visit.page(
        "waiting.html",
        asked=asked,
        rows=rows,
        sums=sums,
        condition=lambda code: condition(texts, code),
        moment=moment,
        figures=figures,
        named=NAMED,
        clocks=lambda row: running_clocks(row, moment.entitlements),
        priority=lambda row: priority_of(row, moment.rules),
    )


async def _waiting(
    conn: asyncpg.Connection, moment: Moment, asked: Asked, limit: int, offset: int = 0
) -> Sequence[asyncpg.Record]:
    return await people.waiting(
        conn, moment.entitlements, moment.soon, asked.values, asked.sort, limit=limit, offset=offset
    )


def counted_from(texts: Texts, *, after_course: bool) -> str:
    """Say what waiting is counted from."""
    return texts.plain(msgid("end of the last course") if after_course else msgid("registration"))


@router.get("/waiting.csv", dependencies=[fresh_sign_in])
async def waiting_csv(visit: CoordinatorVisit) -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        asked = await visit.asked_of_file(conn, WAITING)
        rows = await _waiting(conn, moment, asked, MOST_LINES)
    heads = [
        msgid("Reference"),
        msgid("Registering office"),
        msgid("Waiting since"),
        msgid("Counted from"),
        msgid("Priority class"),
        msgid("Next deadline"),
        msgid("Main reason"),
    ]
    lines = [
        (
            row["reference"],
            row["office_name"] or row["office"],
            texts.date(row["waiting_since"]),
            counted_from(texts, after_course=row["after_course"]),
            word(texts, priority_of(row, moment.rules), "priority"),
            texts.date(row["deadline"]) if row["deadline"] else None,
            _reason(texts, row),
        )
        for row in rows
    ]
    return csv_answer("waiting", [texts.plain(head) for head in heads], lines)


def _reason(texts: Texts, row: asyncpg.Record) -> str | None:
    """Tell why somebody waits; with an open proposal that is all there is to say."""
    match row["proposal_state"]:
        case "proposed":
            return texts.plain(msgid("A proposal is open"))
        case "sent_to_authority":
            return texts.plain(msgid("A proposal is with the BAMF"))
        case _ if row["reason_code"]:
            return sentence(texts, {"code": row["reason_code"], "params": row["reason_params"]})
        case _:
            return None
