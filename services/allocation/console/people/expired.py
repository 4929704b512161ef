"""Shows people whose entitlement has expired, and what can be done: ask for an extension, close."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.allocation.acts.expired import ExpiredEntitlements
from services.allocation.acts.overrides import Answer
from services.allocation.console.context import people_store
from services.allocation.console.context.api import MOST, Grounds
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.forms import ids_of, mistake_in_reason, mistakes_in, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.lists import people
from services.allocation.console.lists.choices import HOME, LEVEL, OFFICE, TYPE
from services.allocation.console.lists.listing import Asked, Filter, Listing, rows_of
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.allocation.placements.results import NotDone
from services.runtime.web.languages import msgid
from services.runtime.web.pages import short
from services.runtime.web.tables import MOST_LINES, csv_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1/expired", tags=["console"])
What = Literal["ask", "close"]
EXPIRED = Listing(
    "/expired",
    (TYPE, LEVEL, HOME, OFFICE, Filter("asked", msgid("Extension"))),
    {
        "reference": msgid("Reference"),
        "office": msgid("Registering office"),
        "since": msgid("Waiting since"),
        "deadline": msgid("Expired on"),
        "asked": msgid("What was done"),
    },
    msgid("the latest expiry first"),
)


class FollowedUp(Grounds):
    """People by id, and why."""

    participants: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


@router.get("/expired")
async def expired(visit: CoordinatorVisit) -> Response:
    """List whose entitlement has expired, by reference."""
    return await _page(visit)


async def _lapsed(
    conn: asyncpg.Connection, visit: Visit, asked: Asked, limit: int, offset: int = 0
) -> Sequence[asyncpg.Record]:
    entitlements = visit.moment().entitlements
    return await people.lapsed(conn, entitlements, asked.values, asked.sort, limit=limit, offset=offset)


async def _page(
    visit: Visit,
    wrong: Mapping[str, str] = MappingProxyType({}),
    reason: str = "",
    ticked: Sequence[UUID] = (),
) -> Response:
    """Show the list; mistakes (field -> msgid) repeat it with what was entered."""
    moment = visit.moment()
    async with visit.open() as conn:
        asked = await visit.asked(conn, EXPIRED)
        rows = await rows_of(asked, partial(_lapsed, conn, visit, asked))
        figures = await figures_of(conn, visit.day(moment)) if asked.only("asked") else None
        names = await people_store.publisher_names(conn)
    return visit.page(
        "expired.html",
        422 if wrong else 200,
        asked=asked,
        rows=rows,
        moment=moment,
        figures=figures,
        named=NAMED,
        clocks=lambda row: running_clocks(row, moment.entitlements),
        priority=lambda row: priority_of(row, moment.rules),
        actor=lambda actor: visit.actor(actor, names),
        errors=visit.told(wrong),
        reason=reason,
        ticked={str(one) for one in ticked},
    )


@router.get("/expired.csv", dependencies=[fresh_sign_in])
async def expired_csv(visit: CoordinatorVisit) -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        rows = await _lapsed(conn, visit, await visit.asked_of_file(conn, EXPIRED), MOST_LINES)
    heads = [
        msgid("Reference"),
        msgid("Registering office"),
        msgid("Waiting since"),
        msgid("Priority class"),
        msgid("Expired on"),
        msgid("Extension asked for on"),
        msgid("Reason"),
    ]
    lines = [
        (
            row["reference"],
            row["office_name"] or row["office"],
            texts.date(row["waiting_since"]),
            word(texts, priority_of(row, moment.rules), "priority"),
            texts.date(row["deadline"]),
            texts.date(row["asked_on"]) if row["asked_on"] else None,
            row["asked_reason"],
        )
        for row in rows
    ]
    return csv_answer("expired", [texts.plain(head) for head in heads], lines)


@router.post("/expired")
async def follow_up(visit: CoordinatorVisit) -> Response:
    """Do the same about all ticked people, with one reason."""
    form = await visit.request.form()
    chosen, reason, what = ids_of(form, "participant"), text_of(form, "reason"), text_of(form, "what")
    wrong = mistakes_in(
        ticked="" if chosen else msgid("Please tick at least one person."),
        reason=mistake_in_reason(reason),
        do="" if what in {"ask", "close"} else msgid("Please choose what is to be done."),
    )
    if wrong:
        return await _page(visit, wrong, reason, chosen)
    async with visit.open() as conn:
        names = await people_store.references(conn, chosen)
    answers = await _each(visit, "close" if what == "close" else "ask", chosen, reason)
    done = visit.warn_of(answers, [names.get(one, short(one)) for one in chosen])
    texts = visit.texts
    if done and what == "close":
        text = texts.ngettext(
            "%(num)s person was taken off the list.", "%(num)s people were taken off the list.", done
        )
        visit.web.note(visit.request, "success", text)
    elif done:
        text = texts.ngettext(
            "It is noted for %(num)s person that you asked for an extension.",
            "It is noted for %(num)s people that you asked for an extension.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, EXPIRED.again(visit.request.query_params))


async def _each(visit: Visit, what: What, chosen: Sequence[UUID], reason: str) -> list[Answer]:
    """Act on each by itself: one that fails stops no other."""
    acts = ExpiredEntitlements(visit.context.placements, visit.moment().entitlements)
    act = acts.close if what == "close" else acts.note_request
    return await visit.act_on_each(reason, act, chosen)


@api.get("")
async def expired_api(
    visit: CoordinatorVisit,
    *,
    asked: Literal["", "yes", "no"] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """List whose entitlement has expired, the latest expiry first."""
    async with visit.open() as conn:
        rows = await people.lapsed(
            conn,
            visit.moment().entitlements,
            {"asked": asked} if asked else {},
            limit=limit,
            offset=offset,
        )
    return JSONResponse({"people": [_person(row) for row in rows]})


def _person(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "participant": str(row["participant"]),
        "reference": row["reference"],
        "office": row["office"],
        "waiting_since": row["waiting_since"].isoformat(),
        "expired_on": row["deadline"].isoformat(),
        "asked_on": row["asked_on"].isoformat() if row["asked_on"] else None,
    }


@api.post("/extension-asked")
async def extension_asked(visit: CoordinatorVisit, wanted: FollowedUp) -> Response:
    """Note for several people that their office was asked to extend the entitlement."""
    return _answers(wanted.participants, await _each(visit, "ask", wanted.participants, wanted.reason))


@api.post("/close")
async def close(visit: CoordinatorVisit, wanted: FollowedUp) -> Response:
    """Take several people off the list."""
    return _answers(wanted.participants, await _each(visit, "close", wanted.participants, wanted.reason))


def _answers(chosen: Sequence[UUID], answers: Sequence[Answer]) -> Response:
    return JSONResponse(
        {
            "results": [
                {
                    "participant": str(person),
                    "ok": not isinstance(answer, NotDone),
                    "code": answer.refusal.code if isinstance(answer, NotDone) else None,
                }
                for person, answer in zip(chosen, answers, strict=True)
            ]
        }
    )
