"""Defines the text of a code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """Two sentences in English, the msgids of the German ones; `{name}` is a parameter of the problem."""

    wrong: str
    todo: str
