"""Gives the first words of a counsellor in the person's language, from the catalogue first_words.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

RIGHT_TO_LEFT = frozenset({"ar", "fa"})
_SAME: Mapping[str, str] = {"prs": "fa"}
"""Dari is written as Persian is."""
GERMAN = "de"


@dataclass(frozen=True, slots=True)
class FirstWords:
    """What can be said first: a language, its direction, the text, and what it means in German."""

    language: str
    text: str
    meaning: str

    @property
    def direction(self) -> str:
        """Return the direction in which it is written, for HTML."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Read the catalogue: language -> kind of alert -> text."""
    path = Path(__file__).with_name("first_words.yaml")
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(path.read_text("utf-8"))
    return found


def first_words(kind: str, languages: Sequence[str]) -> FirstWords:
    """Return the first words in the first of a person's languages that the catalogue has, else in German.

    >>> first_words("risk", ["ti", "prs", "en"]).language, first_words("risk", []).language
    ('fa', 'de')
    """
    texts = catalogue()
    of = "enrolment" if kind == "enrolment" else "risk"
    spoken = (_SAME.get(code, code) for code in languages)
    language = next((code for code in spoken if code in texts), GERMAN)
    return FirstWords(language, texts[language][of], texts[GERMAN][of])
