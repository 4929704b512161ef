"""Defines official numbers of people and when two of them are the same."""

import unicodedata
from typing import Annotated

from pydantic import StringConstraints

NumberScheme = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
"""Kind of an official number, for instance bamf, azr, bg."""

NumberText = Annotated[
    str, StringConstraints(min_length=3, max_length=64, pattern=r"^[^+]*[\p{L}\p{N}][^+]*$")
]
"""An official number as it is written; 1,23E+11, in which a spreadsheet has lost digits, is none."""


def number_key(number: str) -> str:
    """Reduce an official number: spaces, dashes, slashes, case and leading zeros do not matter.

    A spreadsheet drops leading zeros; the numbers of one kind have one length, so no two people become one.

    >>> number_key("0123/456-789 a"), number_key("000")
    ('123456789A', '0')
    """
    plain = unicodedata.normalize("NFKC", number).upper()
    kept = "".join(character for character in plain if character.isalnum())
    return kept.lstrip("0") or kept[:1]
