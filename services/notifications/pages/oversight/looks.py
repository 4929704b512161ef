"""Serves the data protection officer's page: who looked at whose name in the own organisation, and why."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from schemas.bounds import EARLIEST, LATEST
from schemas.days import LOCAL
from services.notifications.pages.context import Context
from services.notifications.pages.roles import AUDITOR, DATA_PROTECTION
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.tables import PAGE_SIZE
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/looks", include_in_schema=False)
Officer = Annotated[Visitor, Depends(signed_in(DATA_PROTECTION, reading=(AUDITOR,)))]
_NO_DAY = msgid("Please enter the day, for example 24.05.2026.")
PURPOSES = {
    "registration": msgid("to register and accompany the person"),
    "roster": msgid("for the list of a course"),
    "enrolment_notice": msgid("to tell that a course begins"),
    "dropout_support": msgid("to help when the course becomes difficult"),
    "after_course": msgid("to help after the course"),
    "subject_access": msgid("to tell the person what is kept about them"),
    "evaluation": msgid("to try the rules about risks on the past"),
}
FIELDS = {
    "family_name": msgid("family name"),
    "given_name": msgid("given name"),
    "birth_date": msgid("birth date"),
    "phone": msgid("telephone"),
    "email": msgid("e-mail"),
    "street": msgid("street"),
    "postcode": msgid("postcode"),
    "town": msgid("town"),
    "languages": msgid("languages"),
    "attendance": msgid("attendance"),
}


class _Asked(BaseModel):
    """What is looked for."""

    day: Annotated[str, Field(max_length=20)] = ""
    reference: Annotated[str, Field(max_length=64)] = ""
    page: int = 1


@router.get("")
async def looks(
    request: Request, context: Context, visitor: Officer, asked: Annotated[_Asked, Query()]
) -> Response:
    """List looks, the latest first, of a day and about a reference if these are given."""
    page, day, reference = max(1, min(asked.page, 10_000)), asked.day.strip(), asked.reference.strip()
    wanted = day_of(day) if day else None
    unreadable = bool(day) and (wanted is None or not EARLIEST <= wanted <= LATEST)
    rows: list[asyncpg.Record] = []
    if not unreadable:
        begins, ends = (None, None) if wanted is None else (_midnight(wanted), _midnight(wanted, 1))
        async with context.open(visitor) as conn:
            rows = await conn.fetch(
                "SELECT looked_at, participant_id, reference, actor, purpose, fields"
                " FROM looks_at_names($1, $2, $3, $4, $5)",
                begins,
                ends,
                reference,
                PAGE_SIZE + 1,
                (page - 1) * PAGE_SIZE,
            )
    web = web_of(request)
    texts = web.texts(request)
    return web.page(
        request,
        "looks.html",
        422 if unreadable else 200,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        day=day,
        reference=reference,
        error=texts.plain(_NO_DAY) if unreadable else "",
        who=web.sign_in.name_of,
        purpose=lambda code: texts.plain(PURPOSES[code]) if code in PURPOSES else code,
        field=lambda code: texts.plain(FIELDS[code]) if code in FIELDS else code,
    )


def _midnight(day: date, later: int = 0) -> datetime:
    """Return the moment at which a day in Germany begins."""
    return datetime.combine(day + timedelta(days=later), time(), LOCAL)
