"""Takes what outside sources count, the whole that reach is measured against, as a CSV file."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.allocation.console.context.forms import text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.figures import outside
from services.allocation.figures.outside_file import LARGEST, OutsideFile, read
from services.runtime.web.bodies import form_of, takes_up_to
from services.runtime.web.languages import day_of, msgid
from services.texts.figures import part_words

router = APIRouter(include_in_schema=False)
_ADDRESS = "/outcomes/sources"


@router.get(_ADDRESS)
async def sources(visit: CoordinatorVisit) -> Response:
    """Show what was imported, and the form."""
    return await _page(visit)


async def _page(visit: Visit, mistakes: Sequence[str] = (), error: str = "") -> Response:
    async with visit.open() as conn:
        rows = await outside.imported(conn, visit.kreis)
        latest = await outside.latest(conn, visit.kreis, visit.moment().today)
    return visit.page(
        "outcomes-sources.html",
        422 if mistakes or error else 200,
        kreis=visit.kreis,
        kreise=[(kreis, visit.place(kreis)) for kreis in visit.visitor.kreise],
        rows=rows,
        latest=[
            (
                visit.place(one.town) if one.town else part_words(visit.texts, one.population, visit.place),
                one,
            )
            for one in latest.values()
        ],
        mistakes=mistakes,
        error=visit.texts.plain(error) if error else "",
        actor=visit.actor,
    )


@router.post(_ADDRESS)
@takes_up_to(LARGEST + 65_536)
async def take(visit: CoordinatorVisit) -> Response:
    """Take a file as a whole, or say what is wrong with it and take nothing."""
    sent = (await form_of(visit.request)).get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        return await _page(visit, error=msgid("Please choose a file."))
    raw = await sent.read()
    await sent.close()
    moment = visit.moment()
    towns = {town.ags: town.name for town in visit.places.of([visit.kreis], moment.today)}
    file = read(raw, towns, moment.today)
    if file.mistakes:
        return await _page(visit, _mistakes(visit, file))
    async with visit.open() as conn:
        await outside.take(conn, visit.kreis, file.counts, visit.visitor.key, moment.now)
    text = visit.texts.ngettext("%(num)s count was taken.", "%(num)s counts were taken.", len(file.counts))
    visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, f"{_ADDRESS}?kreis={visit.kreis}")


@router.post(f"{_ADDRESS}/remove")
async def remove(visit: CoordinatorVisit) -> Response:
    """Forget what a source said of a day."""
    form = await visit.request.form()
    source, day = text_of(form, "source"), day_of(text_of(form, "day"))
    if day is None:
        return await _page(visit, error=msgid("This source is not there any more."))
    async with visit.open() as conn:
        gone = await outside.remove(conn, visit.kreis, source, day)
    if not gone:
        return await _page(visit, error=msgid("This source is not there any more."))
    return visit.web.back(
        visit.request, f"{_ADDRESS}?kreis={visit.kreis}", "success", msgid("The source was removed.")
    )


def _mistakes(visit: Visit, file: OutsideFile) -> list[str]:
    texts = visit.texts
    found = [
        texts.gettext(
            msgid("Line %(line)s, column %(column)s: %(what)s. %(todo)s"),
            line=one.line,
            column=one.column,
            what=texts.gettext(one.what, **one.values),
            todo=texts.gettext(one.todo, **one.values),
        )
        for one in file.mistakes
    ]
    if file.more:
        found.append(texts.gettext(msgid("and %(more)s more mistakes"), more=file.more))
    return found
