"""Narrows and orders a list by its address: declared once for each list, checked, kept in every link.

The address only ever names things that were declared; SQL is constant text chosen by such a name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from services.runtime.web.languages import msgid

SIZES = (25, 50, 100, 200)
"""Lines of a page that somebody can choose."""
LONGEST = 60
"""Characters of a value that nobody knows, as they are shown."""
_LONGEST_NUMBER = 5
NOTHING: Mapping[str, str] = {}
"""No filter."""
Choices = Sequence[tuple[str, str]]
"""Values with their words, in the visitor's language."""


class Params(Protocol):
    """The part of an address behind the question mark."""

    def get(self, name: str, default: str, /) -> str:
        """Return a value."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow a list; `label` is a msgid."""

    name: str
    label: str
    kind: str = ""
    """Which choices there are: a key of the mapping given to `Listing.asked`; empty: by name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its address, how it can be narrowed and ordered."""

    path: str
    filters: tuple[Filter, ...]
    orders: Mapping[str, str]
    """Columns by which it can be ordered, with their msgids; how is said beside the query."""
    usual: str
    """The order without any wish, as a msgid: "the longest wait first"."""
    size: int = 50

    def asked(self, params: Params, choices: Mapping[str, Choices]) -> Asked:
        """Read what the address asks; what nobody knows is left out and remembered."""
        values, refused = dict[str, str](), list[tuple[str, str]]()
        for one in self.filters:
            wanted = params.get(one.name, "").strip()
            if not wanted:
                continue
            if any(code == wanted for code, _ in choices[one.kind or one.name]):
                values[one.name] = wanted
            else:
                refused.append((one.label, _shown(wanted)))
        sort = params.get("sort", "").strip()
        if sort and sort.removeprefix("-") not in self.orders:
            refused.append((msgid("Order"), _shown(sort)))
            sort = ""
        size = params.get("size", "").strip()
        if size and size not in map(str, SIZES):
            refused.append((msgid("Lines on a page"), _shown(size)))
            size = ""
        page = params.get("page", "1")
        number = int(page) if page.isascii() and page.isdecimal() and len(page) <= _LONGEST_NUMBER else 1
        return Asked(
            self,
            values,
            sort,
            int(size or self.size),
            max(1, number),
            tuple(refused),
            {one.name: choices[one.kind or one.name] for one in self.filters},
        )

    def again(self, params: Params) -> str:
        """Return the address of the list as it was, after a form that was sent from it."""
        names = (*(one.name for one in self.filters), "sort", "size", "page")
        kept = {name: value for name in names if (value := params.get(name, "").strip()[:LONGEST])}
        return f"{self.path}?{urlencode(kept)}" if kept else self.path


def _shown(value: str) -> str:
    """Return the beginning of a value as it can be shown."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in value[:LONGEST])


@dataclass(frozen=True, slots=True)
class Active:
    """A filter that is set: its msgid, the value in words, the address of the list without it."""

    label: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of a list."""

    listing: Listing
    values: Mapping[str, str]
    sort: str = ""
    """A column; with a minus sign in front: the other way round."""
    size: int = 50
    page: int = 1
    refused: tuple[tuple[str, str], ...] = ()
    """What nobody knows: the msgid of its label, and the value."""
    choices: Mapping[str, Choices] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str | None:
        """Return the value of a filter, None if it is not set."""
        return self.values.get(name)

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.values)

    def only(self, *names: str) -> bool:
        """Return whether no other filters are set than these."""
        return set(self.values) <= set(names)

    @property
    def active(self) -> list[Active]:
        """The filters that are set, in the order in which they are declared."""
        return [
            Active(one.label, self.word(one.name), self._address(one.name))
            for one in self.listing.filters
            if one.name in self.values
        ]

    def word(self, name: str) -> str:
        """Return the value of a filter in words."""
        return dict(self.choices[name]).get(self.values[name], "")

    @property
    def everything(self) -> str:
        """The address of the list in this order without any filter."""
        return self._address(*self.values)

    @property
    def query(self) -> str:
        """The address behind the question mark without the page; ends with `&` unless it is empty."""
        told = urlencode(self._told())
        return f"{told}&" if told else ""

    @property
    def here(self) -> str:
        """The same, with the page: where forms of the list are sent, so that it is found again."""
        told = self._told() | ({"page": str(self.page)} if self.page > 1 else {})
        return f"?{urlencode(told)}" if told else ""

    def _told(self) -> dict[str, str]:
        told = {one.name: self.values[one.name] for one in self.listing.filters if one.name in self.values}
        if self.sort:
            told["sort"] = self.sort
        if self.size != self.listing.size:
            told["size"] = str(self.size)
        return told

    def _address(self, *without: str) -> str:
        told = {name: value for name, value in self._told().items() if name not in without}
        return f"{self.listing.path}?{urlencode(told)}" if told else self.listing.path

    def turned(self, column: str) -> str:
        """Return the order that a click on the head of a column asks for."""
        return f"-{column}" if self.sort == column else column

    def direction(self, column: str) -> str:
        """Return `aria-sort` of a column; empty if the list is not ordered by it."""
        return {column: "ascending", f"-{column}": "descending"}.get(self.sort, "")


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list, and how many entries the whole has."""

    rows: Sequence[Any]
    total: int
    page: int
    pages: int


async def rows_of(asked: Asked, fetch: Callable[[int, int], Awaitable[Sequence[Any]]]) -> Rows:
    """Read the page that is asked for by `fetch(limit, offset)`; behind the end, the last one.

    Each row has the number of all entries in its column `total`.
    """
    rows = await fetch(asked.size, (asked.page - 1) * asked.size)
    page = asked.page
    if not rows and page > 1:
        first = await fetch(1, 0)
        page = -(-first[0]["total"] // asked.size) if first else 1
        rows = await fetch(asked.size, (page - 1) * asked.size)
    total = rows[0]["total"] if rows else 0
    return Rows(rows, total, page, max(1, -(-total // asked.size)))


def ordered(columns: Mapping[str, str], sort: str, usual: str) -> str:
    """Return the text behind ORDER BY: a declared column, then the usual order; unknown names change nothing.

    >>> ordered({"start": "s.starts_on"}, "-start", "p.id")
    's.starts_on DESC NULLS LAST, p.id'
    >>> ordered({"start": "s.starts_on"}, "1; DROP TABLE course", "p.id")
    'p.id'
    """
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        return usual
    return f"{column} {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, {usual}"
