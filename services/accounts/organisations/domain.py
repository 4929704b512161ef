"""Says whose a publisher is, and which short names there can be."""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum

LONGEST = 48
"""Characters of a publisher's short name."""
_SLUG = re.compile(r"^[a-z]([a-z0-9-]{0,46}[a-z0-9])?\Z")
_OTHER = re.compile(r"[^a-z0-9]+")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Standing(StrEnum):
    """Whose a publisher is, seen from an organisation with its Kreise."""

    OWN = "own"
    """It works in Kreise of the organisation only."""
    SHARED = "shared"
    """It works in other Kreise, too: they, too, decide about it."""
    FOREIGN = "foreign"


def standing_of(theirs: Collection[str], own: Collection[str]) -> Standing:
    """Return whose a publisher with these Kreise is.

    >>> standing_of(["99001"], ["99001", "99002"]).value, standing_of(["99001", "99003"], ["99001"]).value
    ('own', 'shared')
    >>> standing_of(["99003"], ["99001"]).value
    'foreign'
    """
    if not set(theirs) & set(own):
        return Standing.FOREIGN
    return Standing.OWN if set(theirs) <= set(own) else Standing.SHARED


def is_short_name(text: str) -> bool:
    """Return whether a text can name a publisher and an organisation."""
    return _SLUG.match(text) is not None


def short_name_of(name: str) -> str:
    """Return a short name made of a name; empty if none can be made.

    >>> short_name_of("Volkshochschule Müßstadt e. V.")
    'volkshochschule-muessstadt-e-v'
    >>> short_name_of("42")
    ''
    """
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    ascii_only = plain.encode("ascii", "ignore").decode()
    made = _OTHER.sub("-", ascii_only).lstrip("-0123456789")[:LONGEST].strip("-")
    return made if is_short_name(made) else ""
