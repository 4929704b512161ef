"""Reads what coordinators type and choose in the console's forms."""

from uuid import UUID

from starlette.datastructures import FormData

from schemas.codes import Level
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider
from services.runtime.web.languages import msgid

LEAST_REASON = 10
MOST_REASON = 500
SECTIONS = range(1, 11)


def as_uuid(text: object) -> UUID | None:
    """Read an id; None if it is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def ids_of(form: FormData, name: str) -> list[UUID]:
    """Read the ticked ids of a list, each once."""
    return list(dict.fromkeys(one for value in form.getlist(name) if (one := as_uuid(value))))


def text_of(form: FormData, name: str) -> str:
    """Read a text field, trimmed; empty if it is missing."""
    return str(form.get(name) or "").strip()


def mistake_in_reason(reason: str) -> str:
    """Return what is wrong with a reason (msgid); empty if it can be kept."""
    if len(reason) < LEAST_REASON:
        return msgid(
            "Please write the reason in at least ten characters, for example: course near the day care."
        )
    if len(reason) > MOST_REASON:
        return msgid("Please shorten the reason to at most 500 characters.")
    return ""


def mistakes_in(**fields: str) -> dict[str, str]:
    """Return what is wrong with which field: its id on the page (_ for -) -> msgid; without empty texts.

    >>> mistakes_in(hold_reason="Too short.", until="")
    {'hold-reason': 'Too short.'}
    """
    return {field.replace("_", "-"): text for field, text in fields.items() if text}


def entry_of(choice: str) -> tuple[UUID | None, int]:
    """Read a chosen place: `<course>/<section>`; no course if it is none."""
    course, _, section = choice.partition("/")
    return (as_uuid(course), int(section)) if section.isdecimal() and len(section) <= 2 else (None, 0)  # noqa: PLR2004


def exclusion_of(choice: str) -> Exclude | None:
    """Read what is to be excluded: `course:<id>` or `provider:<slug>`."""
    kind, _, name = choice.partition(":")
    course = as_uuid(name)
    if kind == "course" and course is not None:
        return ExcludeCourse(course)
    return ExcludeProvider(name) if kind == "provider" and name else None


def deviation_of(form: FormData) -> Deviate | None:
    """Read what counts instead of the test; None if it is neither a section nor a level."""
    number, level = str(form.get("section") or ""), str(form.get("level") or "")
    section = int(number) if number.isdecimal() and len(number) < 3 and int(number) in SECTIONS else None  # noqa: PLR2004
    known = level if level in {one.value for one in Level} else None
    return None if section is None and known is None else Deviate(section, known)
