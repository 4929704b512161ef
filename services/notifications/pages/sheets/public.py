"""Serves the public page of a counselling office, to which the code on a sheet leads: without a sign-in."""

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.offices.store import hours_of
from services.notifications.pages.context import Context
from services.notifications.pages.sheets import store
from services.notifications.sheets.help_page import help_page
from services.notifications.sheets.languages import GERMAN, LANGUAGES, texts_of
from services.runtime.data.db import web_transaction
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import anybody

_SLUG = re.compile(r"[a-z0-9-]{1,48}")
router = APIRouter(include_in_schema=False, dependencies=[anybody])


@router.get("/help/{office}")
async def shown(request: Request, context: Context, office: str, lang: str = GERMAN) -> Response:
    """Tell anybody when an office is open, which languages it speaks and how to call it."""
    if not _SLUG.fullmatch(office):
        raise not_found()
    async with web_transaction(context.pool) as conn:
        row = await store.help_office(conn, office)
    if row is None:
        raise not_found()
    chosen = LANGUAGES.get(lang, LANGUAGES[GERMAN])
    answer = web_of(request).public_page(
        "help.html",
        "de",
        chosen=chosen,
        languages=list(LANGUAGES.values()),
        told=help_page(
            texts_of(chosen.code),
            row["name"],
            row["phone"] or "",
            row["languages"],
            hours_of(row["hours"]),
            active=row["active"],
        ),
        path=request.url.path,
    )
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer
