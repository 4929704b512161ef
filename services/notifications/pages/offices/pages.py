"""Serves the directory of counselling offices: the list, one office, its form for those who keep it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.offices import own_store
from services.notifications.offices.directory_file import StandInFault
from services.notifications.offices.domain import WEEKDAYS
from services.notifications.offices.entries import LANGUAGE_CODES
from services.notifications.offices.saving import Edit, NotSaved, save, slug_for
from services.notifications.pages.context import Context, PageContext, context_of
from services.notifications.pages.offices import form, words
from services.notifications.pages.roles import (
    ADMINISTRATOR,
    AUDITOR,
    CLERK,
    COUNSELLOR,
    OPERATOR,
    TEAM_LEAD,
)
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import NOTHING
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options

router = APIRouter(prefix="/offices", include_in_schema=False)
Keeper = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, ADMINISTRATOR, OPERATOR))]
Reader = Annotated[
    Visitor, Depends(signed_in(TEAM_LEAD, ADMINISTRATOR, OPERATOR, reading=(COUNSELLOR, CLERK, AUDITOR)))
]
_CHANGES_SHOWN = 20
_OUTDATED = words.OUTDATED


@router.get("")
async def listed(request: Request, context: Context, visitor: Reader) -> Response:
    """List the whole directory, active offices first."""
    async with context.open(visitor) as conn:
        rows = await own_store.listed(conn)
        keeps = await _keeps(request, conn)
    texts = web_of(request).texts(request)
    return web_of(request).page(
        request,
        "offices.html",
        rows=rows,
        own=visitor.organisation,
        keeps=keeps,
        kind=lambda kind: words.kind_name(texts, kind),
        language=lambda code: words.language_name(texts, code),
    )


async def _keeps(request: Request, conn: asyncpg.Connection) -> bool:
    """Return whether the visitor keeps their organisation's offices, by role and by kind of organisation."""
    return not request.state.reads_only and await own_store.may_keep(conn)


@router.get("/new")
async def new(request: Request, context: Context, visitor: Keeper) -> Response:
    """Show the form of a new office."""
    async with context.open(visitor) as conn:
        if not await own_store.may_keep(conn):
            raise not_found()
        return await _form_page(request, conn, None, form.OfficeForm(form.empty()))


@router.post("/new")
async def add(request: Request, context: Context, visitor: Keeper) -> Response:
    """Add an office of one's own organisation."""
    async with context.open(visitor) as conn:
        if not await own_store.may_keep(conn):
            raise not_found()
        sent = await form_of(request)
        taken = await own_store.taken_slugs(conn)
        offices = {row["slug"] for row in await own_store.listed(conn)}
        own = visitor.publisher
        # The organisation's people speak for this publisher: only under its slug they get the alerts.
        slug = own if own and own not in offices else slug_for(str(sent.get("name") or "")[:200], taken)
        return await _save(request, context, conn, visitor, _Target(slug, None, None))


def _told(value: object) -> str:
    """Write a value of a change for people: lists with commas, nothing as a dash."""
    match value:
        case None | "" | [] | {}:
            return NOTHING
        case list():
            return ", ".join(map(str, value))
        case dict():
            spans = (f"{day} {', '.join('-'.join(span) for span in found)}" for day, found in value.items())
            return "; ".join(spans)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class _Target:
    """What a form is about: the slug, the version that was opened, the stored office."""

    slug: str
    version: int | None
    row: asyncpg.Record | None


@router.get("/{office}")
async def one(request: Request, context: Context, visitor: Reader, office: str) -> Response:
    """Show an office; whoever keeps it gets its form."""
    web = web_of(request)
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        row = await own_store.office(conn, office)
        if row is None:
            raise not_found()
        if row["organisation"] == visitor.organisation and await _keeps(request, conn):
            return await _form_page(request, conn, row, form.OfficeForm(form.values_of(dict(row), texts)))
        names = {other["slug"]: other["name"] for other in await own_store.listed(conn)}
    return web.page(
        request,
        "office.html",
        row=row,
        values=form.values_of(dict(row), texts),
        names=names,
        weekdays=options(texts, "weekday"),
        kind=words.kind_name(texts, row["kind"]),
        language=lambda code: words.language_name(texts, code),
        phase=lambda code: texts.plain(words.PHASES[code]),
        target=lambda code: texts.plain(words.TARGET_GROUPS[code]),
        agreements=[words.agreement_text(texts, agreed, _place_of(context)) for agreed in row["agreements"]],
    )


@router.post("/{office}")
async def change(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Change an office of one's own organisation, if nobody else has since it was opened."""
    async with context.open(visitor) as conn:
        row = await own_store.office(conn, office)
        if row is None or row["organisation"] != visitor.organisation or not await own_store.may_keep(conn):
            raise not_found()
        version = str((await form_of(request)).get("version") or "")
        if not (version.isascii() and version.isdigit() and len(version) < 10):  # noqa: PLR2004 - an integer
            raise PageError(
                422, "version", "This form is incomplete. Please open the page again and repeat your entry."
            )
        return await _save(request, context, conn, visitor, _Target(office, int(version), row))


async def _save(
    request: Request, context: PageContext, conn: asyncpg.Connection, visitor: Visitor, target: _Target
) -> Response:
    """Save what the form says, or show it again with what is wrong."""
    sent = await form_of(request)
    entered = form.read(
        sent,
        target.slug,
        visitor.organisation or "",
        context.today(),
        context.places.now,
        agreements=_agreements(target.row),
    )
    if entered.entry is None:
        return await _form_page(request, conn, target.row, entered)
    saved = await save(conn, entered.entry, Edit(visitor.key, context.now(), target.version))
    match saved:
        case StandInFault.UNKNOWN:
            entered.wrong("stand_in", words.FIELDS["stand_in"])
        case StandInFault.ALL_CLOSED:
            entered.wrong("stand_in", words.ALL_CLOSED)
        case NotSaved.SAME_NAME:
            entered.wrong("name", words.SAME_NAME)
        case NotSaved.OUTDATED:
            return web_of(request).back(request, f"/offices/{target.slug}", "danger", _OUTDATED)
        case _:
            return web_of(request).back(request, f"/offices/{target.slug}", "success", "The office is saved.")
    return await _form_page(request, conn, target.row, entered)


def _agreements(row: asyncpg.Record | None) -> list[dict[str, Any]]:
    return [] if row is None else list(row["agreements"])


def _place_of(context: PageContext) -> Callable[[str], str]:
    return lambda ags: context.places.now.name(ags) or ags


async def _form_page(
    request: Request, conn: asyncpg.Connection, row: asyncpg.Record | None, entered: form.OfficeForm
) -> Response:
    web = web_of(request)
    texts = web.texts(request)
    slug = row["slug"] if row else ""
    others = [other for other in await own_store.listed(conn) if other["slug"] != slug]
    changes = await own_store.changes(conn, slug, _CHANGES_SHOWN) if row else []
    chosen = list(entered.values["languages"])
    shown = dict.fromkeys([*words.USUAL_LANGUAGES, *chosen])
    values: dict[str, Any] = defaultdict(str, entered.values)
    return web.page(
        request,
        "office-form.html",
        422 if entered.errors else 200,
        row=row,
        values=values,
        errors=defaultdict(str, entered.told(texts)),
        place=entered.place,
        seat=entered.seat,
        kinds=words.kind_options(texts, str(values["kind"])),
        languages=[(code, words.language_name(texts, code)) for code in shown if code in LANGUAGE_CODES],
        further=[pair for pair in words.language_options(texts) if pair[0] not in shown],
        neighbour=entered.neighbour,
        phases=options(texts, "asylum"),
        target_groups=[(code, texts.plain(text)) for code, text in words.TARGET_GROUPS.items()],
        course_phases=[(code, texts.plain(words.PHASES[code])) for code in form.COURSE_PHASES],
        agreements=[
            words.agreement_text(texts, one, _place_of(context_of(request))) for one in _agreements(row)
        ],
        weekdays=[(day, word) for day, word in options(texts, "weekday") if day in WEEKDAYS],
        others=[(other["slug"], other["name"]) for other in others],
        changes=changes,
        label=lambda name: texts.plain(words.LABELS.get(name, name)),
        told=_told,
        who=lambda key: web.sign_in.name_of(key) or key,
    )
