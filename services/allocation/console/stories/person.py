"""Tells how it stands with a person and what happens next, from rows that were read before: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.allocation.console.context.clocks import RunningClock
from services.allocation.console.context.visit import Moment
from services.allocation.console.stories.parts import Ahead, Story
from services.runtime.web.languages import Texts
from services.texts.codes import word

ERASED = "erased"
"""The reference of somebody whose data were erased."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the story of one person is told from; rows as the stores return them."""

    person: Any
    place: Any
    """The placement that decides how it stands (`people_store.place_of`); None: there is none."""
    offer: Any
    """A better place that is proposed beside a held one; None: there is none."""
    hold: Any
    """The hold in force; None: there is none."""
    clocks: Sequence[RunningClock]
    lapsed: bool
    """The entitlement has expired, and nothing else is open."""
    steered: str
    """When the Kreis is steered, in a sentence; empty: nobody has said it."""
    step: str
    """The step that is due and left to people: start, complete, expire; empty: none."""
    by_itself: frozenset[str] = frozenset()
    """Steps that the policy takes without a person."""


def course_named(texts: Texts, row: Any) -> str:  # noqa: ANN401 - a row with course_title, course_number, provider_name
    """Name a course with its number and provider; a neighbour's that is not seen any more as such."""
    if row["course_title"] is None:
        return texts.gettext("a course of another Kreis")
    return texts.gettext(
        "%(title)s (no. %(number)s, %(provider)s)",
        title=row["course_title"],
        number=row["course_number"],
        provider=row["provider_name"] or row["provider"],
    )


def story_of(texts: Texts, facts: Facts, moment: Moment) -> Story:
    """Tell the story of a person."""
    person, place = facts.person, facts.place
    if person["reference"] == ERASED:
        return Story(texts.gettext("The person was erased; nothing here names anybody."), ())
    if person["status"] == "merged":
        now = texts.gettext("The registration belongs to another one: it is the same person.")
        return Story(now, (Ahead(texts.gettext("Everything goes on with the other registration.")),))
    if person["status"] != "active":
        return Story(_gone(texts, facts), (_back(texts, person),))
    if place is None:
        return Story(_waits(texts, facts, moment), tuple(_before_a_place(texts, facts, moment)))
    ahead = list(_with_a_place(texts, facts, moment))
    if facts.offer is not None:
        better = texts.gettext(
            "A better place is proposed: %(course)s.", course=course_named(texts, facts.offer)
        )
        ahead.append(_approval(texts, facts, facts.offer, better, moment.today))
    return Story(_placed(texts, facts, moment), tuple(ahead))


def _gone(texts: Texts, facts: Facts) -> str:
    person, place = facts.person, facts.place
    if person["status"] == "withdrawn":
        return texts.gettext(
            "Not on the list since %(day)s: %(reason)s.",
            day=texts.date(person["withdrawn_on"]),
            reason=word(texts, person["withdraw_reason"] or "other", "withdraw"),
        )
    if place is None:
        return texts.gettext("Not on the list any more.")
    named = course_named(texts, place)
    if person["status"] == "completed":
        return texts.gettext("Has completed the course %(course)s.", course=named)
    return texts.gettext("No longer attends a course; the last one was %(course)s.", course=named)


def _back(texts: Texts, person: Any) -> Ahead:  # noqa: ANN401 - a row
    return Ahead(
        texts.gettext("Nothing. Who comes back is registered again."),
        "",
        person["office_name"] or person["office"],
    )


def _waits(texts: Texts, facts: Facts, moment: Moment) -> str:
    """Say that somebody waits, and what keeps them from being placed."""
    since = facts.person["waiting_since"]
    day, days = texts.date(since), (moment.today - since).days
    if facts.hold is not None:
        return texts.gettext("Is on hold, and gets no proposals; has waited since %(day)s.", day=day)
    if facts.lapsed:
        return texts.gettext(
            "Waits since %(day)s and cannot be placed: the entitlement has expired.", day=day
        )
    if days < 1:
        return texts.gettext("Waits for a place since today.")
    return texts.ngettext(
        "Waits for a place since %(day)s, %(num)s day by now.",
        "Waits for a place since %(day)s, %(num)s days by now.",
        days,
        day=day,
    )


def _before_a_place(texts: Texts, facts: Facts, moment: Moment) -> list[Ahead]:
    person = facts.person
    office = person["office_name"] or person["office"]
    coordination = texts.gettext("the coordination")
    found: list[Ahead] = []
    if facts.hold is not None:
        until = facts.hold["until"]
        found.append(
            Ahead(
                texts.gettext("Steered again."),
                _from(texts, until),
                texts.gettext("nobody, it happens by itself"),
            )
            if until
            else Ahead(texts.gettext("Somebody ends the hold."), "", coordination)
        )
    elif facts.lapsed:
        found.append(
            Ahead(texts.gettext("The entitlement is extended, or another course type is told."), "", office)
        )
    else:
        found.append(
            Ahead(
                texts.gettext("The next steering run looks for a place."),
                facts.steered,
                texts.gettext("steering; then the coordination confirms"),
            )
        )
    if person["earliest_start"] and person["earliest_start"] > moment.today:
        found.append(Ahead(texts.gettext("Can begin a course."), _from(texts, person["earliest_start"])))
    found += [
        Ahead(word(texts, clock.code, "clock"), texts.date(clock.until), office)
        for clock in facts.clocks
        if clock.until >= moment.today
    ]
    return found


def _placed(texts: Texts, facts: Facts, moment: Moment) -> str:
    """Say how it stands with a place."""
    place = facts.place
    named, starts = course_named(texts, place), place["starts_on"]
    day = texts.date(starts)
    match place["state"]:
        case "proposed":
            said = texts.gettext(
                "A place is proposed and not confirmed yet: %(course)s, from %(day)s.", course=named, day=day
            )
        case "sent_to_authority":
            said = texts.gettext(
                "A place is proposed, and the BAMF has been asked: %(course)s, from %(day)s.",
                course=named,
                day=day,
            )
        case "reserved":
            said = texts.gettext(
                "A seat is held, the answer is missing: %(course)s, from %(day)s.", course=named, day=day
            )
        case "accepted":
            said = texts.gettext(
                "The person takes the place, the provider has not confirmed it: %(course)s, from %(day)s.",
                course=named,
                day=day,
            )
        case "interrupted":
            said = texts.gettext("Pauses in the course %(course)s.", course=named)
        case "confirmed" if starts is None or starts > moment.today:
            said = texts.gettext("The place is settled: %(course)s, from %(day)s.", course=named, day=day)
        case _:
            said = texts.gettext("Sits in the course %(course)s, since %(day)s.", course=named, day=day)
    return said


def _with_a_place(texts: Texts, facts: Facts, moment: Moment) -> list[Ahead]:
    place = facts.place
    ends = _course_ends(texts, facts)
    found: list[Ahead] = []
    if place["host_title"] and place["state"] in {"proposed", "reserved", "accepted", "confirmed"}:
        said = texts.gettext(
            "The course does not start; it was merged with %(course)s.", course=place["host_title"]
        )
        found.append(Ahead(said, "", texts.gettext("the coordination")))
    found += _answer(texts, facts, moment.today)
    starts = place["starts_on"]
    if starts and starts > moment.today and place["state"] in {"reserved", "accepted", "confirmed"}:
        section = texts.gettext("First day, section %(section)s.", section=place["entry_section"])
        found.append(Ahead(section, _on(texts, starts), place["provider_name"] or place["provider"]))
    elif ends is not None:
        found.append(ends)
    return found


def _answer(texts: Texts, facts: Facts, today: date) -> list[Ahead]:  # noqa: PLR0911 - one return for each state
    """Say whose word a place waits for."""
    place, office = facts.place, facts.person["office_name"] or facts.person["office"]
    coordination, before = texts.gettext("the coordination"), _before(texts, place["starts_on"], today)
    match place["state"], facts.step:
        case "proposed", _:
            said = texts.gettext("The proposal is confirmed, or decided otherwise.")
            return [_approval(texts, facts, place, said, today)]
        case "sent_to_authority", _:
            said = texts.gettext("The BAMF agrees or not; the answer is noted here.")
            return [Ahead(said, before, "BAMF")]
        case "reserved", "expire":
            said = texts.gettext("The time to answer is over: let the reservation end, or note the answer.")
            return [Ahead(said, "", coordination)]
        case "reserved", _:
            return _reserved(texts, facts, office)
        case "accepted", _:
            said = texts.gettext("The provider confirms the place.")
            return [Ahead(said, before, place["provider_name"] or place["provider"])]
        case _, "start":
            said = texts.gettext("The first day has come: note that the course has started.")
            return [Ahead(said, "", coordination)]
        case _, "complete":
            said = texts.gettext("The course is over: note that the person has completed it.")
            return [Ahead(said, "", coordination)]
        case _:
            return []


def _reserved(texts: Texts, facts: Facts, office: str) -> list[Ahead]:
    expires = facts.place["expires_at"]
    until = texts.gettext("until %(day)s", day=texts.last_day(expires)) if expires else ""
    ends = Ahead(
        texts.gettext("Without an answer the seat is free again, and the person waits on."),
        "",
        texts.gettext("nobody, it happens by itself")
        if "expire" in facts.by_itself
        else texts.gettext("the coordination"),
    )
    return [Ahead(texts.gettext("The person answers yes or no."), until, office), ends]


def _course_ends(texts: Texts, facts: Facts) -> Ahead | None:
    place = facts.place
    sits = place["state"] in {"confirmed", "started", "interrupted"}
    if not sits or facts.step == "complete" or place["ends_on"] is None:
        return None
    said = texts.gettext("The course ends; the provider reports who has completed it.")
    return Ahead(said, _on(texts, place["ends_on"]), place["provider_name"] or place["provider"])


def _approval(texts: Texts, facts: Facts, row: Any, what: str, today: date) -> Ahead:  # noqa: ANN401 - a row
    who = (
        texts.gettext("nobody, it happens by itself")
        if "release" in facts.by_itself
        else texts.gettext("the coordination")
    )
    return Ahead(what, _before(texts, row["starts_on"], today), who)


def _on(texts: Texts, day: Any) -> str:  # noqa: ANN401 - a day or None
    return texts.gettext("on %(day)s", day=texts.date(day)) if day else ""


def _from(texts: Texts, day: Any) -> str:  # noqa: ANN401 - a day or None
    return texts.gettext("from %(day)s on", day=texts.date(day)) if day else ""


def _before(texts: Texts, day: Any, today: date) -> str:  # noqa: ANN401 - a day or None
    if day is None:
        return ""
    if day <= today:
        return texts.gettext("at once: the course began on %(day)s", day=texts.date(day))
    return texts.gettext("before the course begins on %(day)s", day=texts.date(day))
