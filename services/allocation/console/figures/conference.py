"""Makes the report for the Integrationskurskonferenz: the rows of the page, as PDF or workbook."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context.forms import text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.figures.conference_files import Report, pdf, workbook
from services.allocation.console.figures.outcome_sections import Writer
from services.allocation.console.figures.outcomes import Asked, asked, period_options
from services.runtime.web.languages import msgid
from services.texts.figures import COURSES_WORDS

router = APIRouter(include_in_schema=False)
LONGEST = 120
_KINDS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_TURNS = asyncio.Semaphore(2)
"""Reports that are typeset at the same time; the others wait."""


@router.get("/outcomes/report")
async def form(visit: CoordinatorVisit) -> Response:
    """Show what the report will be of, and ask who sends it."""
    async with visit.open() as conn:
        one = await asked(visit, conn)
    return _form(visit, one)


def _form(visit: Visit, one: Asked, mistake: str = "", sender: str = "") -> Response:
    texts = visit.texts
    writer = Writer(texts, visit.place)
    return visit.page(
        "outcomes-report.html",
        422 if mistake else 200,
        kreis=visit.kreis,
        period=one.period,
        periods=dict(period_options(texts, writer, one)),
        courses=one.scope.courses or "",
        courses_words=texts.plain(COURSES_WORDS[one.scope.courses]) if one.scope.courses else "",
        error=texts.plain(mistake) if mistake else "",
        sender=sender,
        longest=LONGEST,
    )


@router.post("/outcomes/report")
async def report(visit: CoordinatorVisit) -> Response:
    """Make the report: a PDF takes about a second."""
    sent = await visit.request.form()
    sender, kind = " ".join(text_of(sent, "sender").split()), text_of(sent, "kind")
    async with visit.open() as conn:
        one = await asked(visit, conn)
    if not one.scope.quarters:
        return _form(visit, one, msgid("Nothing has been published yet."), sender)
    if not sender or len(sender) > LONGEST or not sender.isprintable():
        return _form(
            visit, one, msgid("Please name who sends the report, in at most 120 characters."), sender
        )
    told = written(visit, one, sender)
    if kind == "xlsx":
        raw = await asyncio.to_thread(workbook, told)
    else:
        kind = "pdf"
        async with _TURNS:
            raw = await asyncio.to_thread(pdf, told, visit.moment().now)
    name = f"integrationskurskonferenz-{visit.kreis}-{one.period}.{kind}"
    return Response(
        raw,
        media_type=_KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def written(visit: Visit, one: Asked, sender: str) -> Report:
    """Write the report; it is in German, whoever asks."""
    texts = visit.web.in_language("de")
    writer, scope = Writer(texts, visit.place), one.scope
    day = texts.date(visit.moment().today)
    title = texts.plain(msgid("Report for the Integrationskurskonferenz"))
    kind = texts.plain(COURSES_WORDS[scope.courses] if scope.courses else msgid("All kinds of courses"))
    kreis = visit.place(visit.kreis)
    return Report(
        title=title,
        kreis=kreis,
        language="de",
        sender=sender,
        cover=(
            (texts.plain(msgid("Period")), writer.span(scope.quarters)),
            (texts.plain(msgid("Courses")), kind),
            (texts.plain(msgid("Day")), day),
            (texts.plain(msgid("Sender")), sender),
        ),
        opening=texts.plain(
            msgid(
                "Numbers of people are given in bands, so that nobody can be recognised in them. “Not shown”"
                " does not mean zero: the group is so small that a number would tell something about single"
                " people."
            )
        ),
        contents=texts.plain(msgid("Contents")),
        footer=f"{title}, {kreis}, {day}",
        heads=tuple(
            texts.plain(one)
            for one in (
                msgid("Figure"),
                msgid("Chart"),
                msgid("Count"),
                msgid("At least"),
                msgid("At most"),
            )
        ),
        sections=writer.sections(one.published, scope, one.outside),
        quality_title=texts.plain(msgid("What the numbers can say")),
        quality=writer.quality(one.published, scope, one.outside),
    )
