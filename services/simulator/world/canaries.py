"""Lists every word that must never be found outside of the support side."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson

from services.simulator.world.people import Person
from services.simulator.world.state import Planned

_TEXT: Final = re.compile("kanarie-[a-z0-9]+")


def of_person(person: Person) -> Iterator[str]:
    """List the canaries in a person's contact data."""
    contact = person.contact
    yield from (contact.given_name, contact.family_name, contact.birth_date.isoformat())
    if contact.phone:
        yield contact.phone
    if contact.email:
        yield contact.email


def of_event(event: Planned) -> Iterator[str]:
    """List the free text that was planted in an event, and the official number of a registration."""
    for name in ("bemerkung", "remark"):
        if name in event.data:
            yield str(event.data[name])
    if event.body:
        yield from _TEXT.findall(event.body)
    if event.official_number:
        yield event.official_number["number"]


class CanaryFile:
    """The file of planted words, for the scan of the wall."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._words: set[str] = set(orjson.loads(path.read_bytes())) if path.exists() else set()

    def plant(self, words: Iterable[str]) -> None:
        """Write the words down before they are sent."""
        fresh = set(words) - self._words
        if fresh:
            self._words |= fresh
            self._path.write_bytes(orjson.dumps(sorted(self._words)))


def read(path: Path) -> frozenset[str]:
    """Read the planted words."""
    return frozenset(orjson.loads(path.read_bytes()))
