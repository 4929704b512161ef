"""Puts the shortages of the latest forecast beside the list of next courses: suggested, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.allocation.console.context.visit import Visit
from services.allocation.console.questions.forecasts import part_name, short_parts
from services.allocation.console.questions.pages import seen_of
from services.runtime.web.languages import Texts, msgid
from services.texts.reasons import RULES

REASONS: Mapping[str, str] = {
    "not_permitted": msgid("The law does not know this course type at present, so nobody may offer it."),
    "nobody_waits": msgid(
        "Nobody waits for it today: the shortage comes of people who are still to register."
    ),
    "covered": msgid(
        "All %(people)s who wait for it would get a place in courses that are announced: the "
        "shortage comes of "
        "people who are still to register."
    ),
    "on_hold": msgid("All %(people)s who wait for it without a place are on hold."),
    "not_tested": msgid(
        "The %(people)s who wait for it without a place have no placement test: it is not known "
        "where they enter."
    ),
    "no_entry": msgid(
        "No course of this type has a section or level at which the %(people)s who wait could enter."
    ),
    "fits_nobody": msgid(
        "No town, start and time of day suits any of the %(people)s who wait for it without a place."
    ),
    "too_few": msgid(
        "At most %(people)s people who wait can attend the same course; it needs at least %(minimum)s."
    ),
    "not_tried": msgid(
        "A course would suit %(people)s who wait, but others promised more and were computed first. "
        "Choose this "
        "course type below."
    ),
    "no_gain": msgid("Courses of this kind were computed; none of them would bring more people a place."),
    "others_first": msgid(
        "The best course of this kind would bring %(people)s more people a place; others on the "
        "list bring more."
    ),
    "not_asked": msgid("This list was computed for another course type."),
}
"""Why a shortage has no suggestion, by the code that the computation gave."""
BEFORE = msgid("This list was computed before reasons were kept. Compute a new one.")
AGAINST = msgid("What most often speaks against it for the others (people): %(rules)s.")
MOST_RULES = 3
NO_PROVIDER = msgid("No provider has announced a course of this type.")


@dataclass(frozen=True, slots=True)
class Shortage:
    """A shortage that the forecast shows: its figures, its place on the list or why it has none."""

    name: str
    address: str
    course_type: str
    short: int
    span: str
    waiting: int
    registering: int
    seats: int
    rank: int
    """Place on the list of suggestions; 0: none."""
    why: str


@dataclass(frozen=True, slots=True)
class Shortages:
    """What the latest forecast says is short, and when it was computed; None: there is no forecast."""

    found: Sequence[Shortage]
    forecast: Any
    weeks: int


async def shortages_of(visit: Visit, result: Mapping[str, Any]) -> Shortages | None:
    """Compare an answer of `next_course` with the latest forecast of the Kreis."""
    seen = await seen_of(visit, "forecast")
    if not seen.done or seen.found is None:
        return None
    groups = seen.result["groups"]
    parts: Mapping[str, Mapping[str, Any]] | None = result.get("parts")
    found = []
    for group, span in short_parts(visit.texts, groups):
        part = group["value"]
        found.append(
            Shortage(
                name=part_name(visit, group["by"], part),
                address=f"/forecast/{seen.found.id}",
                course_type=part.partition("/")[0],
                short=round(group["weeks"][-1]["gap"]["mean"]),
                span=span,
                waiting=group["waiting"],
                registering=round(group["total"]["mean"]),
                seats=group["seats"],
                rank=(parts or {}).get(part, {}).get("rank", 0),
                why=_why(visit.texts, parts, part),
            )
        )
    return Shortages(found, seen.found, len(groups[0]["weeks"]) if groups else 0)


def _why(texts: Texts, parts: Mapping[str, Mapping[str, Any]] | None, part: str) -> str:
    """Word why a part has no suggestion; of a type that the rule book does not know, that."""
    if parts is None:
        return texts.plain(BEFORE)
    course_type = part.partition("/")[0]
    reason = parts.get(part) or parts.get(f"{course_type}/*") or {"code": "not_permitted"}
    if "rank" in reason:
        return ""
    message = REASONS[reason["code"]]
    said = texts.plain(message) % {
        "people": reason.get("people", 0),
        "minimum": reason.get("minimum", 0),
    }
    against = list(reason.get("against", {}).items())[:MOST_RULES]
    if against:
        listed = "; ".join(f"{texts.plain(RULES.get(rule, rule))}: {number}" for rule, number in against)
        said = f"{said} {texts.gettext(AGAINST, rules=listed)}"
    return said if reason.get("announced", 1) else f"{said} {texts.plain(NO_PROVIDER)}"
