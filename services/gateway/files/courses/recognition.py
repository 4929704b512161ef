"""Recognises type, level and section of a course from the codes and words that providers use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from schemas.codes import CourseType, Level
from schemas.envelope import Problem

_MB = {
    "01": CourseType.GENERAL,
    "02": CourseType.YOUTH,
    "03": CourseType.PARENTS,
    "04": CourseType.WOMEN,
    "05": CourseType.LITERACY,
    "06": CourseType.SUPPORT,
    "07": CourseType.INTENSIVE,
}
_MC_LEVELS = {"1": Level.A2, "2": Level.B1, "3": Level.B2, "4": Level.C1, "5": Level.C2}
_CODE = re.compile(r"^(MB|MC)\s*(\d{2})?\s*(\d)?\s*$", re.IGNORECASE)
_WORDS: tuple[tuple[re.Pattern[str], CourseType], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), type_)
    for pattern, type_ in (
        (r"alphabetisierung|alpha-?kurs", CourseType.LITERACY),
        (r"zweitschrift", CourseType.SECOND_SCRIPT),
        (r"jugend\w*\s*integrationskurs|jugendkurs|integrationskurs\w* für junge", CourseType.YOUTH),
        (r"eltern\w*\s*integrationskurs|elternkurs|integrationskurs für eltern", CourseType.PARENTS),
        (r"frauen\w*\s*integrationskurs|frauenkurs|integrationskurs für frauen", CourseType.WOMEN),
        (r"förderkurs|foerderkurs", CourseType.SUPPORT),
        (r"intensiv\w*\s*integrationskurs|intensivkurs", CourseType.INTENSIVE),
        (r"berufssprachkurs|spezialberufskurs|deuföv|deufoev|\bBSK\b", CourseType.VOCATIONAL),
        (r"landes(?:sprach)?kurs", CourseType.LAND),
        (r"integrationskurs", CourseType.GENERAL),
    )
)
_LANGUAGE = re.compile(r"deutsch|sprach|integration|alphabet|\b(?:A1|A2|B1|B2|C1|C2)\b", re.IGNORECASE)
_LEVEL = re.compile(r"\b(A1|A2|B1|B2|C1|C2)\b")
_SECTION = re.compile(r"\b(?:modul|kursabschnitt|abschnitt|kursmodul|M)\s*(\d{1,2})\b", re.IGNORECASE)
_MOST_SECTIONS = 10
_LANGUAGE_OFFER = "4"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The type, and the level a code names."""

    course_type: CourseType
    level: Level | None = None


def recognise(
    features: Sequence[tuple[str, str]], title: str, offer_type: str | None
) -> Recognised | Problem:
    """Decide by classification code first, then by its words, then by the title."""
    for match in filter(None, (_CODE.match(name) for name, _ in features)):
        if match[1].upper() == "MC":
            return Recognised(CourseType.VOCATIONAL, _MC_LEVELS.get(match[3]))
        if match[2] in _MB:
            # An offer's title can be finer than the seven codes.
            return Recognised(_finer(_MB[match[2]], title))
    for written, (pattern, type_) in product((*(value for _, value in features), title), _WORDS):
        if pattern.search(written):
            return Recognised(type_)
    if offer_type == _LANGUAGE_OFFER or (offer_type is None and _LANGUAGE.search(title)):
        return Problem("course_type_unclear", "SERVICE_CLASSIFICATION")
    return Problem("not_a_language_course", "COURSE_TYPE")


def _finer(type_: CourseType, title: str) -> CourseType:
    if type_ is CourseType.LITERACY and re.search(r"zweitschrift", title, re.IGNORECASE):
        return CourseType.SECOND_SCRIPT
    return type_


def target_level(recognised: Recognised, title: str) -> Level | None:
    """Return the level a course leads to, if code, title or type say so."""
    if recognised.level is not None:
        return recognised.level
    named = _LEVEL.findall(title)
    if named:
        return Level(named[-1])
    if recognised.course_type is CourseType.LITERACY:
        return Level.A2
    return Level.B1 if recognised.course_type.startswith("integration_") else None


def first_section(title: str) -> int:
    """Return the section a title names (Modul 3); otherwise the first.

    >>> first_section("Integrationskurs Abschnitt 3")
    3
    """
    match = _SECTION.search(title)
    number = int(match[1]) if match else 1
    return number if 1 <= number <= _MOST_SECTIONS else 1


def offers_childcare(text: str) -> bool | None:
    """Return whether a text promises childcare; None if it does not mention it."""
    if not re.search(r"kinder(?:betreuung|garten)", text, re.IGNORECASE):
        return None
    return re.search(r"(?:keine|ohne)\s+kinder", text, re.IGNORECASE) is None
