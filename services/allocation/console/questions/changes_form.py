"""Reads the forms of `What if` into changes, and words a change as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from starlette.datastructures import FormData

from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.check import check_own
from services.allocation.steering.questions.changes import ChangeError, parse, parse_all, written
from services.runtime.web.languages import Texts, day_of, msgid
from services.texts.codes import word

MOST_BYTES = 200_000
"""Of the changes that travel with the form."""

KINDS: Mapping[str, str] = {
    "arrivals": msgid("More people register"),
    "course_added": msgid("A course more"),
    "course_moved": msgid("A course is moved"),
    "course_cancelled": msgid("A course is cancelled"),
    "capacity": msgid("More or fewer seats"),
    "childcare": msgid("Childcare at a course"),
    "neighbour": msgid("A neighbour joins"),
    "policy": msgid("Another policy"),
}

WRONG: Mapping[str, str] = {
    "field_wrong": msgid("Please check your entry: %(label)s."),
    "course_unknown": msgid("This course is no longer on the list. Please choose another one."),
    "course_runs": msgid("The course runs already. It cannot be moved in time."),
    "start_past": msgid("The start has to lie after today."),
    "type_over": msgid("There are no new courses of this type any more."),
    "sections_wrong": msgid("This type of course has no such section (at most %(most)s)."),
    "seats_taken": msgid("So many seats cannot be taken away: only %(free)s are free."),
    "kreis_unknown": msgid("Nothing is known about this Kreis here."),
    "kreis_same": msgid("This Kreis is steered together with yours already."),
    "too_many_changes": msgid("At most %(most)s changes can be tried together."),
    "too_many_arrivals": msgid("At most %(most)s people can be added."),
    "nobody_registered": msgid("Nobody has registered in the last %(days)s days: there is no pattern."),
}

LABELS: Mapping[str, str] = {
    "per_week": msgid("People a week"),
    "weeks": msgid("For how many weeks"),
    "course_type": msgid("Course type"),
    "first_section": msgid("First section"),
    "target_level": msgid("Level at the end"),
    "starts_on": msgid("First day"),
    "town": msgid("Town"),
    "times_of_day": msgid("Time of day"),
    "seats": msgid("Seats"),
    "minimum": msgid("Minimum"),
    "course": msgid("Course"),
    "days": msgid("Days later"),
    "kreis": msgid("Kreis (five digits)"),
    "policy": msgid("Policy"),
}

_ABOUT: Mapping[str, str] = {
    "course_unknown": "course",
    "course_runs": "course",
    "start_past": "starts_on",
    "type_over": "course_type",
    "sections_wrong": "first_section",
    "seats_taken": "seats",
    "kreis_unknown": "kreis",
    "kreis_same": "kreis",
    "too_many_arrivals": "per_week",
}
"""Mistake -> the field that it is about."""

FAILED: Mapping[str, str] = {
    "too_long": msgid("The computation took too long. Please try fewer changes at a time."),
    "worker_died": msgid("The computation was broken off. Please try again."),
    "given_up": msgid("The computation was broken off. Please try again."),
    "not_computed": msgid("This could not be computed. Please tell your administration."),
    "kind_unknown": msgid("This could not be computed. Please tell your administration."),
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one of the forms: which one, what to do, what was typed."""

    kind: str
    text: str
    typed: Mapping[str, Any] = field(default_factory=dict)
    field: str = ""
    """The one of its fields that has to be changed; empty: none alone."""


def said(texts: Texts, code: str, params: Mapping[str, str]) -> str:
    """Return what is wrong with a change."""
    label = texts.plain(LABELS.get(params.get("field", ""), params.get("field", "")))
    message = WRONG.get(code, msgid("Please check your entry: %(label)s."))
    return texts.plain(message) % {"label": label, **params}


def collected(form: FormData) -> list[dict[str, Any]]:
    """Read the changes that were collected so far.

    Raises:
        ChangeError: they are not what this page has written.
    """
    text = str(form.get("changes") or "[]")
    try:
        if len(text) > MOST_BYTES:
            raise ChangeError("too_many_changes", most="20")
        return [written(change) for change in parse_all(orjson.loads(text))]
    except orjson.JSONDecodeError as error:
        raise ChangeError("field_wrong", field="changes", where="changes", why="not JSON") from error


def _number(text: str) -> int | str:
    cleaned = text.replace("\N{MINUS SIGN}", "-").lstrip("+")
    return int(cleaned) if cleaned.lstrip("-").isdecimal() and len(cleaned) < 6 else text  # noqa: PLR2004


def _day(text: str) -> str:
    found = day_of(text)
    return text if found is None else found.isoformat()


_READ: Mapping[str, Callable[[str], object]] = {
    "per_week": _number,
    "weeks": _number,
    "first_section": _number,
    "seats": _number,
    "minimum": _number,
    "days": _number,
    "starts_on": _day,
}
_FIELDS: Mapping[str, Sequence[str]] = {
    "arrivals": ("per_week", "weeks"),
    "course_added": (
        "course_type",
        "first_section",
        "target_level",
        "starts_on",
        "town",
        "seats",
        "minimum",
    ),
    "course_moved": ("course", "days", "town"),
    "course_cancelled": ("course",),
    "capacity": ("course", "seats"),
    "childcare": ("course",),
    "neighbour": ("kreis",),
    "policy": (),
}
_CHECKS: Mapping[str, Sequence[str]] = {"course_added": ("childcare", "women_only", "barrier_free")}
_TIMES = ("course_added", "course_moved")


def typed(form: FormData, kind: str) -> dict[str, Any]:
    """Read the fields of one form as they were typed; each is named `kind-field`."""
    found: dict[str, Any] = {
        name: text for name in _FIELDS[kind] if (text := str(form.get(f"{kind}-{name}") or "").strip())
    }
    found |= {name: True for name in _CHECKS.get(kind, ()) if form.get(f"{kind}-{name}")}
    if kind in _TIMES:
        found["times_of_day"] = [str(one) for one in form.getlist(f"{kind}-times_of_day")]
    if kind == "policy":
        found["policy"] = str(form.get("policy-policy") or "")
    return found


def change_of(
    fields: Mapping[str, Any], kind: str, *, kreis: str, book: RuleBook, texts: Texts, today: date
) -> dict[str, Any] | Wrong:
    """Make a change of what was typed into a form."""
    if kind == "policy":
        try:
            policy = check_own(str(fields["policy"]), kreis, book, today=today)
        except DocumentError as error:
            first = error.mistakes[0]
            line = texts.gettext("Line %(line)s:", line=first.line)
            return Wrong(kind, f"{line} {mistakes.said(texts, first)}", fields, "policy")
        return {"kind": kind, "policy": policy.model_dump(mode="json")}
    data = {name: _READ[name](value) if name in _READ else value for name, value in fields.items()}
    try:
        return written(parse({"kind": kind, **data}))
    except ChangeError as error:
        about = _ABOUT.get(error.code, error.params.get("field", ""))
        known = about in _FIELDS[kind] or (about == "times_of_day" and kind in _TIMES)
        return Wrong(kind, said(texts, error.code, error.params), fields, about if known else "")


@dataclass(frozen=True, slots=True)
class Names:
    """How courses and towns are called on the page."""

    courses: Mapping[str, str]
    names: Callable[[str], str]

    def course(self, course: str | UUID) -> str:
        """Name a course; one that is no longer there by its id."""
        return self.courses.get(str(course), str(course)[:8])

    def place(self, ags: str | None) -> str:
        """Name a town or a Kreis."""
        return self.names(ags) if ags else ""


def sentence(  # noqa: PLR0911 - one return for each kind of change
    texts: Texts, change: Mapping[str, Any], names: Names
) -> str:
    """Say a change in a line."""
    times = ", ".join(word(texts, time, "time_of_day") for time in change.get("times_of_day", ()))
    match change["kind"]:
        case "course_added":
            return texts.gettext("New: %(what)s", what=new_course(texts, change, names))
        case "course_moved":
            return _moved(texts, change, names, times)
        case "course_cancelled":
            return texts.gettext("Cancelled: %(course)s", course=names.course(change["course"]))
        case "capacity":
            seats = f"{change['seats']:+d}".replace("-", "\N{MINUS SIGN}")
            return texts.gettext(
                "%(seats)s seats: %(course)s", seats=seats, course=names.course(change["course"])
            )
        case "childcare":
            return texts.gettext("With childcare: %(course)s", course=names.course(change["course"]))
        case "neighbour":
            return texts.gettext("%(kreis)s joins", kreis=names.place(change["kreis"]))
        case "arrivals":
            return texts.gettext(
                "%(number)s people more a week, for %(weeks)s weeks",
                number=change["per_week"],
                weeks=change["weeks"],
            )
        case _:
            begins = texts.date(date.fromisoformat(change["policy"]["valid_from"]))
            return texts.gettext("Another policy (valid from %(day)s)", day=begins)


def new_course(texts: Texts, change: Mapping[str, Any], names: Names) -> str:
    """Return in a line what a course that could be offered is like."""
    times = ", ".join(word(texts, time, "time_of_day") for time in change.get("times_of_day", ()))
    entry = (
        texts.gettext("to level %(level)s", level=change["target_level"])
        if "target_level" in change
        else texts.gettext("from section %(section)s", section=change["first_section"])
    )
    parts = [
        word(texts, change["course_type"], "course_type"),
        entry,
        names.place(change["town"]),
        times,
        texts.date(date.fromisoformat(change["starts_on"])),
        texts.ngettext("%(num)s seat", "%(num)s seats", change["seats"]),
    ]
    if change.get("childcare"):
        parts.append(texts.gettext("with childcare"))
    if change.get("women_only"):
        parts.append(texts.gettext("for women"))
    return ", ".join(part for part in parts if part)


def _moved(texts: Texts, change: Mapping[str, Any], names: Names, times: str) -> str:
    days, parts = change.get("days", 0), []
    if days > 0:
        parts.append(texts.ngettext("%(num)s day later", "%(num)s days later", days))
    if days < 0:
        parts.append(texts.ngettext("%(num)s day earlier", "%(num)s days earlier", -days))
    parts += [names.place(change.get("town")), times]
    what = ", ".join(part for part in parts if part)
    return texts.gettext("Moved: %(course)s (%(what)s)", course=names.course(change["course"]), what=what)
