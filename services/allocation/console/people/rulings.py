"""One person by reference, with everything that a coordinator can rule about them under a reason."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import SEATED, Level
from services.allocation.acts.overrides import Answer
from services.allocation.acts.placements import Result
from services.allocation.console.context import explanation_store as why_store
from services.allocation.console.context import people_store as store
from services.allocation.console.context import rulings as records
from services.allocation.console.context.actors import actor_name
from services.allocation.console.context.page import (
    Console,
    Coordinator,
    Desk,
    as_uuid,
    decide,
    priority_of,
    running_clocks,
)
from services.allocation.console.proposals.decisions import answer, entry_of, reason_wrong
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visitors import Visitor

router = APIRouter(include_in_schema=False)
SECTIONS = range(1, 11)
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.\s*([0-9]{1,2})\.\s*([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed into one of the page's forms, and what is wrong with it."""

    about: str = ""
    """Which form: place, hold, exclude, deviation."""
    error: str = ""
    """In the visitor's language; empty if nothing is wrong."""
    values: FormData = field(default_factory=FormData)
    against: Sequence[str] = ()
    """Hard rules that speak against the chosen course."""

    def value(self, about: str, name: str) -> str:
        """Return what was typed, for the form it was typed into."""
        return str(self.values.get(name) or "") if about == self.about else ""


@router.get("/people/{participant}")
async def person(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Show one person by reference: facts, clocks, main reason, rulings, every step so far."""
    return await _page(request, desk, visitor, participant, Entered())


async def _page(
    request: Request, desk: Console, visitor: Visitor, participant: UUID, entered: Entered
) -> Response:
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        row = await store.person(conn, participant)
        if row is None:
            raise not_found()
        steps = await store.steps_of(conn, participant)
        names = await store.publisher_names(conn)
        rulings = await records.rulings_of(conn, participant)
        entries = await store.free_entries(conn, participant, moment.today)
        providers = await records.providers(conn)
        live = await store.live_placements(conn, participant)
        remedy = None if live else await why_store.remedy_of(conn, participant)
    web = web_of(request)
    return web.page(
        request,
        "person.html",
        422 if entered.error else 200,
        person=row,
        steps=steps,
        actor=lambda actor: actor_name(web, request, actor, names),
        moment=moment,
        clocks=running_clocks(row, moment.clocks),
        priority=priority_of(row, moment.rules),
        remedy=remedy,
        rulings=rulings,
        entries=entries,
        providers=providers,
        offer=next((one["placement"] for one in live if one["state"] not in SEATED), None),
        seat=next((one["placement"] for one in live if one["state"] in SEATED), None),
        sections=[(number, number) for number in SECTIONS],
        levels=[level.value for level in Level],
        entered=entered,
    )


Rule = Callable[[asyncpg.Connection], Awaitable[Answer]]


async def _rule(  # noqa: PLR0917 - a form's answer
    request: Request,
    desk: Console,
    visitor: Visitor,
    participant: UUID,
    rule: Rule,
    done: str,
) -> Response:
    return answer(request, await decide(desk, visitor, rule), f"/people/{participant}", done)


async def _wrong(  # noqa: PLR0917 - an error repeats the page with what was entered
    request: Request,
    desk: Console,
    visitor: Visitor,
    participant: UUID,
    about: str,
    error: str,
    form: FormData,
) -> Response:
    text = web_of(request).texts(request).plain(error)
    return await _page(request, desk, visitor, participant, Entered(about, text, form))


def _reason(form: FormData) -> str:
    return str(form.get("reason") or "").strip()


@router.post("/people/{participant}/place")
async def place(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Give the person a place; what speaks against it is shown first and has to be known."""
    form = await request.form()
    reason, choice = _reason(form), str(form.get("entry") or "")
    course, section = entry_of(choice)
    wrong = reason_wrong(reason) or (
        "" if course else msgid("Please choose the course that the person should get.")
    )
    if wrong or course is None:
        return await _wrong(request, desk, visitor, participant, "place", wrong, form)
    if form.get("known") != choice:
        async with desk.open(visitor) as conn:
            against = await desk.against(conn, participant, course, section, desk.clock.now())
        if against:
            entered = Entered("place", values=form, against=against)
            return await _page(request, desk, visitor, participant, entered)

    async def give(conn: asyncpg.Connection) -> Result:
        return await desk.placements.override(
            conn,
            participant,
            course,
            section,
            visitor.key,
            reason,
            desk.clock.now(),
            present=bool(form.get("present")),
        )

    done = msgid("The person has the place; the seat is held.")
    return answer(request, await decide(desk, visitor, give), f"/people/{participant}", done)


@router.post("/people/{participant}/hold")
async def hold(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Do not steer the person until a day."""
    form = await request.form()
    reason, typed = _reason(form), str(form.get("until") or "").strip()
    until = day_of(typed)
    wrong = reason_wrong(reason)
    if typed and (until is None or until <= desk.moment().today):
        wrong = msgid("Please enter a day to come, for example 24.05.2026.")
    if wrong:
        return await _wrong(request, desk, visitor, participant, "hold", wrong, form)

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.hold(conn, participant, until, visitor.key, reason, desk.clock.now())

    done = msgid("The person is on hold and gets no proposals.")
    return await _rule(request, desk, visitor, participant, rule, done)


def day_of(text: str) -> date | None:
    """Read a day as people write it.

    >>> day_of("24.5.2026"), day_of("2026-05-24"), day_of("soon")
    (datetime.date(2026, 5, 24), datetime.date(2026, 5, 24), None)
    """
    german = _GERMAN_DAY.fullmatch(text)
    try:
        if german:
            return date(int(german[3]), int(german[2]), int(german[1]))
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.post("/people/{participant}/hold/end")
async def end_hold(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Steer the person again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_hold(conn, participant, visitor.key, desk.clock.now())

    done = msgid("The hold has ended. The person takes part in the next steering run.")
    return await _rule(request, desk, visitor, participant, rule, done)


@router.post("/people/{participant}/exclude")
async def exclude(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Never give the person this course, or a course of this provider."""
    form = await request.form()
    reason, what = _reason(form), exclusion_of(str(form.get("what") or ""))
    wrong = reason_wrong(reason) or (
        "" if what else msgid("Please choose the course or the provider that the person should not get.")
    )
    if wrong or what is None:
        return await _wrong(request, desk, visitor, participant, "exclude", wrong, form)

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.exclude(conn, participant, what, visitor.key, reason, desk.clock.now())

    done = msgid("It is excluded for this person.")
    return await _rule(request, desk, visitor, participant, rule, done)


def exclusion_of(choice: str) -> Exclude | None:
    """Read what is to be excluded: `course:<id>` or `provider:<slug>`."""
    kind, _, name = choice.partition(":")
    course = as_uuid(name)
    if kind == "course" and course is not None:
        return ExcludeCourse(course)
    return ExcludeProvider(name) if kind == "provider" and name else None


@router.post("/people/{participant}/exclusions/{exclusion}/end")
async def end_exclusion(
    request: Request, desk: Desk, visitor: Coordinator, participant: UUID, exclusion: UUID
) -> Response:
    """Let the person come there again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_exclusion(conn, exclusion, visitor.key, desk.clock.now())

    done = msgid("The exclusion has ended.")
    return await _rule(request, desk, visitor, participant, rule, done)


@router.post("/people/{participant}/deviation")
async def deviate(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Let another section or level count than the placement test says."""
    form = await request.form()
    reason, what = _reason(form), deviation_of(form)
    wrong = reason_wrong(reason) or (
        "" if what else msgid("Please choose a section or a level that counts instead of the test.")
    )
    if wrong or what is None:
        return await _wrong(request, desk, visitor, participant, "deviation", wrong, form)

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.deviate(conn, participant, what, visitor.key, reason, desk.clock.now())

    done = msgid("The deviation from the placement test is on record.")
    return await _rule(request, desk, visitor, participant, rule, done)


def deviation_of(form: FormData) -> Deviate | None:
    """Read what counts instead of the test; None if it is neither a section nor a level."""
    number, level = str(form.get("section") or ""), str(form.get("level") or "")
    section = int(number) if number.isdecimal() and len(number) < 3 and int(number) in SECTIONS else None  # noqa: PLR2004
    known = level if level in {one.value for one in Level} else None
    return None if section is None and known is None else Deviate(section, known)


@router.post("/people/{participant}/deviation/end")
async def end_deviation(request: Request, desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """Let the placement test count again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_deviation(conn, participant, visitor.key, desk.clock.now())

    done = msgid("The placement test counts again.")
    return await _rule(request, desk, visitor, participant, rule, done)
