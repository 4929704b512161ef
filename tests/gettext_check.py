"""Checks the catalogues: every text that pages show has a German one, with the same blanks to fill in."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.unit.web.messages import LOADED, ROOT, messages_of

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


def catalogue_of(path: Path) -> Catalog:
    """Read a German catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale="de")


def said_twice(folders: Iterable[Path]) -> Iterator[str]:
    """Name texts that have two German ones in catalogues that are loaded together: one shows nowhere."""
    german: dict[str, set[str]] = {}
    paths = [path for folder in folders for path in folder.glob("locale/de/LC_MESSAGES/*.po")]
    for path in paths:
        for message in catalogue_of(path):
            if message.id:
                text = message.id if isinstance(message.id, str) else message.id[0]
                german.setdefault(text, set()).add(str(message.string))
    for text, found in german.items():
        if len(found) > 1:
            yield f"{text!r} has two German texts: {', '.join(sorted(found))}"


def faults() -> Iterator[str]:
    """Go through all catalogues, then through all texts of the pages with the catalogues of their service."""
    known: dict[Path, set[str]] = {}
    for path in sorted(ROOT.rglob("locale/de/LC_MESSAGES/*.po")):
        texts = known.setdefault(path.parents[3], set())
        for message in catalogue_of(path):
            if message.id and (fault := wrong_with(message)):
                yield f"{path.relative_to(ROOT.parent)}: {message.id!r} {fault}"
            texts.update([message.id] if isinstance(message.id, str) else message.id)
    for folder, shown_with in LOADED.items():
        yield from (
            f"{folder.relative_to(ROOT.parent)}: {fault}" for fault in said_twice((folder, *shown_with))
        )
        loaded = set[str]().union(*(known.get(one, set()) for one in (folder, *shown_with)))
        for text in messages_of(folder):
            if text not in loaded:
                yield f"{folder.relative_to(ROOT.parent)}: {text!r} is in no German catalogue loaded with it"


if __name__ == "__main__":
    found = list(faults())
    sys.stdout.write("".join(f"{one}\n" for one in found) or "catalogues: every text has a German one\n")
    sys.exit(bool(found))
