"""Puts an alert off on its page, and says until when one can choose and why it was not put off."""

from collections.abc import Mapping
from datetime import datetime, time
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.days import LOCAL, add_days, local_day
from services.notifications.alerts.domain import AlertState
from services.notifications.alerts.handlers import NotPossible
from services.notifications.alerts.snoozing import NotSnoozed, Snoozed, snooze
from services.notifications.pages.context import Context, Counsellor
from services.notifications.pages.inbox.one import PUT_OFF_FOR, show
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, wants_json

router = APIRouter(prefix="/inbox", include_in_schema=False)
_MORNING = time(7)
NO_DAYS = msgid("Please choose until when it is put off.")
PUT_OFF = msgid("It is put off until %(time)s. Your office is reminded then.")
NOT_PUT_OFF: Mapping[NotSnoozed, str] = {
    NotSnoozed.PAST: msgid("This time has passed already. Please choose a later one."),
    NotSnoozed.TOO_LONG: msgid(
        "It cannot be put off that long: at most two weeks at once, and at most four weeks after it was"
        " raised."
    ),
}
NOT_PUT_OFF_OF_SEVERAL: Mapping[NotSnoozed, str] = {
    NotSnoozed.PAST: msgid("cannot be put off to a time that has passed"),
    NotSnoozed.TOO_LONG: msgid("cannot be put off that long any more"),
}
TOO_LATE = msgid("This is no longer possible: the alert was answered or withdrawn meanwhile.")


def until_of(days: str, now: datetime) -> datetime:
    """Return the morning in Germany so many days later; `days` is one of `PUT_OFF_FOR`.

    >>> until_of("1", datetime.fromisoformat("2026-03-28T23:30:00+00:00")).isoformat()
    '2026-03-30T07:00:00+02:00'
    """
    return datetime.combine(add_days(local_day(now), int(days)), _MORNING, LOCAL)


@router.post("/{alert}/snooze")
async def put_off(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """Put an unanswered alert off until the morning that was chosen."""
    if "json" in request.headers.get("content-type", ""):
        body = await request.json() if await request.body() else {}
        days = str(body.get("days") or "") if isinstance(body, dict) else ""
    else:
        days = str((await form_of(request)).get("days") or "")
    wrong = NO_DAYS
    if days in PUT_OFF_FOR:
        now = context.now()
        outcome = await context.act(
            visitor, lambda conn: snooze(conn, alert, until_of(days, now), visitor.key, now)
        )
        match outcome:
            case Snoozed(until=until):
                return _put_off(request, alert, until)
            case NotPossible(state=state):
                raise not_found() if state is None else PageError(409, "not_possible", TOO_LATE)
            case NotSnoozed():
                wrong = NOT_PUT_OFF[outcome]
    if wants_json(request):
        raise PageError(422, "not_put_off", wrong)
    return await show(request, context, visitor, alert, errors={"days": wrong}, entered={"days": days})


def _put_off(request: Request, alert: UUID, until: datetime) -> Response:
    if wants_json(request):
        put_off_until = until.isoformat()
        return JSONResponse({"alert": str(alert), "state": AlertState.SEEN, "put_off_until": put_off_until})
    web = web_of(request)
    return web.back(request, "/inbox", "success", PUT_OFF, time=web.texts(request).time(until))
