"""Enters on an alert's page that the person told the office: I take my consent back."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications import revocation
from services.notifications.consents import evidence
from services.notifications.pages.context import Context, Counsellor, slug_of
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.one import show
from services.notifications.revocation import Told
from services.runtime.data.collisions import repeated
from services.runtime.data.db import transaction
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found

router = APIRouter(prefix="/inbox", include_in_schema=False)
NOTHING_TICKED = msgid("Please tick what the person takes back.")
NO_DAY = msgid("Please enter the day on which the person said it, for example 24.05.2026.")
NOT_YET = msgid("This day has not come yet. Please enter the day on which the person said it.")
TOO_EARLY = msgid("On this day the person had not yet given this consent.")
NO_WAY = msgid("Please choose how the person said it.")
OVER = msgid("This consent has ended already. Your office hears nothing more of the person.")
TAKEN_BACK = msgid("The consent is taken back. Alerts that rested on it are withdrawn.")


@router.post("/{alert}/take-back")
async def take_back(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """End the ticked consents for the visitor's own office, at once and with all that rested on them."""
    form = await form_of(request)
    async with context.open(visitor) as conn:
        row = await store.alert(conn, alert)
        if row is None or row["office"] != slug_of(visitor):
            raise not_found()
        participant = row["participant_id"]
        allowed = () if participant is None else await store.allowed_here(conn, participant, row["office"])
    if not allowed:
        raise PageError(409, "consent_ended", OVER)
    sent = {str(one) for one in form.getlist("purpose")}
    ticked = frozenset(one["purpose"] for one in allowed if one["purpose"] in sent)
    entered = {"said_on": str(form.get("said_on") or ""), "how": str(form.get("how") or "")}
    said_on = day_of(entered["said_on"])
    errors = {
        "purpose": "" if ticked else NOTHING_TICKED,
        "said_on": _day_fault(said_on, [one for one in allowed if one["purpose"] in ticked], context.today()),
        "how": "" if entered["how"] in evidence.HOW else NO_WAY,
    }
    if any(errors.values()) or said_on is None:
        wrong: Mapping[str, str] = {name: text for name, text in errors.items() if text}
        return await show(request, context, visitor, alert, errors=wrong, entered=entered, taken_back=ticked)
    told = Told(
        participant,
        row["organisation"],
        row["office"],
        ticked,
        said_on=said_on,
        how=entered["how"],
        entered_by=visitor.key,
    )
    ended = await repeated(
        lambda: transaction(context.worker),
        lambda conn: revocation.end_told(conn, context.secrets, told, context.now()),
    )
    if not ended:
        raise PageError(409, "consent_ended", OVER)
    return web_of(request).back(request, "/inbox", "success", TAKEN_BACK)


def _day_fault(said_on: date | None, ticked: Sequence[asyncpg.Record], today: date) -> str:
    """Return what is wrong with the day on which consents were taken back."""
    if said_on is None:
        return NO_DAY
    if said_on > today:
        return NOT_YET
    return TOO_EARLY if any(said_on < one["given_on"] for one in ticked) else ""
