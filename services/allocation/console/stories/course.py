"""Tells how it stands with a course and what happens next, from rows that were read before: pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.allocation.console.stories.parts import Ahead, Story
from services.runtime.web.languages import Texts
from services.texts.codes import word


def story_of(
    texts: Texts,
    course: Any,  # noqa: ANN401 - a row of course_store.course
    sections: Sequence[Any],
    today: date,
    *,
    people: Sequence[Any] = (),
    ruling: Any = None,  # noqa: ANN401 - a row of rulings_store.course_rulings
    due: Mapping[str, int] | None = None,
) -> Story:
    """Tell the story of a course.

    `people`: its placements; `ruling`: what holds about its start; `due`: how many wait for which step.
    """
    ahead = list(_due(texts, due or {}))
    if course["state"] == "announced" and course["ends_on"] >= today:
        ahead += _ahead(texts, course, sections, today, people, ruling)
    if not ahead:
        ahead = [Ahead(texts.gettext("Nothing more."))]
    return Story(_now(texts, course, today, ruling), tuple(ahead))


def _now(texts: Texts, course: Any, today: date, ruling: Any) -> str:  # noqa: ANN401, PLR0911 - rows; one way to stand each
    begins, ends = texts.date(course["starts_on"]), texts.date(course["ends_on"])
    if course["state"] == "cancelled":
        return texts.gettext(
            "Was cancelled on %(day)s: %(reason)s.",
            day=texts.date(course["ended_on"]),
            reason=word(texts, course["cancel_reason"] or "other", "cancel"),
        )
    if course["state"] == "completed":
        return texts.gettext("Is over since %(day)s.", day=texts.date(course["ended_on"]))
    if course["merged_into"]:
        return texts.gettext("Does not start: it was merged with %(course)s.", course=course["host_title"])
    if ruling is not None and ruling["decision"] == "close":
        return texts.gettext("Does not start: the coordination has decided so.")
    if course["ends_on"] < today:
        return texts.gettext("Should have ended on %(day)s; the provider has not reported it.", day=ends)
    if course["starts_on"] <= today:
        return texts.gettext("Runs since %(begins)s, until %(ends)s.", begins=begins, ends=ends)
    if ruling is not None:
        return texts.gettext("Begins on %(day)s, also below its minimum.", day=begins)
    if course["below_minimum"]:
        return texts.gettext("Begins on %(day)s, and has too few people so far.", day=begins)
    return texts.gettext("Begins on %(day)s.", day=begins)


def _due(texts: Texts, due: Mapping[str, int]) -> list[Ahead]:
    who = texts.gettext("the coordination")
    said = {
        "start": texts.gettext("The first day has come: note who has started."),
        "complete": texts.gettext("The course is over: note who has completed it."),
    }
    return [Ahead(said[step], "", who) for step, number in due.items() if number]


def _ahead(  # noqa: PLR0917 - each is another row
    texts: Texts,
    course: Any,  # noqa: ANN401 - a row
    sections: Sequence[Any],
    today: date,
    people: Sequence[Any],
    ruling: Any,  # noqa: ANN401 - a row
) -> list[Ahead]:
    provider, coordination = course["provider_name"] or course["provider"], texts.gettext("the coordination")
    closed = bool(course["merged_into"]) or (ruling is not None and ruling["decision"] == "close")
    begins = course["starts_on"]
    found: list[Ahead] = []
    if closed:
        return [Ahead(texts.gettext("The provider cancels it."), "", provider)]
    if begins > today and course["registration_until"] and course["registration_until"] >= today:
        until = texts.gettext("until %(day)s", day=texts.date(course["registration_until"]))
        found.append(Ahead(texts.gettext("The provider takes registrations."), until, provider))
    if any(one["state"] in {"proposed", "sent_to_authority"} for one in people):
        before = (
            texts.gettext("before the course begins on %(day)s", day=texts.date(begins))
            if begins > today
            else ""
        )
        found.append(
            Ahead(texts.gettext("Proposals are confirmed, or decided otherwise."), before, coordination)
        )
    answers = [one["expires_at"] for one in people if one["state"] == "reserved" and one["expires_at"]]
    if answers:
        until = texts.gettext("the first until %(day)s", day=texts.last_day(min(answers)))
        found.append(
            Ahead(
                texts.gettext("Answers to held seats come in."),
                until,
                texts.gettext("the registering offices"),
            )
        )
    if any(one["state"] == "accepted" for one in people):
        found.append(Ahead(texts.gettext("The provider confirms accepted places."), "", provider))
    if begins > today and ruling is None and course["least"] is not None and not course["protected"]:
        found.append(
            Ahead(
                texts.gettext("The minimum decides whether it starts, if nobody else does."),
                texts.gettext("on %(day)s", day=texts.date(begins)),
                provider,
            )
        )
    coming = next((one for one in sections if one["starts_on"] > today), None)
    if coming is not None:
        found.append(
            Ahead(
                texts.gettext("Section %(section)s begins.", section=coming["number"]),
                texts.gettext("on %(day)s", day=texts.date(coming["starts_on"])),
                provider,
            )
        )
    ends = texts.gettext("on %(day)s", day=texts.date(course["ends_on"]))
    found.append(Ahead(texts.gettext("It ends; the provider reports the results."), ends, provider))
    return found
