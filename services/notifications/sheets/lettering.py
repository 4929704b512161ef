"""Replaces what the fonts of the sheets cannot show: PDF/UA refuses a document with such a sign."""

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache

from services.runtime.web.vendor import STATIC

_WEIGHTS = ("Regular", "SemiBold")
_FAMILIES = ("NotoSans", "NotoSansArabic")
_UNSEEN = frozenset("\n\u200b\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069")
"""Signs without a picture of their own: line ends, joiners and directions."""
_INSTEAD = "\N{REPLACEMENT CHARACTER}"
_SEGMENTS = 4
_GROUPS = 12
"""Formats of a font's table of characters, as the OpenType specification numbers them ('cmap')."""


def legible(text: str) -> str:
    r"""Return a text with a mark for each letter that the fonts lack, and without other signs that they lack.

    >>> legible("Öztürk, Оксана, محمود"), legible("Mei 李明 \N{SLIGHTLY SMILING FACE}\x07")
    ('Öztürk, Оксана, محمود', 'Mei \ufffd\ufffd ')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(filter(None, map(_shown, text)))


def _shown(sign: str) -> str:
    if sign in _UNSEEN or ord(sign) in _known():
        return sign
    return _INSTEAD if unicodedata.category(sign).startswith("L") else ""


@cache
def _known() -> frozenset[int]:
    """Return the characters that the sheets can show in both weights."""
    weights = [
        {
            code
            for family in _FAMILIES
            for code in _characters((STATIC / f"{family}-{weight}.ttf").read_bytes())
        }
        for weight in _WEIGHTS
    ]
    return frozenset(code for code in set.intersection(*weights) if unicodedata.category(chr(code)) != "Cc")


def _characters(font: bytes) -> Iterator[int]:
    """Read which characters a TrueType font has a glyph for."""
    for record in range(12, 12 + 16 * struct.unpack_from(">H", font, 4)[0], 16):
        tag, _, at, _ = struct.unpack_from(">4sLLL", font, record)
        if tag == b"cmap":
            for number in range(struct.unpack_from(">H", font, at + 2)[0]):
                (offset,) = struct.unpack_from(">L", font, at + 8 + 8 * number)
                yield from _of_table(font, at + offset)


def _of_table(font: bytes, at: int) -> Iterator[int]:
    (form,) = struct.unpack_from(">H", font, at)
    if form == _SEGMENTS:
        (double,) = struct.unpack_from(">H", font, at + 6)
        ends = struct.unpack_from(f">{double // 2}H", font, at + 14)
        starts = struct.unpack_from(f">{double // 2}H", font, at + 16 + double)
        for first, last in zip(starts[:-1], ends[:-1], strict=True):  # the last stands for the end
            yield from range(first, last + 1)
    elif form == _GROUPS:
        for number in range(struct.unpack_from(">L", font, at + 12)[0]):
            first, last = struct.unpack_from(">LL", font, at + 16 + 12 * number)
            yield from range(first, last + 1)
