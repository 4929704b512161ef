"""Serves the consent form in eight languages: to read and explain in class, and to print."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.pages import store as pages_store
from services.notifications.pages.consents import store
from services.notifications.pages.context import Context
from services.notifications.pages.roles import AUDITOR, CLERK, COUNSELLOR, PROVIDER, TEAM_LEAD
from services.notifications.sheets.consent_form import FormFacts, consent_form
from services.notifications.sheets.forms.wording import kept, latest, versions
from services.notifications.sheets.languages import LANGUAGES
from services.notifications.sheets.typesetting import pdf
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/consent-forms", include_in_schema=False)
Reader = Annotated[Visitor, Depends(signed_in(CLERK, PROVIDER, COUNSELLOR, TEAM_LEAD, reading=(AUDITOR,)))]


async def _facts(context: Context, visitor: Reader, office: str = "", course: str = "") -> FormFacts:
    """Return what is printed on the form already; what nobody knows is left to write by hand."""
    async with context.open(visitor) as conn:
        named = {one["slug"]: one["name"] for one in await pages_store.offices(conn)}
        try:
            row = await store.course(conn, UUID(course))
        except ValueError:
            row = None
    return FormFacts(
        office=named.get(office, ""),
        course=row["title"] if row else "",
        school=(row["provider_name"] or "") if row else "",
    )


Facts = Annotated[FormFacts, Depends(_facts)]


@router.get("")
async def listed(
    request: Request, context: Context, visitor: Reader, facts: Facts, office: str = "", *, course: str = ""
) -> Response:
    """List the languages of the form; office and course of the address are printed on it."""
    async with context.open(visitor) as conn:
        offices = [(one["slug"], one["name"]) for one in await pages_store.offices(conn)]
    return web_of(request).page(
        request,
        "consent-forms.html",
        languages=list(LANGUAGES.values()),
        offices=offices,
        office=office if office in dict(offices) else "",
        course=course if _is_id(course) else "",
        facts=facts,
        version=latest(),
        versions=versions(),
    )


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@router.get("/{language}")
async def form(request: Request, facts: Facts, language: str) -> Response:
    """Show the form in a language, to read it together."""
    if language not in LANGUAGES:
        raise not_found()
    return web_of(request).page(
        request,
        "consent-form.html",
        sheet=consent_form(language, latest(), facts),
        language=LANGUAGES[language],
    )


@router.get("/{language}/pdf")
async def printed(context: Context, facts: Facts, language: str) -> Response:
    """Print the form in a language."""
    if language not in LANGUAGES:
        raise not_found()
    sheet = consent_form(language, latest(), facts)
    raw = await asyncio.to_thread(pdf, [sheet], context.now())
    name = f"einwilligung-{latest()}-{language}.pdf"
    return Response(
        raw, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


@router.get("/{language}/{version}/words")
async def words(visitor: Reader, language: str, version: str) -> Response:  # noqa: ARG001 - who may ask
    """Give the exact words of a version, as they were signed."""
    try:
        return Response(kept(version, language), media_type="text/plain; charset=utf-8")
    except KeyError:
        raise not_found() from None
