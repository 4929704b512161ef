"""Shows what would help people without a place: summed, by course, and for each person."""

from collections.abc import Mapping, Sequence

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import explanation_store
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.lists.choices import AVAILABLE, HOME, LEVEL, OFFICE, TYPE
from services.allocation.console.lists.listing import Filter, Listing, rows_of
from services.allocation.console.people.waiting import counted_from
from services.allocation.figures.named import NAMED
from services.allocation.steering.questions import queue
from services.runtime.web.languages import msgid
from services.runtime.web.tables import MOST_LINES, csv_answer
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
REMEDIES = Listing(
    "/remedies",
    (Filter("code", msgid("What would help")), TYPE, LEVEL, HOME, OFFICE, AVAILABLE),
    {
        "reference": msgid("Reference"),
        "since": msgid("Waiting since"),
        "help": msgid("What would help"),
        "course": msgid("Then a place in"),
    },
    msgid("the longest wait first"),
)


@router.get("/remedies.csv", dependencies=[fresh_sign_in])
async def remedies_csv(visit: CoordinatorVisit) -> Response:
    """What would help each person who waits, as a file."""
    texts = visit.texts
    async with visit.open() as conn:
        asked = await visit.asked_of_file(conn, REMEDIES)
        rows = await explanation_store.remedies(conn, asked.values, asked.sort, limit=MOST_LINES)
    heads = (
        msgid("Reference"),
        msgid("Waiting since"),
        msgid("Counted from"),
        msgid("What would help"),
        msgid("Then a place in"),
        msgid("Course number"),
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
            row["course_number"],
            row["section"],
            row["gives_way_reference"],
        )
        for row in rows
    ]
    return csv_answer("remedies", [texts.plain(head) for head in heads], lines)


@router.get("/remedies")
async def remedies(visit: CoordinatorVisit) -> Response:
    """Show what would help: summed, by course, and for each person who waits."""
    texts = visit.texts
    async with visit.open() as conn:
        asked = await visit.asked(conn, REMEDIES)

        async def fetch(limit: int, offset: int) -> Sequence[asyncpg.Record]:
            return await explanation_store.remedies(
                conn, asked.values, asked.sort, limit=limit, offset=offset
            )

        sums = await explanation_store.remedy_sums(conn)
        by_course = await explanation_store.remedies_by_course(conn, BY_COURSE)
        rows = await rows_of(asked, fetch)
        as_of = await explanation_store.remedies_as_of(conn)
        search = next(iter(await queue.latest(conn, "remedies", 1)), None)
    return visit.page(
        "remedies.html",
        sums=sums,
        as_of=as_of,
        under_way=search is not None and search.under_way,
        by_course=by_course,
        asked=asked,
        rows=rows,
        moment=visit.moment(),
        need=lambda one: need(texts, one),
        condition=lambda one: condition(texts, one),
        named=[one for one in sums if one["code"] != "none"][:IN_THE_SENTENCE],
        steps=STEPS,
        named_figures=NAMED,
    )
