"""Serves /towns: a directory is sent, shown with what it would change, and taken."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from schemas.days import local_day
from services.places import store
from services.places.current import CurrentPlaces
from services.places.domain import ManyEndError, PlacesError, Said, say
from services.places.lines import LARGEST_FILE
from services.places.loading import File, Loaded, load
from services.places.upload import store as uploads
from services.places.upload.reader import DirectoryReader, UnreadableError
from services.places.upload.store import Upload
from services.runtime.base.clock import Clock
from services.runtime.data.db import acquire, transaction
from services.runtime.web.bodies import form_of, takes_up_to
from services.runtime.web.languages import Texts, day_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.visitors import Visitor

TOWNS = "/towns"
_FORM_BYTES = LARGEST_FILE + 65_536
NO_FILE = say("Please choose a file.")
NO_DAY = say("Please write the day like 31.12.2026, or leave the field empty.")
FOREIGN = say(
    "A list of your own may only hold towns of your Kreis. Load others with the official directory."
)
ELSEWHERE = say(
    "The directory was not taken: the gateway did not take it. Please try again in a few minutes."
)

PassOn = Callable[[Upload, bool], Awaitable[Said | None]]
"""Gives a file (and whether many towns may end) to another database first; returns why it was not taken."""


@dataclass(frozen=True, slots=True)
class TownsPages:
    """What the pages work with; `pass_on` is None where only this service's database is theirs."""

    worker: asyncpg.Pool
    clock: Clock
    places: CurrentPlaces
    pass_on: PassOn | None = None
    reader: DirectoryReader = field(default_factory=DirectoryReader)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file would change."""

    upload: UUID
    file: File
    loaded: Loaded
    own: Mapping[str, int]
    """Towns of each own Kreis afterwards."""
    many_end: bool


class _LookedError(Exception):
    """Ends a transaction that was only to show what would happen."""


def create_towns_router(may: Callable[..., Visitor | Awaitable[Visitor]]) -> APIRouter:
    """Build the pages; `may` is the dependency that lets people in."""
    router = APIRouter(include_in_schema=False)
    somebody = Annotated[Visitor, Depends(may)]

    @router.get(TOWNS)
    async def towns(request: Request, visitor: somebody) -> Response:
        """Show what is loaded, and the form."""
        return await _page(request, visitor)

    @router.post(f"{TOWNS}/check")
    @takes_up_to(_FORM_BYTES)
    async def check(request: Request, visitor: somebody) -> Response:
        """Read a file and show what it would change; nothing is taken."""
        return await _check(request, visitor)

    @router.post(f"{TOWNS}/take")
    async def take(request: Request, visitor: somebody) -> Response:
        """Take a file that was shown."""
        return await _take(request, visitor)

    return router


def _pages_of(request: Request) -> TownsPages:
    pages = request.app.state.towns
    assert isinstance(pages, TownsPages)  # noqa: S101 - set by the factory
    return pages


async def _page(
    request: Request,
    visitor: Visitor,
    *,
    error: Said | None = None,
    mistakes: Sequence[str] = (),
    shown: Shown | None = None,
) -> Response:
    pages, web = _pages_of(request), web_of(request)
    texts, today = web.texts(request), local_day(pages.clock.now())
    async with acquire(pages.worker) as conn:
        editions = await store.editions(conn)
        own = await store.towns_in(conn, visitor.kreise, today)
    return web.page(
        request,
        "towns.html",
        422 if error or mistakes else 200,
        editions=list(reversed(editions))[:10],
        kreise=[(kreis, own.get(kreis, 0)) for kreis in visitor.kreise],
        error=_translated(texts, error) if error else "",
        mistakes=mistakes,
        shown=shown,
        most=LARGEST_FILE // 1_000_000,
    )


def _translated(texts: Texts, said: Said) -> str:
    return texts.gettext(said.msgid, **said.params)


async def _check(request: Request, visitor: Visitor) -> Response:
    pages, web = _pages_of(request), web_of(request)
    texts, sent = web.texts(request), await _sent(await form_of(request))
    if isinstance(sent, Said):
        return await _page(request, visitor, error=sent)
    try:
        file = await _read(pages, sent, visitor)
        shown = await _look(pages, sent, file, visitor)
    except UnreadableError as unreadable:
        error = unreadable.error
        mistakes = [
            texts.gettext(
                "Line %(line)s, column %(column)s%(field)s: %(what)s. %(todo)s",
                line=one.line,
                column=one.column,
                field=f" ({one.field})" if one.field else "",
                what=_translated(texts, one.what),
                todo=_translated(texts, one.todo),
            )
            for one in error.faults
        ]
        if unreadable.more:
            mistakes.append(texts.gettext("and %(more)s more mistakes", more=unreadable.more))
        return await _page(request, visitor, error=error.said, mistakes=mistakes)
    except PlacesError as error:
        return await _page(request, visitor, error=error.said)
    return await _page(request, visitor, shown=shown)


async def _sent(form: FormData) -> Upload | Said:
    file, day = form.get("file"), str(form.get("as_of") or "").strip()
    as_of = day_of(day) if day else None
    if not isinstance(file, UploadFile):
        return NO_FILE
    raw = await file.read()
    await file.close()
    if not file.filename:
        return NO_FILE
    if day and as_of is None:
        return NO_DAY
    return Upload(file.filename[-200:], raw, as_of)


async def _read(pages: TownsPages, sent: Upload, visitor: Visitor) -> File:
    """Read a file in a process of its own; a list of one's own may only tell of the own Kreise."""
    today = local_day(pages.clock.now())
    file = await pages.reader.read(sent.name, sent.raw, today=today, as_of=sent.as_of)
    if file.edition.source != "gv100ad" and not {town.kreis for town in file.towns} <= {*visitor.kreise}:
        raise PlacesError(FOREIGN, FOREIGN)
    return file


async def _look(pages: TownsPages, sent: Upload, file: File, visitor: Visitor) -> Shown:
    """Find out what a file would change: it is loaded, looked at, and taken back."""
    found: list[tuple[Loaded, Mapping[str, int], bool]] = []
    today = local_day(pages.clock.now())
    try:
        async with transaction(pages.worker) as conn:
            loaded, many = await _tried(conn, file)
            found.append((loaded, await store.towns_in(conn, visitor.kreise, today), many))
            raise _LookedError  # noqa: TRY301 -- the transaction has to see it
    except _LookedError:
        (loaded, own, many), *_ = found
    async with transaction(pages.worker) as conn:
        upload = await uploads.keep(conn, sent, visitor.kreise)
    return Shown(upload, file, loaded, own, many)


async def _tried(conn: asyncpg.Connection, file: File) -> tuple[Loaded, bool]:
    """Load a file; return also whether so many towns end that somebody has to say that it is right."""
    try:
        return await load(conn, file), False
    except ManyEndError:
        return await load(conn, file, many_may_end=True), True


async def _take(request: Request, visitor: Visitor) -> Response:
    pages, web = _pages_of(request), web_of(request)
    form = await form_of(request)
    sent = await _kept(pages, form, visitor)
    many_end = form.get("many_end") == "1"
    try:
        file = await _read(pages, sent, visitor)
        refused = None if pages.pass_on is None else await pages.pass_on(sent, many_end)
        if refused is not None:
            return await _page(request, visitor, error=refused)
        async with transaction(pages.worker) as conn:
            loaded = await load(conn, file, many_may_end=many_end)
            await uploads.forget(conn, _id(form) or UUID(int=0))
    except UnreadableError as unreadable:
        return await _page(request, visitor, error=unreadable.error.said)
    except PlacesError as error:
        return await _page(request, visitor, error=error.said)
    await pages.places.refreshed()
    return web.back(
        request,
        TOWNS,
        "success",
        "Taken: %(towns)s towns as of %(day)s.",
        towns=loaded.edition.towns,
        day=web.texts(request).date(loaded.edition.day),
    )


def _id(form: FormData) -> UUID | None:
    try:
        return UUID(str(form.get("upload")))
    except ValueError:
        return None


async def _kept(pages: TownsPages, form: FormData, visitor: Visitor) -> Upload:
    upload = _id(form)
    if upload is None:
        raise not_found()
    async with acquire(pages.worker) as conn:
        sent = await uploads.kept(conn, upload, visitor.kreise)
    if sent is None:
        raise not_found()
    return sent
