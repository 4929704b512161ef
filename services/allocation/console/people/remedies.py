"""Shows what would help people without a place: summed, by course, and for each person."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.allocation.console.context import explanation_store
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.people.waiting import counted_from
from services.allocation.figures.named import NAMED
from services.allocation.steering.questions import queue
from services.runtime.web.languages import msgid
from services.runtime.web.tables import MOST_LINES, PAGE_SIZE, csv_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.reasons import condition, load, need, sentence

router = APIRouter(include_in_schema=False)
BY_COURSE = 40
"""Lines of the sums by course."""
IN_THE_SENTENCE = 3
"""Kinds of help named in the first sentence."""
STEPS: Mapping[str, tuple[str, str]] = {
    "test": ("/waiting?reason=blocked_placement_test", msgid("see who needs a placement test")),
    "childcare": ("/what-if", msgid("try childcare at a course")),
    "seat": ("/what-if", msgid("try more seats")),
    "start": ("/pooling", msgid("see which courses could be merged")),
    "travel_limit": ("/policy", msgid("see the limit in the policy")),
    "time_of_day": ("/next-course", msgid("see which course would help most")),
    "weekdays": ("/next-course", msgid("see which course would help most")),
    "travel": ("/next-course", msgid("see which course would help most")),
    "access": ("/next-course", msgid("see which course would help most")),
}
"""What a coordinator can do about a kind of help: where, and in words."""
Code = Annotated[str, Query(pattern="^[a-z_]{0,60}$")]


@router.get("/remedies.csv", dependencies=[fresh_sign_in])
async def remedies_csv(
    visit: CoordinatorVisit,
    code: Code = "",
) -> Response:
    """What would help each person who waits, as a file."""
    texts = visit.texts
    async with visit.open() as conn:
        rows = await explanation_store.remedies(conn, code or None, MOST_LINES, 0)
    heads = (
        msgid("Reference"),
        msgid("Waiting since"),
        msgid("Counted from"),
        msgid("What would help"),
        msgid("Then a place in"),
        msgid("Section"),
        msgid("Who gives way"),
    )
    lines = [
        (
            row["reference"],
            texts.date(row["waiting_since"]),
            counted_from(texts, after_course=row["after_course"]),
            " ".join(sentence(texts, part) for part in load(row["parts"]) or ()),
            row["title"],
            row["section"],
            row["gives_way_reference"],
        )
        for row in rows
    ]
    return csv_answer("remedies", [texts.plain(head) for head in heads], lines)


@router.get("/remedies")
async def remedies(
    visit: CoordinatorVisit,
    code: Code = "",
) -> Response:
    """Show what would help: summed, by course, and for each person who waits."""
    page, texts = visit.page_number, visit.texts
    async with visit.open() as conn:
        sums = await explanation_store.remedy_sums(conn)
        by_course = await explanation_store.remedies_by_course(conn, BY_COURSE)
        rows = await explanation_store.remedies(conn, code or None, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
        as_of = await explanation_store.remedies_as_of(conn)
        asked = next(iter(await queue.latest(conn, "remedies", 1)), None)
    return visit.page(
        "remedies.html",
        sums=sums,
        as_of=as_of,
        under_way=asked is not None and asked.under_way,
        by_course=by_course,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        code=code,
        query=f"code={code}&" if code else "",
        need=lambda one: need(texts, one),
        condition=lambda one: condition(texts, one),
        named=[one for one in sums if one["code"] != "none"][:IN_THE_SENTENCE],
        steps=STEPS,
        named_figures=NAMED,
    )
