"""Defines towns, editions of the directory, and what is wrong with a line of a file."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

ALWAYS = date.min
"""`valid_from` of a town that is older than the first edition; -infinity in the database."""
OPEN = date.max
"""`valid_to` of a town that still holds; infinity in the database."""
LAENDER = {
    "01": "Schleswig-Holstein",
    "02": "Hamburg",
    "03": "Niedersachsen",
    "04": "Bremen",
    "05": "Nordrhein-Westfalen",
    "06": "Hessen",
    "07": "Rheinland-Pfalz",
    "08": "Baden-Württemberg",
    "09": "Bayern",
    "10": "Saarland",
    "11": "Berlin",
    "12": "Brandenburg",
    "13": "Mecklenburg-Vorpommern",
    "14": "Sachsen",
    "15": "Sachsen-Anhalt",
    "16": "Thüringen",
}
"""The Länder by the first two digits of the key."""


@dataclass(frozen=True, slots=True)
class Town:
    """A town in one period: `valid_to` is the first day on which it holds no longer."""

    ags: str
    name: str
    """As in the directory, with the designation after a comma: `Flensburg, Stadt`."""
    kreis_name: str = ""
    postcodes: tuple[str, ...] = ()
    """That of the seat first."""
    valid_from: date = ALWAYS
    valid_to: date = OPEN
    successors: tuple[str, ...] = ()
    more_postcodes: bool = False
    """The file says that there are more than it tells."""

    @property
    def kreis(self) -> str:
        """The key of the Kreis."""
        return self.ags[:5]

    @property
    def land(self) -> str:
        """The name of the Land; empty if it is invented."""
        return LAENDER.get(self.ags[:2], "")

    @property
    def short_name(self) -> str:
        """The name without designation.

        >>> Town("01001000", "Flensburg, Stadt").short_name
        'Flensburg'
        """
        return self.name.partition(",")[0].strip()

    @property
    def label(self) -> str:
        """What a person chooses: name and postcode of the seat."""
        return f"{self.short_name}, {self.postcodes[0]}" if self.postcodes else self.short_name

    def holds(self, on: date) -> bool:
        """Return whether there is this town on a day."""
        return self.valid_from <= on < self.valid_to


class Said(str):
    """A sentence in English that keeps what it was made of, so that a page can say it in another language."""

    __slots__ = ("msgid", "params")
    msgid: str
    params: Mapping[str, str | int]


def say(message: str, **params: str | int) -> Said:
    """Fill in a sentence; the message is translated by its msgid.

    >>> said = say("the key %(key)s is missing", key="01001000")
    >>> str(said), said.msgid
    ('the key 01001000 is missing', 'the key %(key)s is missing')
    """
    made = Said(message % params if params else message)
    made.msgid, made.params = message, params
    return made


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, and what to do; lines and columns count from 1."""

    line: int
    column: int
    what: Said
    todo: Said
    field: str = ""

    def told(self, file: str) -> str:
        """Return it as one line.

        >>> Fault(3, 1, say("the key is missing"), say("Please add it."), "ags").told("towns.csv")
        'towns.csv, line 3, column 1 (ags): the key is missing. Please add it.'
        """
        named = f" ({self.field})" if self.field else ""
        return f"{file}, line {self.line}, column {self.column}{named}: {self.what}. {self.todo}"


class PlacesError(ValueError):
    """The directory cannot be loaded; the message says why and what to do, `faults` the lines."""

    def __init__(self, message: str, said: Said, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.said, self.faults = said, tuple(faults)


class ManyEndError(PlacesError):
    """So many towns would end that the file may be cut off; somebody has to say that it is right."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A file as read."""

    source: str
    """gv100ad or csv."""
    day: date | None
    """The day for which it tells the towns; None: it does not say."""
    areas: frozenset[str]
    """Länder (two digits) or Kreise (five) which it tells whole: who is missing there has ended."""
    towns: tuple[Town, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """A file that was loaded."""

    day: date
    source: str
    name: str
    sha256: bytes = field(repr=False)
    areas: frozenset[str]
    towns: int

    def tells(self, areas: frozenset[str]) -> bool:
        """Return whether it and another file speak of the same towns.

        >>> Edition(date(2025, 12, 31), "csv", "", b"", frozenset({"99001"}), 1).tells(frozenset({"99"}))
        True
        """
        return any(one.startswith(other) or other.startswith(one) for one in self.areas for other in areas)


def within(ags: str, areas: frozenset[str]) -> bool:
    """Return whether a town lies in one of these Länder or Kreise."""
    return ags[:2] in areas or ags[:5] in areas


def folded(text: str) -> tuple[str, ...]:
    """Return how a name may be typed: with ae, oe, ue, and with the bare letters; words apart by a space.

    >>> folded("Weißenfels-Süd")
    ('weissenfels sued', 'weissenfels sud')
    """
    lower = text.casefold()
    forms = (lower.translate(_UMLAUTS), lower)
    return tuple(dict.fromkeys(_bare(form) for form in forms))


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def _bare(text: str) -> str:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return " ".join("".join(one if one.isalnum() else " " for one in plain).split())


def is_ags(text: str) -> bool:
    """Return whether a text is a key of a town."""
    return len(text) == 8 and text.isascii() and text.isdigit()  # noqa: PLR2004 -- digits of the key


def is_postcode(text: str) -> bool:
    """Return whether a text is a postcode."""
    return len(text) == 5 and text.isascii() and text.isdigit()  # noqa: PLR2004 -- digits of a postcode


def as_sorted(towns: Sequence[Town]) -> list[Town]:
    """Sort as people look for names, with umlauts beside their letters."""
    return sorted(towns, key=lambda town: (folded(town.short_name)[-1], town.ags, town.valid_from))
