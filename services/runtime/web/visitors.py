"""Defines who is looking at a page, and which rows they may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person: `role` decides the pages, `kreise` and `organisation` the rows."""

    key: str
    name: str
    role: str
    kreise: tuple[str, ...] = ()
    organisation: str | None = None
    publisher: str | None = None
    place: str = ""  # shown in the page's head instead of "Bundesrepublik Deutschland"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """An invented person whom a visitor of the demo can be; `role_text` says what they do."""

    visitor: Visitor
    role_text: str
    home: str


def directory(persons: Sequence[DemoPerson]) -> Mapping[str, DemoPerson]:
    """List persons by their key."""
    return {person.visitor.key: person for person in persons}
