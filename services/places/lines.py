"""Turns the bytes of a directory into lines of text, or says in which line it stops being text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.places.domain import Fault, Said, say

LARGEST_FILE = 30_000_000
"""Bytes; the directory of all towns has about 4 MB."""
MOST_LINES = 200_000
"""The directory of all towns has about 16,000."""
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
"""Controls, also those of ISO-8859-1: where umlauts of MS-DOS and Windows-1252's dashes end up."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A file as lines, or what is wrong with it as a whole."""

    lines: Sequence[str] = ()
    fault: Fault | None = None


def read_lines(raw: bytes) -> Lines:
    """Decode UTF-8 (with or without byte order mark), else ISO-8859-1."""
    if len(raw) > LARGEST_FILE:
        most = LARGEST_FILE // 1_000_000
        return _wrong(
            say("the file is too large"),
            say("At most %(most)s MB are possible; is it the right file?", most=most),
        )
    if raw.count(b"\n") >= MOST_LINES:
        return _wrong(
            say("the file has too many lines"),
            say("At most %(most)s are possible; is it the right file?", most=f"{MOST_LINES:,}"),
        )
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return _wrong(say("the file is written in UTF-16"), say("Please save it again as UTF-8."))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    if (found := _NO_TEXT.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        letter = say(
            "character %(character)s is no letter of UTF-8 or ISO-8859-1", character=f"{ord(found[0]):#04x}"
        )
        todo = say("Please save the file again as UTF-8; if it is no text file, choose another.")
        return Lines(fault=Fault(line, column, letter, todo))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        return _wrong(say("the file is empty"), say("Please choose the directory's file."))
    return Lines(lines)


def _wrong(what: Said, todo: Said) -> Lines:
    return Lines(fault=Fault(1, 1, what, todo))
