"""Shows the waiting list: people by reference, with legal clocks and the main reason."""

from datetime import timedelta

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import explanation_store, people_store
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.visit import CoordinatorVisit, Moment, Visit
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import MOST_LINES, PAGE_SIZE, csv_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.codes import word
from services.texts.reasons import condition, sentence

router = APIRouter(include_in_schema=False)
SUMS = 5
"""Kinds of help named above the waiting list."""


@router.get("/waiting")
async def waiting(visit: CoordinatorVisit, deadline: str = "", reason: str = "") -> Response:
    """List who waits, by reference, with clocks and the main reason."""
    moment, page = visit.moment(), visit.page_number
    async with visit.open() as conn:
        rows = await _waiting(
            conn, visit, moment, deadline, reason, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE
        )
        figures = await figures_of(conn, visit.day(moment))
        sums = [one for one in await explanation_store.remedy_sums(conn) if one["code"] != "none"][:SUMS]
    texts = visit.texts
    query = (f"deadline={deadline}&" if deadline.isalnum() else "") + (
        f"reason={reason}&" if reason.isidentifier() else ""
    )
    return visit.page(
        "waiting.html",
        rows=rows[:PAGE_SIZE],
        sums=sums,
        condition=lambda code: condition(texts, code),
        more=len(rows) > PAGE_SIZE,
        page=page,
        query=query,
        deadline=deadline,
        reason_filter=reason if reason.isidentifier() else "",
        moment=moment,
        figures=figures,
        named=NAMED,
        clocks=lambda row: running_clocks(row, moment.entitlements),
        priority=lambda row: priority_of(row, moment.rules),
    )


def counted_from(texts: Texts, *, after_course: bool) -> str:
    """Say what waiting is counted from."""
    return texts.plain(msgid("end of the last course") if after_course else msgid("registration"))


@router.get("/waiting.csv", dependencies=[fresh_sign_in])
async def waiting_csv(visit: CoordinatorVisit, deadline: str = "", reason: str = "") -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        rows = await _waiting(conn, visit, moment, deadline, reason, limit=MOST_LINES)
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


async def _waiting(
    conn: asyncpg.Connection,
    visit: Visit,
    moment: Moment,
    deadline: str,
    reason: str,
    *,
    limit: int,
    offset: int = 0,
) -> list[asyncpg.Record]:
    since, until = {
        "": (None, None),
        "over": (None, moment.today - timedelta(days=1)),
    }.get(deadline, (moment.today, moment.soon))
    found = await people_store.waiting(
        conn, visit.day(moment), since=since, until=until, reason=reason or None, limit=limit, offset=offset
    )
    return list(found)
