"""Pages that explain: every course for one person, a run with its certificate, what would help."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.console.context import explanation_store as why_store
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import Console, Coordinator, Desk, page_of
from services.allocation.steering.explain import store as explained
from services.allocation.steering.explain.reasons import View
from services.allocation.steering.explain.why import CourseReason, alone, why
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.runs import store as contents
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.tables import PAGE_SIZE, csv_answer
from services.runtime.web.visitors import Visitor
from services.texts.places import load_places
from services.texts.reasons import GOALS, RULES, load, need, sentence

router = APIRouter(include_in_schema=False)
BY_COURSE = 40
"""Lines of the sums by course."""
CSV_LIMIT = 20_000
NAMED = 3
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
Show = Literal["", "suitable", "blocked"]
Part = Literal["snapshot", "result", "certificate"]


async def _stored(conn: asyncpg.Connection, name: bytes) -> bytes:
    """Read a part of a run of the visitor's Kreise, alone or together with neighbours."""
    try:
        return snapshot.unpack(await contents.content(conn, name), name)
    except LookupError as error:
        raise not_found() from error


Told = tuple[tuple[CourseReason, ...], tuple[tuple[str, int], ...], bool]
"""All courses, how many of them each rule alone takes away, and whether an earlier version decided."""


def _told(raw: bytes, result: bytes, participant: UUID) -> Told:
    """Tell every course again from what is stored; a second or less, and not on the loop."""
    seen = snapshot.decode(raw)
    answer = matching.decode(result)
    view = View(seen, eligibility_of(seen), answer)
    return why(view, participant), alone(view, participant), answer.engine != matching.ENGINE


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that is said about one person; `seen`: the run knew the person."""

    person: asyncpg.Record
    remedy: Mapping[str, Any] | None
    run: UUID | None
    seen: bool
    courses: tuple[CourseReason, ...]
    taken: tuple[tuple[str, int], ...]
    older: bool = False
    """An earlier version of Kurslotse decided, whose rules may have meant something else."""


async def why_of(desk: Console, visitor: Visitor, participant: UUID) -> Explained:
    """Read and tell every course for a person of the visitor's Kreise."""
    async with desk.open(visitor) as conn:
        person = await store.person(conn, participant)
        if person is None:
            raise not_found()
        remedy = await why_store.remedy_of(conn, participant)
        run = await why_store.run_of_person(conn, participant)
        raws = None
        if run is not None:
            names = await explained.contents_of(conn, run)
            raws = await _stored(conn, names.snapshot), await _stored(conn, names.result)
    try:
        nothing: Told = ((), (), False)
        told, taken, older = nothing if raws is None else await asyncio.to_thread(_told, *raws, participant)
    except LookupError:  # registered, moved or placed since
        return Explained(person, remedy, run, seen=False, courses=(), taken=())
    return Explained(person, remedy, run, raws is not None, told, taken, older)


@router.get("/people/{participant}/why")
async def person_why(
    request: Request, desk: Desk, visitor: Coordinator, participant: UUID, show: Show = ""
) -> Response:
    """List all courses for one person: why this one, and why not that one."""
    told = await why_of(desk, visitor, participant)
    shown = [one for one in told.courses if not show or one.suitable == (show == "suitable")]
    async with desk.open(visitor) as conn:
        names_of = await why_store.course_names(conn, [one.course for one in shown])
    return web_of(request).page(
        request,
        "why.html",
        person=told.person,
        run=told.run,
        seen=told.seen,
        older=told.older,
        courses=shown,
        names=names_of,
        counts={"suitable": sum(one.suitable for one in told.courses), "all": len(told.courses)},
        show=show,
        taken=[(RULES[rule], courses) for rule, courses in told.taken],
        remedy=told.remedy,
    )


@router.get("/runs/{run}")
async def run_page(request: Request, desk: Desk, visitor: Coordinator, run: UUID) -> Response:
    """Show one run: what it proves, which courses start, the cut-offs, and how to check all of it."""
    async with desk.open(visitor) as conn:
        row = await why_store.run_row(conn, run)
        if row is None:
            raise not_found()
        result = orjson.loads(await _stored(conn, row["result"]))
        claims = None if row["certificate"] is None else orjson.loads(await _stored(conn, row["certificate"]))
        classes = _classes(orjson.loads(await _stored(conn, row["snapshot"])))
        named = {*result["started"], *result["closed"]}
        if claims is not None:
            named |= {course for course, *_ in claims["cutoffs"]}
        names = await why_store.course_names(conn, [UUID(course) for course in named])
    return web_of(request).page(
        request,
        "certificate.html",
        run=row,
        together=[load_places().get(kreis, kreis) for kreis in row["kreise"] or ()],
        started=[_course(course, names) for course in result["started"]],
        closed=[_course(course, names) for course in result["closed"]],
        claims=claims,
        bars=[] if claims is None else _bars(claims, classes, names),
        goals=GOALS,
    )


def _classes(seen: Mapping[str, Any]) -> Sequence[str]:
    return [one["code"] for one in seen["rules"]["priorities"]["classes"]]


def _course(course: str, names: Mapping[UUID, asyncpg.Record]) -> dict[str, Any]:
    row = names.get(UUID(course))
    return {
        "course": course,
        **(dict(row) if row is not None else {"title": course[:8], "provider_name": ""}),
    }


def _bars(
    claims: Mapping[str, Any], classes: Sequence[str], names: Mapping[UUID, asyncpg.Record]
) -> list[dict[str, Any]]:
    """Say each cut-off as a class and days of waiting, as far as the policy's leading goals name them."""
    bars = []
    for course, section, door, bar in claims["cutoffs"]:
        said: dict[str, Any] = {}
        if isinstance(bar, list):
            named = dict(zip(claims["rank"], bar, strict=True))
            said["class"] = classes[named["priority"]] if "priority" in named else None
            said["days"] = -named["waiting"] if "waiting" in named else None
        state = bar if isinstance(bar, str) else "rank"
        bars.append({**_course(course, names), "section": section, "door": door, "state": state, **said})
    return [bar for bar in bars if bar["state"] != "locked"]


@router.get("/runs/{run}/{part}.json")
async def run_part(desk: Desk, visitor: Coordinator, run: UUID, part: Part) -> Response:
    """Give what is stored of a run away: people numbered through, without office and reference."""
    async with desk.open(visitor) as conn:
        row = await why_store.run_row(conn, run)
        if row is None or row[part] is None:
            raise not_found()
        raws = {
            name: orjson.loads(await _stored(conn, row[name]))
            for name in ("snapshot", "result", "certificate")
            if row[name] is not None
        }
    headers = {"Content-Disposition": f'attachment; filename="{part}-{str(run)[:8]}.json"'}
    return Response(
        numbered(of_own(raws, visitor.kreise))[part], media_type="application/json", headers=headers
    )


def of_own(raws: Mapping[str, Any], kreise: Sequence[str]) -> dict[str, Any]:
    """Leave the people of other Kreise out of a common run's parts, and say how many these are."""
    everybody = raws["snapshot"]["people"]
    people = [one for one in everybody if one.get("kreis", "") in {"", *kreise}]
    if len(people) == len(everybody):
        return dict(raws)
    own = {one["id"] for one in people}
    seen = {**raws["snapshot"], "people": people, "left_out": len(everybody) - len(people)}
    places = [place for place in raws["result"]["places"] if place[0] in own]
    found = {**raws, "snapshot": seen, "result": {**raws["result"], "places": places}}
    if "certificate" in raws:
        locks = raws["certificate"]["locks"]
        families = [family for family in locks["families"] if own.issuperset(family)]
        found["certificate"] = {**raws["certificate"], "locks": {**locks, "families": families}}
    return found


def numbered(raws: Mapping[str, Any]) -> dict[str, bytes]:
    """Write a run's parts with people numbered through; what they prove can be checked as before.

    The lots are drawn from ids, so that the last goal alone cannot be added up again.
    """
    numbers = {one["id"]: f"p{at + 1:06}" for at, one in enumerate(raws["snapshot"]["people"])}
    families = {name: f"f{at + 1:06}" for at, name in enumerate(_families(raws["snapshot"]))}
    people = [
        {
            **{name: value for name, value in one.items() if name not in {"office", "version", "offer"}},
            "id": numbers[one["id"]],
            **({"family": families[one["family"]]} if one.get("family") else {}),
            **({"offer": {"entry": one["offer"]["entry"]}} if one.get("offer") else {}),
        }
        for one in raws["snapshot"]["people"]
    ]
    seen = {**raws["snapshot"], "people": people, "numbered": True}
    places = [[numbers[person], *place] for person, *place in raws["result"]["places"]]
    written = {"snapshot": _written(seen), "result": _written({**raws["result"], "places": places})}
    if "certificate" in raws:
        claims = dict(raws["certificate"])
        together = [sorted(numbers[one] for one in family) for family in claims["locks"]["families"]]
        claims["locks"] = {**claims["locks"], "families": together}
        for part in ("snapshot", "result"):
            claims[f"stored_{part}"] = claims[part]
            claims[part] = hashlib.sha256(written[part]).hexdigest()
        written["certificate"] = _written(claims)
    return written


def _families(seen: Mapping[str, Any]) -> list[str]:
    return sorted({one["family"] for one in seen["people"] if one.get("family")})


def _written(value: Any) -> bytes:  # noqa: ANN401 - a JSON value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@router.get("/remedies.csv")
async def remedies_csv(
    request: Request,
    desk: Desk,
    visitor: Coordinator,
    code: Annotated[str, Query(pattern="^[a-z_]{0,60}$")] = "",
) -> Response:
    """What would help each person who waits, as a file."""
    texts = web_of(request).texts(request)
    async with desk.open(visitor) as conn:
        rows = await why_store.remedies(conn, code or None, CSV_LIMIT, 0)
    heads = (
        msgid("Reference"),
        msgid("Waiting since"),
        msgid("What would help"),
        msgid("Then a place in"),
        msgid("Section"),
        msgid("Who gives way"),
    )
    lines = [
        (
            row["reference"],
            texts.date(row["registered_on"]),
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
    request: Request,
    desk: Desk,
    visitor: Coordinator,
    code: Annotated[str, Query(pattern="^[a-z_]{0,60}$")] = "",
) -> Response:
    """Show what would help: summed, by course, and for each person who waits."""
    page, texts = page_of(request), web_of(request).texts(request)
    async with desk.open(visitor) as conn:
        sums = await why_store.remedy_sums(conn)
        by_course = await why_store.remedies_by_course(conn, BY_COURSE)
        rows = await why_store.remedies(conn, code or None, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
        as_of = await why_store.remedies_as_of(conn)
        asked = next(iter(await tasks.latest(conn, "remedies", 1)), None)
    return web_of(request).page(
        request,
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
        named=[one for one in sums if one["code"] != "none"][:NAMED],
        steps=STEPS,
    )
