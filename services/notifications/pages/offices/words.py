"""Says what kinds of offices and languages are called, and what is wrong with a field of the form."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any

from babel import Locale

from services.notifications.offices.entries import LANGUAGE_CODES
from services.runtime.web.languages import Texts, msgid

KINDS: Mapping[str, str] = {
    "mbe": msgid("Migration counselling for adults (MBE)"),
    "jmd": msgid("Youth migration service (JMD)"),
    "municipal": msgid("Counselling of the municipality"),
    "other": msgid("Another counselling office"),
}
_UNNAMED: Mapping[str, str] = {
    "prs": msgid("Dari"),
    "kmr": msgid("Kurmanji"),
    "pbt": msgid("Southern Pashto"),
    "aii": msgid("Assyrian"),
}
"""Languages of the directory that CLDR names in no or in one language only."""
USUAL_LANGUAGES = ("de", "ar", "uk", "fa", "prs", "tr", "ru", "kmr", "ti", "so", "ps", "en", "fr")

HOURS_UNREADABLE = msgid("Please write the hours as 09:00-12:00; several with commas between them.")
HOURS_BACKWARDS = msgid("It ends before it begins. Please write the opening time, then the closing time.")
HOURS_OF_NO_DAY = msgid("There is no such time of the day. Please write 00:00 to 23:59.")
DAY_UNREADABLE = msgid("“%(text)s” is no day. Please write one day a line, for example 24.12.2026.")
DAY_OUT_OF_RANGE = msgid("Please check the year of %(text)s.")
ONE_DAY_UNREADABLE = msgid("“%(text)s” is no day. Please write it like 24.12.2026.")
NEIGHBOUR_PLACE = msgid("Please enter the town or Kreis that you have agreed about.")
NEIGHBOUR_FROM = msgid("Please enter the first day of the agreement.")
NEIGHBOUR_BACKWARDS = msgid("The last day lies before the first. Please exchange them.")
NEIGHBOUR_SOURCE = msgid("Please enter where the agreement is written, in at most 200 characters.")
PLACE_UNKNOWN = msgid("%(ags)s is no town or Kreis of the loaded directory. Please remove it.")
ALL_CLOSED = msgid(
    "The offices that stand in for each other here are all closed. Please choose one that is active."
)
SAME_NAME = msgid("Your organisation has an office of this name already. Please choose another name.")
OUTDATED = msgid(
    "Somebody else has changed this office since you opened it; nothing was saved. Please look how it stands"
    " now and enter your change again."
)
FIELDS: Mapping[str, str] = {
    "name": msgid("Please enter what the office is called."),
    "kind": msgid("Please choose what kind of office it is."),
    "catchment": msgid("Please enter at least one town or Kreis for which the office is there."),
    "seat": msgid(
        "The office is there for places in several Länder. Please enter where it lies: its public holidays"
        " are those of that Land."
    ),
    "age_from": msgid("Please enter whole years from 0 to 120, the first age below the second."),
    "age_below": msgid("Please enter whole years from 0 to 120, the first age below the second."),
    "asylum_phases": msgid("Please choose from the list."),
    "languages": msgid("Please choose languages from the list."),
    "mail": msgid("Please enter one plain e-mail address, for example beratung@example.org."),
    "lead_mail": msgid("Please enter one plain e-mail address, for example leitung@example.org."),
    "phone": msgid("Please enter a telephone number with its area code, for example 0871 805-100."),
    "stand_in": msgid("Please choose another office from the list, or none."),
    "capacity": msgid("Please enter a whole number from 0 to 10000."),
    "closed_days": msgid("Please enter at most 1000 days."),
    "hours": msgid("Please enter at most 20 times a day."),
    "phases": msgid("Please choose from the list."),
    "target_groups": msgid("Please choose from the list."),
    "neighbour": NEIGHBOUR_PLACE,
    "neighbour_source": NEIGHBOUR_SOURCE,
    "agreements": msgid(
        "Only an office of the municipality can stand beside or before free organisations, and an office has"
        " at most 50 agreements. Please remove what does not fit."
    ),
}
PHASES: Mapping[str, str] = {
    "before": msgid("before the course"),
    "during": msgid("during the course"),
    "after": msgid("after the course"),
}
TARGET_GROUPS: Mapping[str, str] = {
    "youth": msgid("courses for young people"),
    "parents": msgid("courses for parents"),
    "women": msgid("women's courses"),
    "literacy": msgid("courses with reading and writing"),
}
AGREED: Mapping[str, str] = {
    "neighbour": msgid("is there for %(place)s as well, after the offices of that place"),
    "like_free": msgid("stands beside the free organisations"),
    "before_free": msgid("comes before the free organisations"),
}


LABELS: Mapping[str, str] = {
    "slug": msgid("Name for Kurslotse"),
    "organisation": msgid("Organisation"),
    "name": msgid("Name"),
    "kind": msgid("Kind"),
    "catchment": msgid("Towns and Kreise"),
    "seat": msgid("Lies in"),
    "age_from": msgid("From the age of"),
    "age_below": msgid("Below the age of"),
    "asylum_phases": msgid("Asylum procedure"),
    "languages": msgid("Languages"),
    "mail": msgid("E-mail of the office"),
    "lead_mail": msgid("E-mail of its head"),
    "phone": msgid("Telephone"),
    "stand_in": msgid("Stands in when it is closed"),
    "capacity": msgid("Open notices at once"),
    "hours": msgid("Opening hours"),
    "closed_days": msgid("Closed on"),
    "active": msgid("In operation"),
    "phases": msgid("Phases of a course"),
    "target_groups": msgid("In particular for people in"),
    "agreements": msgid("Agreements"),
}


@cache
def _cldr(language: str) -> Mapping[str, str]:
    return Locale(language).languages


def language_name(texts: Texts, code: str) -> str:
    """Return what a language is called; its code if nobody knows."""
    if code in _UNNAMED:
        return texts.plain(_UNNAMED[code])
    return _cldr(texts.language).get(code, code)


def language_options(texts: Texts) -> list[tuple[str, str]]:
    """List all languages of the directory by name; variants of one language are left out."""
    codes = (code for code in LANGUAGE_CODES if "_" not in code)
    return sorted(((code, language_name(texts, code)) for code in codes), key=lambda one: one[1].casefold())


def kind_name(texts: Texts, kind: str) -> str:
    """Return what a kind of office is called."""
    return texts.plain(KINDS[kind]) if kind in KINDS else kind.replace("_", " ")


def agreement_text(texts: Texts, stored: Mapping[str, Any], place: Callable[[str], str]) -> str:
    """Write what an office has agreed, from when to when, and where that is written."""
    kind = stored["what"]
    what = texts.plain(AGREED[kind])
    said = what % {"place": place(stored["place"])} if stored["place"] else what
    begins, ends = stored["valid_from"], stored["valid_until"]
    if ends is None:
        span = texts.gettext("from %(day)s on", day=texts.date(date.fromisoformat(begins)))
    else:
        span = texts.gettext(
            "%(first)s to %(last)s",
            first=texts.date(date.fromisoformat(begins)),
            last=texts.date(date.fromisoformat(ends)),
        )
    return f"{said} ({span}; {stored['source']})"


def kind_options(texts: Texts, current: str = "") -> list[tuple[str, str]]:
    """List the kinds for a form, with the one that a file has given."""
    return [
        (kind, kind_name(texts, kind)) for kind in dict.fromkeys([*KINDS, *([current] if current else [])])
    ]
