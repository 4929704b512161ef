"""Reads numbers, words and places as German offices and programs write them."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from services.gateway.files.cells import Cell, Mark, NotReadable, plain
from services.gateway.files.text import word

_NUMBER = re.compile(r"^-?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?$|^-?[0-9]+(?:[,.][0-9]+)?$")
_THOUSANDS = re.compile(r"^-?[0-9]{1,3}(?:\.[0-9]{3})+$")
_LONGEST_NUMBER = 20
_EXACT_BELOW = 10**15
"""From here on spreadsheets round numbers."""
_YES = frozenset({
    "ja", "j", "x", "1", "wahr", "true", "yes", "y", "✓", "✔", "☑", "☒", "nötig", "benötigt", "erforderlich",
    "gewünscht",
})  # fmt: skip
_NO = frozenset({
    "nein", "n", "0", "falsch", "false", "no", "-", "\u2013", "\u2014", "☐", "✗", "✘", "kein", "keine",
    "keiner",
    "ohne", "entfällt", "nicht", "nicht nötig", "nicht benötigt", "nicht erforderlich", "nicht gewünscht",
    "kein bedarf", "keine kinder", "ohne kinderbetreuung", "keine kinderbetreuung",
})  # fmt: skip
_PLAIN_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_POSTCODE = re.compile(r"^(?:DE?-? ?)?([0-9]{3,5})$", re.IGNORECASE)


def read_number(cell: Cell) -> float | NotReadable | None:
    """Read a number with German separators.

    >>> read_number("1.145,50 €")
    1145.5
    """
    if cell is None:
        return None
    if isinstance(cell, bool | date | time | Mark):
        return NotReadable()
    if isinstance(cell, int | float):
        return float(cell) if abs(cell) < _EXACT_BELOW else NotReadable()
    written = plain(cell).removesuffix("€").strip()
    if not written:
        return None
    if len(written) > _LONGEST_NUMBER or _NUMBER.match(written) is None:
        return NotReadable()
    if "," in written or _THOUSANDS.match(written):
        written = written.replace(".", "").replace(",", ".")
    return float(written)


def read_whole(cell: Cell) -> int | NotReadable | None:
    """Read a number of people, hours or minutes; half ones are dropped."""
    number = read_number(cell)
    return int(number) if isinstance(number, float) else number


def read_yes(cell: Cell) -> bool | NotReadable | None:
    """Read yes or no."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, Mark):
        return NotReadable()
    written = plain(cell).casefold().rstrip(".!")
    if not written:
        return None
    if written in _YES:
        return True
    return False if written in _NO else NotReadable()


def read_postcode(cell: Cell) -> str | NotReadable | None:
    """Read a postcode; one that was saved as a number has lost its leading zeros.

    >>> read_postcode(9999)
    '09999'
    """
    if isinstance(cell, Mark):
        return NotReadable()
    written = plain(cell)
    if not written:
        return None
    match = _POSTCODE.match(written)
    return match[1].zfill(5) if match is not None else NotReadable()


class Towns:
    """Official municipality keys by the names that a publisher gave them in its settings."""

    def __init__(self, towns: Mapping[str, str]) -> None:
        self._known = {_place(name): ags for name, ags in towns.items()}

    def find(self, postcode: str | None, town: str | None) -> str | None:
        """Look up the AGS by postcode and town, by postcode, then by town; None if none is listed.

        >>> Towns({"99999 Musterstadt": "99001001"}).find("99999", "MUSTERSTADT")
        '99001001'
        """
        for wanted in (f"{postcode or ''} {town or ''}", postcode or "", town or ""):
            if wanted.strip() and (ags := self._known.get(_place(wanted))) is not None:
                return ags
        return None


def with_directory(own: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Add the towns of the directory to a publisher's own; of what both name, its own counts.

    >>> with_directory({"Bonn": "05314000"}, {"53111 Bonn": "05314009", "50667": "05315000"})
    {'50667': '05315000', 'Bonn': '05314000'}
    """
    said = {_place(name): ags for name, ags in own.items()}
    other = {ags for name, ags in known.items() for part in _parts(name) if said.get(part, ags) != ags}
    return {name: ags for name, ags in known.items() if ags not in other} | dict(own)


def _parts(name: str) -> set[str]:
    """Return a town as a list may write it: whole and, of postcode and name, either."""
    first, _, rest = name.partition(" ")
    return {_place(part) for part in ((name, first, rest) if first.isdigit() else (name,))}


def _place(name: str) -> str:
    """Write Görlitz and Goerlitz alike."""
    return word(name).translate(_PLAIN_LETTERS)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are known."""
    return {name: value for name, value in values.items() if value is not None}
