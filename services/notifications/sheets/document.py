"""Defines what a sheet consists of; pages and PDF show the same blocks."""

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a sheet."""

    text: str
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of one or more sentences."""

    text: str
    strong: bool = False
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences, one below the other."""

    rows: tuple[str, ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values; `strong` is the name of the row that matters most."""

    rows: tuple[tuple[str, str], ...]
    strong: str = ""
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Choices:
    """Sentences to tick, each with its German beside it where the sheet is not German."""

    rows: tuple[tuple[str, str], ...]
    kind: Literal["choices"] = "choices"


@dataclass(frozen=True, slots=True)
class Blanks:
    """Lines to write on, each with its name below; what is known already stands on the line."""

    rows: tuple[tuple[str, str], ...]
    kind: Literal["blanks"] = "blanks"


@dataclass(frozen=True, slots=True)
class Helper:
    """Who helps, and the code that leads to their page."""

    name: str
    lines: tuple[str, ...]
    address: str
    caption: str
    kind: Literal["helper"] = "helper"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a slip is cut off."""

    kind: Literal["cut"] = "cut"


Block: TypeAlias = Heading | Paragraph | Points | Facts | Choices | Blanks | Helper | Cut


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page for a person in one language; `german_title` tells whoever works with it what it is."""

    code: str
    right_to_left: bool
    title: str
    german_title: str
    blocks: tuple[Block, ...]
    sender: str = ""
    sender_lines: tuple[str, ...] = ()
    aside: tuple[tuple[str, str], ...] = ()
    footer: str = ""

    @property
    def direction(self) -> str:
        """The value of the attribute `dir` in HTML."""
        return "rtl" if self.right_to_left else "ltr"
