"""Checks the catalogues: every text that pages show has a German one, with the same blanks to fill in."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.unit.web.messages import (
    ACCOUNTS,
    COMPARISON,
    CONSOLE,
    PAGES,
    PLACES,
    ROOT,
    RUNTIME,
    TEXTS,
    messages_of,
)

_BLANK = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


def blanks(text: str) -> set[str]:
    """Name what a text leaves to be filled in."""
    return {first or second for first, second in _BLANK.findall(text)}


def wrong_with(message: Message) -> str | None:
    """Say what is wrong with one entry of a catalogue."""
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    texts = [message.string] if isinstance(message.string, str) else list(message.string or [""])
    if not all(texts):
        return "has no German text"
    if message.fuzzy:
        return "is marked fuzzy"
    wanted = set().union(*(blanks(one) for one in ids))
    if any(blanks(one) - wanted for one in texts):
        return "fills in blanks that the English text does not have"
    return None


def faults() -> Iterator[str]:
    """Go through all catalogues, then through all texts of the pages."""
    known: set[str] = set()
    for path in sorted(ROOT.rglob("locale/de/LC_MESSAGES/*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale="de")
        for message in catalogue:
            if message.id and (fault := wrong_with(message)):
                yield f"{path.relative_to(ROOT.parent)}: {message.id!r} {fault}"
            known.update([message.id] if isinstance(message.id, str) else message.id)
    for folder in (RUNTIME, ACCOUNTS, PLACES, TEXTS, CONSOLE, COMPARISON, PAGES):
        for text in messages_of(folder):
            if text not in known:
                yield f"{folder.relative_to(ROOT.parent)}: {text!r} is in no German catalogue"


if __name__ == "__main__":
    found = list(faults())
    sys.stdout.write("".join(f"{one}\n" for one in found) or "catalogues: every text has a German one\n")
    sys.exit(bool(found))
