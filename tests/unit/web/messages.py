"""Finds every text that pages translate: in templates, in marked calls, in the lists of words."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_python
from jinja2.ext import babel_extract

from services.texts import codes as words
from services.texts import reasons

ROOT = Path(__file__).resolve().parents[3] / "services"
KEYWORDS: Any = ("msgid", "plain", "gettext", "PageError", "back", "ngettext", "say")
_POSITION = {"say": 0, "msgid": 0, "plain": 0, "gettext": 0, "PageError": 2, "back": 3}
RUNTIME = ROOT / "runtime" / "web"
TEXTS = ROOT / "texts"
CONSOLE = ROOT / "allocation" / "console"
FIGURES = ROOT / "allocation" / "figures"
COMPARISON = ROOT / "simulator" / "comparison"
PAGES = ROOT / "notifications" / "pages"
ACCOUNTS = ROOT / "accounts"
PLACES = ROOT / "places"
LOADED = {
    RUNTIME: (),
    PLACES: (RUNTIME,),
    TEXTS: (RUNTIME,),
    ACCOUNTS: (RUNTIME, ACCOUNTS / "oidc"),
    CONSOLE: (RUNTIME, TEXTS, ACCOUNTS, PLACES, CONSOLE.parent),
    FIGURES: (RUNTIME, TEXTS, CONSOLE.parent),
    COMPARISON: (RUNTIME, TEXTS, ACCOUNTS, CONSOLE.parent),
    PAGES: (RUNTIME, TEXTS, ACCOUNTS, PLACES, PAGES.parent),
}
"""Folder of texts -> the folders whose catalogues are loaded wherever its texts are shown."""


def _of_python(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        found = extract_python(io.BytesIO(path.read_bytes()), KEYWORDS, (), {})
        for _line, name, texts, _comments in found:
            listed: tuple[Any, ...] = tuple(texts) if isinstance(texts, list | tuple) else (texts,)
            if name == "ngettext":
                yield from (text for text in listed[:2] if isinstance(text, str))
            elif len(listed) > (place := _POSITION[str(name)]) and isinstance(text := listed[place], str):
                yield text


def _of_templates(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.html")):
        with path.open("rb") as file:
            options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
            for _line, name, texts, _comments in babel_extract(file, ("_", "ngettext"), (), options):
                listed: tuple[Any, ...] = tuple(texts) if isinstance(texts, list | tuple) else (texts,)
                wanted = listed[:2] if name == "ngettext" else listed[:1]
                yield from (text for text in wanted if isinstance(text, str))


def _of_words() -> Iterator[str]:
    for listed in words.WORDS.values():
        yield from listed.values()
    for other in (
        reasons.REASONS,
        reasons.REFUSALS,
        reasons.RULES,
        reasons.GOALS,
        reasons.SUMS,
        reasons.NEEDS,
    ):
        yield from other.values()


def messages_of(folder: Path) -> list[str]:
    """List the texts of one package's pages, each once, in order."""
    found = [*_of_python(folder), *_of_templates(folder), *(_of_words() if folder == TEXTS else ())]
    return list(dict.fromkeys(text for text in found if text.strip()))
