"""Gives templates filters for codes, reasons and places."""

from collections.abc import Callable, Mapping
from pathlib import Path

from services.places.current import CurrentPlaces
from services.runtime.web.languages import NOTHING, Texts
from services.texts.codes import word
from services.texts.reasons import headline, load, sentence

LOCALE = Path(__file__).resolve().parent / "locale"
TEMPLATES = Path(__file__).resolve().parent / "templates"
"""Parts of pages that both sides use."""


def field_filters(texts: Texts, places: CurrentPlaces | None = None) -> Mapping[str, Callable[..., object]]:
    """Return the filters `place`, `word`, `reason`, `headline` and `from_json` in one language.

    Without `places`, or where they know no name, towns and Kreise are called by their keys.
    """
    current = places or CurrentPlaces()
    return {
        "place": lambda ags: current.now.name(ags) or ags or NOTHING,
        "word": lambda code, kind: word(texts, code, kind),
        "reason": lambda value: sentence(texts, value),
        "headline": lambda code: headline(texts, code),
        "from_json": load,
    }
