"""Shows one person by reference, with everything that a coordinator can rule about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from schemas.codes import SEATED, Level
from services.allocation.console.context import explanation_store, people_store, rulings_store
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.forms import (
    SECTIONS,
    deviation_of,
    entry_of,
    exclusion_of,
    mistake_in_reason,
    text_of,
)
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.lists.entries import entries_of
from services.allocation.participants import followups
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)


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

    @property
    def find(self) -> str:
        """What was typed to find a course."""
        return str(self.values.get("find") or "")

    @property
    def searches(self) -> bool:
        """Whether only a search was asked for."""
        return self.values.get("do") == "find"

    def value(self, about: str, name: str) -> str:
        """Return what was typed, for the form it was typed into."""
        return str(self.values.get(name) or "") if about == self.about else ""


@router.get("/people/{participant}")
async def person(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Show one person by reference: facts, clocks, main reason, rulings, every step so far."""
    return await _page(visit, participant, Entered())


async def _page(visit: Visit, participant: UUID, entered: Entered) -> Response:
    moment = visit.moment()
    async with visit.open() as conn:
        row = await people_store.person(conn, participant)
        if row is None:
            raise not_found()
        steps = await people_store.steps_of(conn, participant)
        names = await people_store.publisher_names(conn)
        rulings = await rulings_store.rulings_of(conn, participant)
        entries = await entries_of(
            conn,
            visit.context.rules_against,
            participant,
            (moment.today, moment.now),
            find=entered.find,
            chosen=entry_of(entered.value("place", "entry")),
        )
        providers = await rulings_store.providers(conn)
        live = await people_store.live_placements(conn, participant)
        followed_up = await followups.of_person(conn, participant)
        place = await people_store.place_of(conn, participant)
        remedy = None if live else await explanation_store.remedy_of(conn, participant)
    return visit.page(
        "person.html",
        422 if entered.error else 200,
        person=row,
        steps=steps,
        actor=lambda actor: visit.actor(actor, names),
        moment=moment,
        clocks=running_clocks(row, moment.entitlements),
        priority=priority_of(row, moment.rules),
        remedy=remedy,
        place=place,
        rulings=rulings,
        followed_up=followed_up,
        entries=entries,
        providers=providers,
        offer=next((one["placement"] for one in live if one["state"] not in SEATED), None),
        seat=next((one["placement"] for one in live if one["state"] in SEATED), None),
        sections=[(number, number) for number in SECTIONS],
        levels=[level.value for level in Level],
        entered=entered,
    )


async def _again(visit: Visit, participant: UUID, about: str, mistake: str, form: FormData) -> Response:
    """Repeat the page with what was entered and the mistake in it (msgid)."""
    return await _page(visit, participant, Entered(about, visit.texts.plain(mistake), form))


@router.post("/people/{participant}/place")
async def place(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Give the person a place; what speaks against it is shown first and has to be known."""
    form, context = await visit.request.form(), visit.context
    reason, choice = text_of(form, "reason"), str(form.get("entry") or "")
    course, section = entry_of(choice)
    searching = Entered("place", values=form)
    if searching.searches:
        return await _page(visit, participant, searching)
    mistake = mistake_in_reason(reason) or (
        "" if course else msgid("Please choose the course that the person should get.")
    )
    if mistake or course is None:
        return await _again(visit, participant, "place", mistake, form)
    if form.get("known") != choice:
        async with visit.open() as conn:
            against = await context.rules_against(conn, participant, course, section, context.clock.now())
        if against:
            return await _page(visit, participant, Entered("place", values=form, against=against))
    present = bool(form.get("present"))
    result = await visit.act(
        reason, context.placements.override, participant, course, section, present=present
    )
    done = msgid("The person has the place; the seat is held.")
    return visit.answer(result, f"/people/{participant}", done)


@router.post("/people/{participant}/hold")
async def hold(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Do not steer the person until a day."""
    form = await visit.request.form()
    reason, typed = text_of(form, "reason"), text_of(form, "until")
    until, mistake = day_of(typed), mistake_in_reason(reason)
    if typed and (until is None or until <= visit.moment().today):
        mistake = msgid("Please enter a day to come, for example 24.05.2026.")
    if mistake:
        return await _again(visit, participant, "hold", mistake, form)
    result = await visit.act(reason, visit.context.overrides.hold, participant, until)
    done = msgid("The person is on hold and gets no proposals.")
    return visit.answer(result, f"/people/{participant}", done)


@router.post("/people/{participant}/hold/end")
async def end_hold(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Steer the person again."""
    result = await visit.act(None, visit.context.overrides.end_hold, participant)
    done = msgid("The hold has ended. The person takes part in the next steering run.")
    return visit.answer(result, f"/people/{participant}", done)


@router.post("/people/{participant}/exclude")
async def exclude(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Never give the person this course, or a course of this provider."""
    form = await visit.request.form()
    reason, what = text_of(form, "reason"), exclusion_of(str(form.get("what") or ""))
    searching = Entered("exclude", values=form)
    if searching.searches:
        return await _page(visit, participant, searching)
    mistake = mistake_in_reason(reason) or (
        "" if what else msgid("Please choose the course or the provider that the person should not get.")
    )
    if mistake or what is None:
        return await _again(visit, participant, "exclude", mistake, form)
    result = await visit.act(reason, visit.context.overrides.exclude, participant, what)
    return visit.answer(result, f"/people/{participant}", msgid("It is excluded for this person."))


@router.post("/people/{participant}/exclusions/{exclusion}/end")
async def end_exclusion(visit: CoordinatorVisit, participant: UUID, exclusion: UUID) -> Response:
    """Let the person come there again."""
    result = await visit.act(None, visit.context.overrides.end_exclusion, exclusion)
    return visit.answer(result, f"/people/{participant}", msgid("The exclusion has ended."))


@router.post("/people/{participant}/deviation")
async def deviate(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Let another section or level count than the placement test says."""
    form = await visit.request.form()
    reason, what = text_of(form, "reason"), deviation_of(form)
    mistake = mistake_in_reason(reason) or (
        "" if what else msgid("Please choose a section or a level that counts instead of the test.")
    )
    if mistake or what is None:
        return await _again(visit, participant, "deviation", mistake, form)
    result = await visit.act(reason, visit.context.overrides.deviate, participant, what)
    done = msgid("The deviation from the placement test is on record.")
    return visit.answer(result, f"/people/{participant}", done)


@router.post("/people/{participant}/deviation/end")
async def end_deviation(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Let the placement test count again."""
    result = await visit.act(None, visit.context.overrides.end_deviation, participant)
    done = msgid("The placement test counts again.")
    return visit.answer(result, f"/people/{participant}", done)
