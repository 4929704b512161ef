"""Shows one alert: what is known, why it came to this office, who it is, and what can be done."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.notifications.alerts import answers_store
from services.notifications.alerts.domain import UNANSWERED, AlertCommand, AlertState, RiskVerdict, after
from services.notifications.delivery.domain import reference_of
from services.notifications.pages import store as pages_store
from services.notifications.pages.alert_texts import explain
from services.notifications.pages.context import PageContext, full_name, slug_of
from services.notifications.pages.desk.filters import choices
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.first_words import first_words
from services.notifications.pages.inbox.routing_words import routing_of
from services.notifications.pages.offices.words import language_name
from services.notifications.pages.roles import TEAM_LEAD
from services.notifications.people.domain import Purpose
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found, wants_json
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options
from services.texts.reasons import load

COMMANDS = {
    "see": AlertCommand.SEE,
    "accept": AlertCommand.ACCEPT,
    "decline": AlertCommand.DECLINE,
    "hand-over": AlertCommand.HAND_OVER,
    "done": AlertCommand.DONE,
}
VERDICTS: Mapping[str, str] = {
    RiskVerdict.USEFUL: msgid("useful: it was good to hear of it"),
    RiskVerdict.NOT_NEEDED: msgid("not needed: true, but nothing was to be done"),
    RiskVerdict.FALSE_ALARM: msgid("false alarm: it was not so"),
}
_FIELDS = ("person", "office", "reason", "verdict", "days", "said_on", "how", "purpose")
PUT_OFF_FOR: Mapping[str, str] = {
    "1": msgid("until tomorrow"),
    "3": msgid("for three days"),
    "7": msgid("for a week"),
}
"""For how many days an alert can be put off."""


def json_of(row: asyncpg.Record, text: str) -> dict[str, Any]:
    """Return an alert as programs read it."""
    reason = load(row["reason"])
    return {
        "alert": str(row["alert_id"]),
        "reference": reference_of(row["alert_id"]),
        "kind": row["kind"],
        "purpose": row["purpose"],
        "state": row["state"],
        "severity": row["severity"],
        "office": row["office"],
        "reason": {**reason, "text": text},
        "reported_until": (reason.get("params") or {}).get("reported_until"),
        "raised_at": row["raised_at"].isoformat(),
    }


def verdict_options(texts: Texts) -> list[tuple[str, str]]:
    """List what can be said of a risk alert when it ends."""
    return [(code, texts.plain(text)) for code, text in VERDICTS.items()]


async def show(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    alert: UUID,
    *,
    contact: bool = False,
    errors: Mapping[str, str] | None = None,
    entered: Mapping[str, str] | None = None,
    taken_back: Collection[str] | None = None,
) -> Response:
    """Show an alert; `errors` (field -> msgid) and `entered`: what is wrong with what was to be done.

    `taken_back`: purposes that were ticked; all of them at first.
    """
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
        offices = {one["slug"]: one["name"] for one in await pages_store.offices(conn)}
        allowed = await answers_store.offices_to_hand_to(conn, alert, context.today())
        team = await store.counsellors(conn, row["organisation"], row["office"])
        allows = (
            await store.allowed_here(conn, row["participant_id"], row["office"])
            if row["participant_id"] is not None
            else ()
        )
    state = AlertState(row["state"])
    texts = web.texts(request)
    if wants_json(request):
        return JSONResponse(json_of(row, explain(texts, row)))
    own = row["office"] == slug_of(visitor)
    colleagues = [(one["key"], one["name"]) for one in team if one["key"] != row["taken_by"]] if own else []
    said = dict.fromkeys(_FIELDS, "") | {"said_on": context.today().isoformat()} | dict(entered or {})
    purposes = [one["purpose"] for one in allows]
    unanswered = state in UNANSWERED
    return web.page(
        request,
        "alert.html",
        422 if errors else 200,
        errors=dict.fromkeys(said, "") | {name: texts.plain(text) for name, text in (errors or {}).items()},
        entered=said,
        row=row,
        text=explain(texts, row),
        reason=load(row["reason"]),
        routing=routing_of(texts, load(row["routing"]) or {}, offices),
        reference=reference_of(alert),
        steps=steps,
        commands={command.value for command in AlertCommand},
        offices=offices,
        allowed=[(slug, offices.get(slug, slug)) for slug in allowed],
        possible={name for name, command in COMMANDS.items() if after(state, command) is not None},
        put_off_for=choices(texts, PUT_OFF_FOR) if unanswered else [],
        put_off_until=row["snoozed_until"]
        if unanswered and row["snoozed_until"] and row["snoozed_until"] > context.now()
        else None,
        team=colleagues if after(state, AlertCommand.ASSIGN) else [],
        lead=visitor.role == TEAM_LEAD and own,
        verdicts=verdict_options(texts),
        who=lambda key: web.sign_in.name_of(key) or key,
        asked=contact,
        person=person,
        full_name=full_name(person),
        words=first_words(row["kind"], person.languages) if person is not None else None,
        language=lambda code: language_name(texts, code),
        allows=purposes,
        taken_back=purposes if taken_back is None else taken_back,
        how=options(texts, "told"),
        closed=state in {AlertState.DONE, AlertState.WITHDRAWN, AlertState.DECLINED},
    )
