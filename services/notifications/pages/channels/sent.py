"""Serves the list of what was sent to an office: where, when, and what became of it; no names."""

from collections import defaultdict
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.delivery import store
from services.notifications.delivery.domain import reference_of
from services.notifications.delivery.holding import telling_store
from services.notifications.delivery.holding.domain import kind_of
from services.notifications.offices import own_store
from services.notifications.pages.channels import words
from services.notifications.pages.channels.pages import Keeper
from services.notifications.pages.context import Context
from services.notifications.pages.roles import ADMINISTRATOR, COUNSELLOR, TEAM_LEAD
from services.runtime.web.bodies import form_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.tables import PAGE_SIZE
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/offices", include_in_schema=False)
Reader = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, ADMINISTRATOR, reading=(COUNSELLOR,)))]
_LONGEST_REASON = 500


@router.get("/{office}/sent")
async def sent(
    request: Request,
    context: Context,
    visitor: Reader,
    office: str,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """List what was sent, the latest first."""
    async with context.open(visitor) as conn:
        return await _show(request, conn, visitor, office, page=page)


async def _show(
    request: Request,
    conn: asyncpg.Connection,
    visitor: Visitor,
    office: str,
    *,
    page: int = 1,
    wrong: tuple[UUID, str] | None = None,
) -> Response:
    """Show the list; `wrong`: a delivery, and the text of what is wrong with its reason."""
    row = await own_store.office(conn, office)
    if row is None or row["organisation"] != visitor.organisation:
        raise not_found()
    rows = await telling_store.sent(conn, office, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
    web = web_of(request)
    texts = web.texts(request)
    return web.page(
        request,
        "office-sent.html",
        422 if wrong else 200,
        office=row,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        errors=defaultdict(str, {f"reason-{wrong[0]}": wrong[1]} if wrong else {}),
        reference=reference_of,
        step=lambda one: words.said(texts, words.STEPS, kind_of(one)),
        role=lambda one: words.said(texts, words.ROLES, one.partition(":")[0]),
        state=lambda one: words.said(texts, words.STATES, one),
        held=lambda one: words.said(texts, words.HELD, one),
        problem=lambda one: words.said(texts, words.PROBLEMS, one),
        mends=not request.state.reads_only,
    )


@router.post("/{office}/sent/{delivery}/again")
async def again(request: Request, context: Context, visitor: Keeper, office: str, delivery: UUID) -> Response:
    """Send again what was not accepted, for a reason that is written down."""
    reason = str((await form_of(request)).get("reason") or "").strip()[:_LONGEST_REASON]
    async with context.open(visitor) as conn:
        if not reason:
            texts = web_of(request).texts(request)
            return await _show(request, conn, visitor, office, wrong=(delivery, texts.plain(words.NO_REASON)))
        row = await store.failed_row(conn, delivery)
        if row is None or row["office"] != office:
            raise not_found()
        if not await store.resend(conn, delivery):
            raise PageError(409, "not_failed", words.NOT_FAILED)
        await telling_store.record_resend(conn, delivery, by=visitor.key, reason=reason, now=context.now())
    return web_of(request).back(
        request, f"/offices/{office}/sent", "success", "It is sent again, under the same number."
    )
