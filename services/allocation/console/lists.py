"""Pages that show: the first page, who waits, courses, providers, outcomes, runs."""

from datetime import timedelta

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.allocation.console.context import course_store as supply
from services.allocation.console.context import explanation_store as why_store
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import (
    Coordinator,
    Desk,
    Moment,
    page_of,
    priority_of,
    running_clocks,
)
from services.allocation.console.context.persons import PROVIDER
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import SignInNeededError
from services.runtime.web.tables import PAGE_SIZE, csv_answer
from services.runtime.web.visitors import Visitor
from services.texts.codes import word
from services.texts.reasons import need, sentence

router = APIRouter(include_in_schema=False)
CSV_LIMIT = 20_000
SUMS = 5
"""Kinds of help named above the waiting list."""


@router.get("/")
async def first(request: Request, desk: Desk) -> Response:
    """Show the one sentence; a provider goes to its own page."""
    web = web_of(request)
    visitor = web.visitor(request)
    if visitor is None:
        raise SignInNeededError
    if visitor.role == PROVIDER:
        return RedirectResponse("/provider", 303)
    part = web.live(request, "first-part.html", "/live", **await _figures(desk, visitor))
    return web.page(request, "first.html", part=part)


@router.get("/live")
async def first_live(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Renew the first page's part."""
    return web_of(request).renewed(request, "first-part.html", "/live", **await _figures(desk, visitor))


async def _figures(desk: Desk, visitor: Visitor) -> dict[str, object]:
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        return {
            "moment": moment,
            "figures": await store.figures(conn, moment.clocks, moment.today, moment.soon),
            "reasons": await store.binding_reasons(conn),
            "counts": await supply.counts(conn),
            "last_run": next(iter(await supply.runs(conn, 1, 0)), None),
        }


@router.get("/waiting")
async def waiting(
    request: Request, desk: Desk, visitor: Coordinator, deadline: str = "", reason: str = ""
) -> Response:
    """List who waits, by reference, with clocks and the main reason."""
    moment, page = desk.moment(), page_of(request)
    rows = await _waiting(
        desk, visitor, moment, deadline, reason, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE
    )
    async with desk.open(visitor) as conn:
        sums = [one for one in await why_store.remedy_sums(conn) if one["code"] != "none"][:SUMS]
    texts = web_of(request).texts(request)
    query = (f"deadline={deadline}&" if deadline.isalnum() else "") + (
        f"reason={reason}&" if reason.isidentifier() else ""
    )
    return web_of(request).page(
        request,
        "waiting.html",
        rows=rows[:PAGE_SIZE],
        sums=sums,
        need=lambda code: need(texts, code),
        more=len(rows) > PAGE_SIZE,
        page=page,
        query=query,
        deadline=deadline,
        reason_filter=reason if reason.isidentifier() else "",
        moment=moment,
        clocks=lambda row: running_clocks(row, moment.clocks),
        priority=lambda row: priority_of(row, moment.rules),
    )


@router.get("/waiting.csv")
async def waiting_csv(
    request: Request, desk: Desk, visitor: Coordinator, deadline: str = "", reason: str = ""
) -> Response:
    """The same list as a file."""
    texts, moment = web_of(request).texts(request), desk.moment()
    rows = await _waiting(desk, visitor, moment, deadline, reason, limit=CSV_LIMIT)
    heads = [
        msgid("Reference"),
        msgid("Registering office"),
        msgid("Waiting since"),
        msgid("Priority class"),
        msgid("Next deadline"),
        msgid("Main reason"),
    ]
    lines = [
        (
            row["reference"],
            row["office_name"] or row["office"],
            texts.date(row["registered_on"]),
            word(texts, priority_of(row, moment.rules), "priority"),
            texts.date(row["deadline"]) if row["deadline"] else None,
            sentence(texts, {"code": row["reason_code"], "params": row["reason_params"]})
            if row["reason_code"]
            else None,
        )
        for row in rows
    ]
    return csv_answer("waiting", [texts.plain(head) for head in heads], lines)


async def _waiting(
    desk: Desk, visitor: Visitor, moment: Moment, deadline: str, reason: str, *, limit: int, offset: int = 0
) -> list[asyncpg.Record]:
    since, until = {
        "": (None, None),
        "over": (None, moment.today - timedelta(days=1)),
    }.get(deadline, (moment.today, moment.soon))
    async with desk.open(visitor) as conn:
        found = await store.waiting(
            conn, moment.clocks, since=since, until=until, reason=reason or None, limit=limit, offset=offset
        )
    return list(found)


@router.get("/courses")
async def courses(request: Request, desk: Desk, visitor: Coordinator, below: str = "") -> Response:
    """List courses with their fill against minimum and maximum."""
    moment, page = desk.moment(), page_of(request)
    async with desk.open(visitor) as conn:
        rows = await supply.courses(
            conn,
            moment.today,
            moment.soon,
            below=bool(below),
            limit=PAGE_SIZE + 1,
            offset=(page - 1) * PAGE_SIZE,
        )
    return web_of(request).page(
        request,
        "courses.html",
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        query="below=1&" if below else "",
        below=bool(below),
        moment=moment,
    )


@router.get("/courses.csv")
async def courses_csv(request: Request, desk: Desk, visitor: Coordinator, below: str = "") -> Response:
    """The same list as a file."""
    texts, moment = web_of(request).texts(request), desk.moment()
    async with desk.open(visitor) as conn:
        rows = await supply.courses(conn, moment.today, moment.soon, below=bool(below), limit=CSV_LIMIT)
    heads = [
        msgid("Course"),
        msgid("Course type"),
        msgid("Provider"),
        msgid("Start"),
        msgid("Seats taken"),
        msgid("Open proposals"),
        msgid("Minimum"),
        msgid("Maximum"),
    ]
    lines = [
        (
            row["title"],
            word(texts, row["course_type"], "course_type"),
            row["provider_name"] or row["provider"],
            texts.date(row["starts_on"]),
            row["first_taken"],
            row["proposed"],
            row["minimum"],
            row["capacity"],
        )
        for row in rows
    ]
    return csv_answer("courses", [texts.plain(head) for head in heads], lines)


@router.get("/providers")
async def providers(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Show the balance of fill between providers and what of their records was refused or waits."""
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        balance = await supply.balance(conn, moment.today)
        findings = await supply.findings(conn)
    return web_of(request).page(request, "providers.html", balance=balance, findings=findings, moment=moment)


@router.get("/outcomes")
async def outcomes(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Show what came of it, with n and the start that is meant."""
    async with desk.open(visitor) as conn:
        return web_of(request).page(
            request,
            "outcomes.html",
            moment=desk.moment(),
            waits=await supply.waits(conn),
            chain=await supply.chain(conn),
            exits=await supply.exits(conn),
            counts=await supply.counts(conn),
        )


@router.get("/runs")
async def runs(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """List steering runs: what each saw and what came of it."""
    page = page_of(request)
    async with desk.open(visitor) as conn:
        rows = await supply.runs(conn, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
    return web_of(request).page(
        request, "runs.html", rows=rows[:PAGE_SIZE], more=len(rows) > PAGE_SIZE, page=page
    )
