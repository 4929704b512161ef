"""Recognises type, level and section of a course from the codes and words that providers use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
_CODE = re.compile(r"^\s?(MB|MC)(?:[\s_-]?([0-9]{2})(?:[\s._/-]?([0-9]))?(?![0-9])|\s*$)", re.IGNORECASE)
_COURSE = re.compile(r"integrations(?:sprach)?kurs", re.IGNORECASE)
_VOCATIONAL = re.compile(r"berufssprachkurs|spezialberufskurs|deuföv|deufoev|\bBSK\b", re.IGNORECASE)
_LAND = re.compile(r"\blandessprachkurs|\blandeskurs\s(?:deutsch|A1|A2|B1|B2)\b", re.IGNORECASE)
_FOR = r"integrationskurs\w{0,3} (?:nur )?für "
_FINER: tuple[tuple[re.Pattern[str], CourseType], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), type_)
    for pattern, type_ in (
        (r"zweitschrift", CourseType.SECOND_SCRIPT),
        (r"alphabetisierung|\balpha\b|alpha-?(?:integrations)?kurs", CourseType.LITERACY),
        (rf"jugend-?integrationskurs|jugendkurs|{_FOR}(?:junge|jugendliche)", CourseType.YOUTH),
        (rf"eltern-?integrationskurs|elternkurs|{_FOR}eltern", CourseType.PARENTS),
        (rf"frauen-?integrationskurs|frauenkurs|{_FOR}frauen(?! (?:und|oder|/))", CourseType.WOMEN),
        (r"förder-?(?:integrations)?kurs|foerderkurs", CourseType.SUPPORT),
        (r"intensiv\w{0,3}[- ]?integrationskurs|intensivkurs", CourseType.INTENSIVE),
    )
)
"""Words that tell the types of integration courses apart; alone they say nothing (Excel Intensivkurs)."""
_ABOUT = re.compile(
    r"lehrkr|lehrend|lehrer|dozent|kursleit|fortbildung|weiterbildung für|zusatzquali|vorbereit|"
    r"berat|information|"
    r"tutor|begleit|ehrenamt|\b(?:nach|vor|kein|ohne|statt|zum) (?:dem |einem )?integrations|anstelle|"
    r"ersatz|absolvent|teilnehmende (?:des|der|von|aus)|^\W?(?:dtz|deutsch-?test|prüfung|einstufung|test)",
    re.IGNORECASE,
)
"""Signs that a title speaks about courses instead of being one."""
_LANGUAGE = re.compile(
    r"deutsch|sprach|integration|alphabet|zweitschrift|\b(?:A1|A2|B1|B2|C1|C2)\b", re.IGNORECASE
)
_LONGEST = 1_000
"""Titles and values have 255 characters in open-Qcat; the rest of a longer one is not looked at."""
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
    """Decide by classification codes first, then by the classification's words, then by the title.

    A title decides only in an offer of language courses: whatever else a school teaches may be called an
    intensive or a women's course. What is not certain is unclear, and a person decides.
    """
    title = title[:_LONGEST]
    said = [written[:_LONGEST] for feature in features for written in feature]
    found = {item for item in map(_by_code, said) if item is not None}
    if len({item.course_type for item in found}) == 1:
        # An offer's title can be finer than the seven codes.
        sure = max(found, key=lambda item: item.level or "")
        return Recognised(_finer_script(sure.course_type, title), sure.level)
    unclear = Problem("course_type_unclear", "SERVICE_CLASSIFICATION")
    if found:
        return unclear
    for written in (*said, title) if offer_type in {None, _LANGUAGE_OFFER} else said:
        type_ = _by_words(written)
        if type_ is not None:
            return unclear if _ABOUT.search(title) else Recognised(type_)
    if offer_type == _LANGUAGE_OFFER or _COURSE.search(title) or _VOCATIONAL.search(title):
        return unclear
    if offer_type is None and _LANGUAGE.search(title):
        return unclear
    return Problem("not_a_language_course", "COURSE_TYPE")


def _by_code(written: str) -> Recognised | None:
    match = _CODE.match(written)
    if match is None:
        return None
    if match[1].upper() == "MC":
        return Recognised(CourseType.VOCATIONAL, _MC_LEVELS.get(match[3] or ""))
    return Recognised(_MB[match[2]]) if match[2] in _MB else None


def _by_words(written: str) -> CourseType | None:
    if _VOCATIONAL.search(written):
        return CourseType.VOCATIONAL
    if _LAND.search(written):
        return CourseType.LAND
    if _COURSE.search(written) is None:
        return None
    return next((type_ for pattern, type_ in _FINER if pattern.search(written)), CourseType.GENERAL)


def _finer_script(type_: CourseType, title: str) -> CourseType:
    if type_ is CourseType.LITERACY and "zweitschrift" in title.casefold():
        return CourseType.SECOND_SCRIPT
    return type_


def target_level(recognised: Recognised, title: str) -> Level | None:
    """Return the level a course leads to, if code, title or type say so."""
    if recognised.level is not None:
        return recognised.level
    named = _LEVEL.findall(title[:_LONGEST])
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
    match = _SECTION.search(title[:_LONGEST])
    number = int(match[1]) if match else 1
    return number if 1 <= number <= _MOST_SECTIONS else 1
