"""Carries out what an office decides on an alert, or on several at once; each of them by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.notifications.alerts import answers_store, handlers
from services.notifications.alerts.domain import AlertCommand, AlertState, RiskVerdict
from services.notifications.alerts.snoozing import NotSnoozed, Snoozed, snooze
from services.notifications.delivery.domain import reference_of
from services.notifications.pages.context import Context, Counsellor, PageContext, TeamLead, slug_of
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.filters import alert_filter
from services.notifications.pages.inbox.one import COMMANDS, PUT_OFF_FOR, show
from services.notifications.pages.inbox.pages import list_page
from services.notifications.pages.inbox.putting_off import (
    NO_DAYS,
    NOT_PUT_OFF_OF_SEVERAL,
    TOO_LATE,
    until_of,
)
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, wants_json
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/inbox", include_in_schema=False)
DONE_TEXTS = {
    AlertState.SEEN: msgid("Marked as seen."),
    AlertState.ACCEPTED: msgid("You have accepted it. Your office takes care of it."),
    AlertState.DECLINED: msgid("You have declined it. The next office that the person allowed is asked."),
    AlertState.HANDED_OVER: msgid("It is handed over inside your office."),
    AlertState.DONE: msgid("It is done."),
}
DECLINED_BY_ALL = msgid(
    "You have declined it. The person has allowed no other office, so nobody else is asked. The head of your"
    " office is told."
)
HANDED_OUT = msgid("It is handed over. The other office is told.")
HANDED_IN = msgid("It is handed over. Please tell your colleague.")
NO_COLLEAGUE = msgid("Please choose a colleague from the list.")
NO_CONSENT = msgid(
    "The person has not allowed this office to know of it. Nothing was handed over. Please ask the person;"
    " the registering office or the school enters the consent."
)
NOTHING_TICKED = msgid("Please tick at least one alert.")
NOTHING_CHOSEN = msgid("Please choose what to do with the ticked ones.")
REASON_TOO_LONG = msgid("Please enter at most 200 characters.")
MOST_AT_ONCE = 100
_LONGEST_REASON = 200
SEVERAL = ("accept", "done", "see", "hand-over", "put-off")
SEVERAL_DONE: Mapping[str, tuple[str, str]] = {
    "accept": (msgid("%(num)s alert is accepted."), msgid("%(num)s alerts are accepted.")),
    "done": (msgid("%(num)s alert is done."), msgid("%(num)s alerts are done.")),
    "see": (msgid("%(num)s alert is marked as seen."), msgid("%(num)s alerts are marked as seen.")),
    "hand-over": (msgid("%(num)s alert is handed over."), msgid("%(num)s alerts are handed over.")),
    "put-off": (msgid("%(num)s alert is put off."), msgid("%(num)s alerts are put off.")),
}
_NOT_POSSIBLE: Mapping[AlertState | None, str] = {
    None: msgid("is not an alert of your office (any more)"),
    AlertState.WITHDRAWN: msgid("was withdrawn meanwhile"),
    AlertState.ACCEPTED: msgid("is at work already"),
    AlertState.HANDED_OVER: msgid("is at work already"),
    AlertState.NEW: msgid("was not accepted yet"),
    AlertState.SEEN: msgid("was not accepted yet"),
}
_ANSWERED = msgid("has been answered meanwhile")
_Answer = handlers.Answered | handlers.NotPossible | handlers.NotAllowed
_Outcome = _Answer | Snoozed | NotSnoozed


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered with a decision; each may be empty."""

    reason: str = ""
    office: str = ""
    person: str = ""
    verdict: str = ""
    days: str = ""

    @property
    def judged(self) -> RiskVerdict | None:
        """Return the verdict, if it is one."""
        return RiskVerdict(self.verdict) if self.verdict in set(RiskVerdict) else None

    @property
    def kept(self) -> dict[str, str]:
        """Return it for the form that is shown again."""
        return asdict(self)


async def _entered(request: Request) -> Entered:
    """Read a form or a JSON body."""
    if "json" in request.headers.get("content-type", ""):
        raw = await request.body()
        body: Any = await request.json() if raw else {}
        found: Mapping[str, Any] = body if isinstance(body, dict) else {}
    else:
        found = await form_of(request)
    return Entered(**{one.name: str(found.get(one.name) or "").strip() for one in fields(Entered)})


@router.post("/several")
async def several(request: Request, context: Context, visitor: Counsellor) -> Response:
    """Do the same with all ticked alerts; one that is no longer possible does not hold up the others."""
    form = await form_of(request)
    entered = await _entered(request)
    texts = web_of(request).texts(request)
    do = str(form.get("do") or "")
    ticked = [one for value in form.getlist("alert") if (one := _id(str(value))) is not None]
    ticked = list(dict.fromkeys(ticked))[:MOST_AT_ONCE]
    team = await _team(context, visitor)
    errors = {
        "ticked": "" if ticked else NOTHING_TICKED,
        "do": "" if do in SEVERAL else NOTHING_CHOSEN,
        "reason": REASON_TOO_LONG if len(entered.reason) > _LONGEST_REASON else "",
        "person": NO_COLLEAGUE if do == "hand-over" and entered.person not in team else "",
        "days": NO_DAYS if do == "put-off" and entered.days not in PUT_OFF_FOR else "",
    }
    wrong = {name: texts.plain(text) for name, text in errors.items() if text}
    if wrong:
        given = entered.kept | {"do": do, "ticked": frozenset(map(str, ticked))}
        return await list_page(request, context, visitor, errors=wrong, entered=given)
    failed = [
        (alert, why)
        for alert in ticked
        if (why := await _one_of_several(context, visitor, alert, do, entered)) is not None
    ]
    done = len(ticked) - len(failed)
    web = web_of(request)
    if done:
        web.note(request, "success", texts.ngettext(*SEVERAL_DONE[do], done))
    if failed:
        web.note(request, "warning", _failures(texts, failed))
    wanted = alert_filter(request.query_params)
    return web.back(request, f"/inbox?{wanted.query}page={wanted.page}")


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _team(context: PageContext, visitor: Visitor) -> set[str]:
    async with context.open(visitor) as conn:
        rows = await store.counsellors(conn, visitor.organisation or "", slug_of(visitor))
    return {row["key"] for row in rows}


async def _one_of_several(
    context: PageContext, visitor: Visitor, alert: UUID, do: str, entered: Entered
) -> str | None:
    """Carry it out for one of several, in a transaction of its own; return why not (msgid), None: done."""
    hands_over = do == "hand-over"
    now = context.now()

    async def act(conn: asyncpg.Connection) -> _Outcome:
        if do == "put-off":
            return await snooze(conn, alert, until_of(entered.days, now), visitor.key, now)
        return await handlers.answer(
            conn,
            alert,
            AlertCommand.ASSIGN if hands_over else COMMANDS[do],
            now,
            reason=entered.reason,
            person=entered.person if hands_over else visitor.key,
            verdict=entered.judged,
        )

    match outcome := await context.act(visitor, act):
        case handlers.Answered() | Snoozed():
            return None
        case NotSnoozed():
            return NOT_PUT_OFF_OF_SEVERAL[outcome]
        case handlers.NotPossible(state=state):
            return _NOT_POSSIBLE.get(state, _ANSWERED)
        case _:
            return _ANSWERED


def _failures(texts: Texts, failed: Sequence[tuple[UUID, str]]) -> str:
    listed = "; ".join(f"{reference_of(alert)} {texts.plain(why)}" for alert, why in failed)
    return texts.gettext(msgid("Not done: %(alerts)s."), alerts=listed)


@router.post("/{alert}/assign")
async def assign(request: Request, context: Context, visitor: TeamLead, alert: UUID) -> Response:
    """Hand an alert over to one counsellor of the office, for its lead: also one that a colleague has."""
    return await _hand_in(request, context, visitor, alert, await _entered(request))


@router.post("/{alert}/{command}")
async def answer(
    request: Request, context: Context, visitor: Counsellor, alert: UUID, command: str
) -> Response:
    """Carry out what the office decided."""
    wanted = COMMANDS.get(command)
    if wanted is None:
        raise not_found()
    entered = await _entered(request)
    if wanted is AlertCommand.HAND_OVER and not entered.office and not wants_json(request):
        return await _hand_in(request, context, visitor, alert, entered)

    async def act(conn: asyncpg.Connection) -> tuple[bool, _Answer]:
        last = wanted is AlertCommand.DECLINE and not await answers_store.offices_to_hand_to(
            conn, alert, context.today()
        )
        return last, await handlers.answer(
            conn,
            alert,
            wanted,
            context.now(),
            reason=entered.reason,
            to=entered.office or None,
            person=visitor.key,
            verdict=entered.judged,
        )

    last, outcome = await context.act(visitor, act)
    match outcome:
        case handlers.NotAllowed():
            if wants_json(request):
                raise PageError(422, "no_consent", NO_CONSENT)
            return await show(
                request, context, visitor, alert, errors={"office": NO_CONSENT}, entered=entered.kept
            )
        case handlers.NotPossible(state=state):
            raise not_found() if state is None else PageError(409, "not_possible", TOO_LATE)
        case handlers.Answered(state=state):
            pass
    if wants_json(request):
        return JSONResponse({"alert": str(alert), "state": state})
    leaves = state in {AlertState.DONE, AlertState.DECLINED}
    told = HANDED_OUT if wanted is AlertCommand.HAND_OVER else DONE_TEXTS[state]
    if last:
        told = DECLINED_BY_ALL
    return web_of(request).back(request, "/inbox" if leaves else f"/inbox/{alert}", "success", told)


async def _hand_in(
    request: Request, context: PageContext, visitor: Visitor, alert: UUID, entered: Entered
) -> Response:
    """Hand an alert over to a colleague of the office that has it."""

    async def act(conn: asyncpg.Connection) -> _Answer | None:
        row = await store.alert(conn, alert)
        if row is None:
            raise not_found()
        team = {one["key"] for one in await store.counsellors(conn, row["organisation"], row["office"])}
        if entered.person not in team:
            return None
        return await handlers.answer(
            conn,
            alert,
            AlertCommand.ASSIGN,
            context.now(),
            reason=entered.reason,
            person=entered.person,
        )

    outcome = await context.act(visitor, act)
    if outcome is None:
        if wants_json(request):
            raise PageError(422, "no_colleague", NO_COLLEAGUE)
        return await show(
            request, context, visitor, alert, errors={"person": NO_COLLEAGUE}, entered=entered.kept
        )
    if not isinstance(outcome, handlers.Answered):
        raise PageError(409, "not_possible", TOO_LATE)
    return web_of(request).back(request, f"/inbox/{alert}", "success", HANDED_IN)
