"""Serves the counsellor's inbox as pages and as JSON: the alerts of the office, and its answers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.notifications.alerts import handlers
from services.notifications.alerts.domain import AlertCommand, AlertState, after
from services.notifications.delivery.domain import reference_of
from services.notifications.pages import store
from services.notifications.pages.alert_texts import explain
from services.notifications.pages.context import (
    Context,
    Counsellor,
    PageContext,
    TeamLead,
    full_name,
    slug_of,
)
from services.notifications.pages.desk.filters import (
    ALERT_KINDS,
    ALERT_SORTS,
    ALERTS_SHOWN,
    alert_filter,
    choices,
    sizes,
)
from services.notifications.pages.first_day.pages import still_missing
from services.notifications.pages.registration_form import LANGUAGES
from services.notifications.pages.roles import TEAM_LEAD
from services.notifications.people.domain import Purpose
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, wants_json
from services.runtime.web.visit.visitors import Visitor
from services.texts.reasons import load

router = APIRouter(prefix="/inbox", include_in_schema=False)
COMMANDS = {
    "see": AlertCommand.SEE,
    "accept": AlertCommand.ACCEPT,
    "decline": AlertCommand.DECLINE,
    "hand-over": AlertCommand.HAND_OVER,
    "done": AlertCommand.DONE,
}
DONE_TEXTS = {
    AlertState.SEEN: msgid("Marked as seen."),
    AlertState.ACCEPTED: msgid("You have accepted it. Your office takes care of it."),
    AlertState.DECLINED: msgid("You have declined it. The next office that the person allowed is asked."),
    AlertState.HANDED_OVER: msgid("It is handed over inside your office."),
    AlertState.DONE: msgid("It is done."),
}


@router.get("")
async def inbox(request: Request, context: Context, visitor: Counsellor) -> Response:
    """List the office's alerts, unanswered ones first."""
    address, values = await _list(request, context, visitor)
    if wants_json(request):
        texts = web_of(request).texts(request)
        return JSONResponse({"alerts": [_json(row, explain(texts, row)) for row in values["rows"]]})
    web = web_of(request)
    part = web.live(request, "inbox-part.html", address, **values)
    steps = await still_missing(request, context, visitor) if visitor.role == TEAM_LEAD else ()
    texts = web.texts(request)
    return web.page(
        request,
        "inbox.html",
        part=part,
        wanted=values["wanted"],
        shown=choices(texts, ALERTS_SHOWN),
        kinds=choices(texts, ALERT_KINDS),
        sorts=choices(texts, ALERT_SORTS),
        sizes=sizes(texts),
        steps=steps,
    )


@router.get("/live")
async def inbox_live(request: Request, context: Context, visitor: Counsellor) -> Response:
    """Return the list alone, for the page to renew it."""
    address, values = await _list(request, context, visitor)
    return web_of(request).renewed(request, "inbox-part.html", address, **values)


async def _list(request: Request, context: PageContext, visitor: Visitor) -> tuple[str, dict[str, Any]]:
    """Return the address that renews one page of the list, and the values of its template."""
    wanted = alert_filter(request.query_params)
    async with context.open(visitor) as conn:
        rows = await store.alerts(conn, visitor.organisation or "", slug_of(visitor), wanted)
    texts = web_of(request).texts(request)
    return f"/inbox/live?{wanted.query}page={wanted.page}", {
        "rows": rows[: wanted.size],
        "more": len(rows) > wanted.size,
        "wanted": wanted,
        "explain": lambda row: explain(texts, row),
        "reference": reference_of,
        "who": lambda key: web_of(request).sign_in.name_of(key) or key,
        "lead": visitor.role == TEAM_LEAD,
        "waits": lambda row: _waits(texts, context.now() - (row["answered_at"] or row["raised_at"])),
    }


def _waits(texts: Texts, since: timedelta) -> str:
    """Say how long something waits: in days, on the first day in hours."""
    if since.days > 0:
        return texts.ngettext("%(num)s day", "%(num)s days", since.days)
    return texts.ngettext("%(num)s hour", "%(num)s hours", max(0, since.seconds // 3600))


def _json(row: asyncpg.Record, text: str) -> dict[str, Any]:
    reason = load(row["reason"])
    return {
        "alert": str(row["alert_id"]),
        "reference": reference_of(row["alert_id"]),
        "kind": row["kind"],
        "purpose": row["purpose"],
        "state": row["state"],
        "office": row["office"],
        "reason": {**reason, "text": text},
        "reported_until": (reason.get("params") or {}).get("reported_until"),
        "raised_at": row["raised_at"].isoformat(),
    }


@router.get("/{alert}")
async def alert_page(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """Show one alert, to which the link in an e-mail leads; showing it changes nothing."""
    return await _show(request, context, visitor, alert, contact=False)


@router.post("/{alert}/contact")
async def contact(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """Show the alert with name and contact data; the look is logged."""
    return await _show(request, context, visitor, alert, contact=True)


async def _show(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    alert: UUID,
    *,
    contact: bool = False,
    wrong: str = "",
) -> Response:
    """Show an alert; `wrong` (msgid): what is wrong with the colleague who was chosen."""
    web = web_of(request)
    async with context.open(visitor) as conn:
        row = await store.alert(conn, alert)
        if row is None:
            raise not_found()
        person = None
        if contact and row["participant_id"] is not None:
            found = await context.names(conn, visitor, Purpose(row["purpose"]), [row["participant_id"]])
            person = found.get(row["participant_id"])
        steps = await store.alert_steps(conn, alert)
        offices = {one["slug"]: one["name"] for one in await store.offices(conn)}
        leads = visitor.role == TEAM_LEAD and row["office"] == slug_of(visitor)
        team = await store.counsellors(conn, row["organisation"], row["office"]) if leads else []
    state = AlertState(row["state"])
    texts = web.texts(request)
    if wants_json(request):
        return JSONResponse(_json(row, explain(texts, row)))
    return web.page(
        request,
        "alert.html",
        422 if wrong else 200,
        errors={"person": texts.plain(wrong) if wrong else ""},
        row=row,
        text=explain(texts, row),
        reason=load(row["reason"]),
        reference=reference_of(alert),
        steps=steps,
        offices=offices,
        chain=[slug for slug in row["chain"] if slug in offices],
        possible={name for name, command in COMMANDS.items() if after(state, command) is not None},
        team=[(one["key"], one["name"]) for one in team if one["key"] != row["taken_by"]]
        if after(state, AlertCommand.ASSIGN)
        else [],
        who=lambda key: web.sign_in.name_of(key) or key,
        asked=contact,
        person=person,
        full_name=full_name(person),
        languages=LANGUAGES,
        closed=state in {AlertState.DONE, AlertState.WITHDRAWN, AlertState.DECLINED},
    )


_NO_COLLEAGUE = msgid("Please choose a colleague from the list.")


@router.post("/{alert}/assign")
async def assign(request: Request, context: Context, visitor: TeamLead, alert: UUID) -> Response:
    """Hand an alert over to one counsellor of the office."""
    person = str((await form_of(request)).get("person") or "")
    async with context.open(visitor) as conn:
        row = await store.alert(conn, alert)
        if row is None:
            raise not_found()
        team = {one["key"] for one in await store.counsellors(conn, row["organisation"], row["office"])}
        chosen = person in team
        if chosen:
            outcome = await handlers.answer(conn, alert, AlertCommand.ASSIGN, context.now(), person=person)
    if not chosen:
        if wants_json(request):
            raise PageError(422, "no_colleague", _NO_COLLEAGUE)
        return await _show(request, context, visitor, alert, wrong=_NO_COLLEAGUE)
    if isinstance(outcome, handlers.NotPossible):
        raise PageError(
            409, "not_possible", "This is no longer possible: the alert was answered or withdrawn meanwhile."
        )
    return web_of(request).back(
        request, f"/inbox/{alert}", "success", "It is handed over. Please tell your colleague."
    )


@router.post("/{alert}/{command}")
async def answer(
    request: Request, context: Context, visitor: Counsellor, alert: UUID, command: str
) -> Response:
    """Carry out what the office decided."""
    wanted = COMMANDS.get(command)
    if wanted is None:
        raise not_found()
    reason, to = await _entered(request)
    async with context.open(visitor) as conn:
        outcome = await handlers.answer(
            conn, alert, wanted, context.now(), reason=reason, to=to, person=visitor.key
        )
    web = web_of(request)
    if isinstance(outcome, handlers.NotPossible):
        if outcome.state is None:
            raise not_found()
        raise PageError(
            409, "not_possible", "This is no longer possible: the alert was answered or withdrawn meanwhile."
        )
    if wants_json(request):
        return JSONResponse({"alert": str(alert), "state": outcome.state})
    back = "/inbox" if outcome.state in {AlertState.DONE, AlertState.DECLINED} else f"/inbox/{alert}"
    return web.back(request, back, "success", DONE_TEXTS[outcome.state])


async def _entered(request: Request) -> tuple[str, str | None]:
    """Read reason and office from a form or a JSON body; both may be missing."""
    if "json" in request.headers.get("content-type", ""):
        raw = await request.body()
        body = await request.json() if raw else {}
        if not isinstance(body, dict):
            return "", None
        return str(body.get("reason") or ""), str(body["office"]) if body.get("office") else None
    form = await request.form()
    return str(form.get("reason") or ""), str(form.get("office") or "") or None
