"""Reads what a list is limited to and how it is sorted from its address, and writes it back; never a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from urllib.parse import urlencode

from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import PAGE_SIZE
from services.texts.codes import WORDS

SIZES = (25, PAGE_SIZE, 100)
MOST_PAGES = 10_000
_AGS_DIGITS = 8

PEOPLE_SORTS: Mapping[str, str] = {
    "": msgid("last registered first"),
    "deadline": msgid("answer due soonest first"),
    "start": msgid("course starting soonest first"),
    "waiting": msgid("longest waiting first"),
    "reference": msgid("by reference"),
}
OFFER_SORTS: Mapping[str, str] = {
    "": msgid("answer due soonest first"),
    "start": msgid("course starting soonest first"),
    "course": msgid("by course"),
}
DUE: Mapping[str, str] = {
    "3": msgid("within three days"),
    "7": msgid("within a week"),
    "14": msgid("within two weeks"),
}


COURSE_SORTS: Mapping[str, str] = {
    "": msgid("something to do first"),
    "start": msgid("course starting soonest first"),
    "course": msgid("by course"),
}
COURSES_SHOWN: Mapping[str, str] = {
    "todo": msgid("with something to confirm"),
    "running": msgid("running"),
    "coming": msgid("still to come"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A page of a list, and how many lines it has."""

    sort: str = ""
    size: int = PAGE_SIZE
    page: int = 1

    @property
    def offset(self) -> int:
        """Return how many lines come before this page."""
        return (self.page - 1) * self.size

    @property
    def query(self) -> str:
        """Return the query of this list's address without the page, ending in `&`; empty if none is."""
        said = urlencode(
            {
                one.name: value
                for one in fields(self)
                if one.name not in {"page", "until"} and (value := getattr(self, one.name)) != one.default
            }
        )
        return said + "&" if said else ""

    @property
    def narrowed(self) -> bool:
        """Whether the list leaves anything out."""
        return any(
            getattr(self, one.name) != one.default
            for one in fields(self)
            if one.name not in {"page", "size", "sort", "until"}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFilter(Paged):
    """Which of an office's people are listed: by how they stand, by town."""

    state: str = ""
    town: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFilter(Paged):
    """Which of an office's offers are listed: by provider, town of the course, days left to answer."""

    provider: str = ""
    town: str = ""
    due: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFilter(Paged):
    """Which of a provider's courses are listed."""

    show: str = ""


def choices(texts: Texts, listed: Mapping[str, str]) -> list[tuple[str, str]]:
    """List what can be chosen, with its words."""
    return [(key, texts.plain(text)) for key, text in listed.items()]


def sizes(texts: Texts) -> list[tuple[str, str]]:
    """List how long a page can be."""
    return [(str(size), texts.gettext("%(number)s on a page", number=size)) for size in SIZES]


def _one_of(value: str, known: Iterable[str]) -> str:
    """Return a value that the list knows, else nothing: whatever else stands in an address limits nothing."""
    return value if value in set(known) else ""


def paged(query: Mapping[str, str], sorts: Iterable[str]) -> tuple[str, int, int]:
    """Read order, size and page from an address; what cannot be, is as usual."""
    size, page = query.get("size", ""), query.get("page", "")
    return (
        _one_of(query.get("sort", ""), sorts),
        int(size) if size in {str(one) for one in SIZES} else PAGE_SIZE,
        min(max(int(page[:6]), 1), MOST_PAGES) if page.isascii() and page.isdecimal() else 1,
    )


def people_filter(query: Mapping[str, str]) -> PeopleFilter:
    """Read the filter of the list of people from an address."""
    sort, size, page = paged(query, PEOPLE_SORTS)
    town = query.get("town", "")
    return PeopleFilter(
        sort=sort,
        size=size,
        page=page,
        state=_one_of(query.get("state", ""), WORDS["situation"]),
        town=town if town.isascii() and town.isdecimal() and len(town) == _AGS_DIGITS else "",
    )


def offer_filter(
    query: Mapping[str, str], today: date, providers: Sequence[str], towns: Sequence[str]
) -> OfferFilter:
    """Read the filter of the list of offers from an address; `providers`, `towns`: those of the list."""
    sort, size, page = paged(query, OFFER_SORTS)
    due = _one_of(query.get("due", ""), DUE)
    return OfferFilter(
        sort=sort,
        size=size,
        page=page,
        provider=_one_of(query.get("provider", ""), providers),
        town=_one_of(query.get("town", ""), towns),
        due=due,
        until=today + timedelta(days=int(due)) if due else None,
    )


def course_filter(query: Mapping[str, str]) -> CourseFilter:
    """Read the filter of the list of courses from an address."""
    sort, size, page = paged(query, COURSE_SORTS)
    return CourseFilter(sort=sort, size=size, page=page, show=_one_of(query.get("show", ""), COURSES_SHOWN))
