"""Holds what a page says of somebody or something in the order of a story: now, and what happens next."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ahead:
    """One thing to come, all in the visitor's language."""

    what: str
    when: str = ""
    """By when or from when on; empty: nobody knows."""
    who: str = ""
    """On whom it depends; empty: on nobody."""


@dataclass(frozen=True, slots=True)
class Story:
    """The beginning of a page: how it stands now, in a sentence, and what happens next, in order."""

    now: str
    ahead: Sequence[Ahead]
