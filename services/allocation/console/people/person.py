"""Shows one person by reference, with everything that a coordinator can rule about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from schemas.codes import SEATED, Level
from services.allocation.console.context import explanation_store, people_store, rulings_store
from services.allocation.console.context.cadence import cadence_lines
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.forms import (
    SECTIONS,
    deviation_of,
    entry_of,
    exclusion_of,
    mistake_in_reason,
    mistakes_in,
    text_of,
)
from services.allocation.console.context.steps import step_due
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.lists.entries import entries_of
from services.allocation.console.stories.person import Facts, story_of
from services.allocation.participants import followups
from services.allocation.policy.terms import APPROVE, EXPIRE
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.problems import not_found
from services.texts.codes import word

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed into one of the page's forms, and what is wrong with it."""

    about: str = ""
    """Which form: place, hold, exclude, deviation."""
    errors: Mapping[str, str] = field(default_factory=lambda: defaultdict(str))
    """Field -> what is wrong with it, in the visitor's language."""
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
        offer = next((one["placement"] for one in live if one["state"] not in SEATED), None)
        seat = next((one["placement"] for one in live if one["state"] in SEATED), None)
        beside = await people_store.place_of(conn, participant, offer) if offer and seat else None
        lapsed = not live and await followups.has_lapsed(conn, participant, moment.entitlements)
        merged = row["merged_into"]
        other = (await people_store.references(conn, [merged])).get(merged) if merged else None
    hold = next((one for one in rulings if one["kind"] == "hold" and one["lifted_at"] is None), None)
    clocks, automatic = running_clocks(row, moment.entitlements), visit.context.placements.terms.automatic
    facts = Facts(
        row,
        place,
        beside,
        hold,
        clocks,
        lapsed,
        steered_when(visit, row["kreis"]),
        step_due(visit.context, place, place["course_state"] or "", moment)
        if live and place and place["starts_on"]
        else "",
        frozenset(step for step in (APPROVE, EXPIRE) if automatic(row["kreis"], step, moment.now)),
    )
    return visit.page(
        "person.html",
        422 if entered.errors else 200,
        person=row,
        steps=steps,
        actor=lambda actor: visit.actor(actor, names),
        moment=moment,
        clocks=clocks,
        story=story_of(visit.texts, facts, moment),
        acts=_acts(
            offer=offer is not None, seat=seat is not None, hold=hold is not None, about=entered.about
        ),
        lapsed=lapsed,
        other=other,
        priority=priority_of(row, moment.rules),
        remedy=remedy,
        place=place,
        rulings=rulings,
        followed_up=followed_up,
        entries=entries,
        providers=providers,
        offer=offer,
        seat=seat,
        sections=[(number, number) for number in SECTIONS],
        levels=[(level.value, word(visit.texts, level.value, "level")) for level in Level],
        entered=entered,
    )


def _acts(*, offer: bool, seat: bool, hold: bool, about: str) -> Sequence[tuple[str, bool]]:
    """Return what can be done about a person, the likely act first, and whether its form stands open."""
    likely = "proposal" if offer else "seat" if seat else "hold" if hold else "place"
    rest = [act for act in ("place", "hold", "exclude", "deviation") if act != likely]
    if offer or seat:
        rest.remove("place")
    shown = [likely, *(["seat"] if offer and seat else []), *rest]
    return [(act, act in {likely, about, "seat"}) for act in shown]


def steered_when(visit: Visit, kreis: str) -> str:
    """Say when a Kreis is steered; empty if nothing holds for it."""
    try:
        policy = visit.context.policies.at(kreis, visit.moment().now)
    except LookupError:
        return ""
    return next(cadence_lines(visit.texts, policy.cadence))


async def _again(
    visit: Visit, participant: UUID, about: str, wrong: Mapping[str, str], form: FormData
) -> Response:
    """Repeat the page with what was entered and the mistakes in it (field -> msgid)."""
    errors = visit.told(wrong)
    return await _page(visit, participant, Entered(about, errors, form))


@router.post("/people/{participant}/place")
async def place(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Give the person a place; what speaks against it is shown first and has to be known."""
    form, context = await visit.request.form(), visit.context
    reason, choice = text_of(form, "reason"), str(form.get("entry") or "")
    course, section = entry_of(choice)
    searching = Entered("place", values=form)
    if searching.searches:
        return await _page(visit, participant, searching)
    wrong = mistakes_in(
        place_entry="" if course else msgid("Please choose the course that the person should get."),
        place_reason=mistake_in_reason(reason),
    )
    if wrong or course is None:
        return await _again(visit, participant, "place", wrong, form)
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
    until = day_of(typed)
    past = bool(typed) and (until is None or until <= visit.moment().today)
    wrong = mistakes_in(
        until=msgid("Please enter a day to come, for example 24.05.2026.") if past else "",
        hold_reason=mistake_in_reason(reason),
    )
    if wrong:
        return await _again(visit, participant, "hold", wrong, form)
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
    missing = msgid("Please choose the course or the provider that the person should not get.")
    wrong = mistakes_in(what="" if what else missing, exclude_reason=mistake_in_reason(reason))
    if wrong or what is None:
        return await _again(visit, participant, "exclude", wrong, form)
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
    missing = msgid("Please choose a section or a level that counts instead of the test.")
    wrong = mistakes_in(section="" if what else missing, deviation_reason=mistake_in_reason(reason))
    if wrong or what is None:
        return await _again(visit, participant, "deviation", wrong, form)
    result = await visit.act(reason, visit.context.overrides.deviate, participant, what)
    done = msgid("The deviation from the placement test is on record.")
    return visit.answer(result, f"/people/{participant}", done)


@router.post("/people/{participant}/deviation/end")
async def end_deviation(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Let the placement test count again."""
    result = await visit.act(None, visit.context.overrides.end_deviation, participant)
    done = msgid("The placement test counts again.")
    return visit.answer(result, f"/people/{participant}", done)
