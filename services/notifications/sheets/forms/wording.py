"""Knows the versions of the consent form and their wording; `--write` writes the wording of the latest one.

`python -m services.notifications.sheets.forms.wording --write` refuses to change what a version says.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml

from services.notifications.sheets.consent_form import consent_form
from services.notifications.sheets.document import (
    Blanks,
    Block,
    Choices,
    Cut,
    Facts,
    Heading,
    Helper,
    Paragraph,
    Points,
)
from services.notifications.sheets.languages import LANGUAGES

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class FormVersion:
    """A version of the form, and the day on which its words were written."""

    id: str
    written_on: date


@cache
def versions() -> tuple[FormVersion, ...]:
    """Return all versions, the latest first."""
    listed = yaml.safe_load((HERE / "versions.yaml").read_text("utf-8"))
    return tuple(FormVersion(one["id"], one["written_on"]) for one in listed)


def latest() -> str:
    """Return the version that is printed now."""
    return versions()[0].id


def kept(version: str, language: str) -> str:
    """Return the words of a version, as they were when it was written.

    Raises:
        KeyError: there is no such version or language.
    """
    if version not in {one.id for one in versions()} or language not in LANGUAGES:
        raise KeyError(version, language)
    return (HERE / version / f"{language}.txt").read_text("utf-8")


def wording(language: str, version: str) -> str:
    """Write the form as plain text, as the catalogues have it now."""
    sheet = consent_form(language, version)
    lines = [sheet.title, sheet.german_title]
    for block in sheet.blocks:
        lines += ["", *_lines(block)]
    return "\n".join([*lines, "", sheet.footer, ""])


def _lines(block: Block) -> Sequence[str]:
    match block:
        case Heading(text=text) | Paragraph(text=text):
            return [text]
        case Points(rows=rows):
            return [f"- {row}" for row in rows]
        case Choices(rows=pairs):
            return [f"[ ] {said}" + (f" ({german})" if german else "") for said, german in pairs]
        case Facts(rows=pairs) | Blanks(rows=pairs):
            return [f"{name}: {value}".rstrip() for name, value in pairs]
        case Helper() | Cut():
            return []


def main(arguments: Sequence[str]) -> int:
    """Write what is missing of the latest version, or tell what differs."""
    version, differing = latest(), []
    for language in LANGUAGES:
        path, words = HERE / version / f"{language}.txt", wording(language, version)
        if not path.is_file() and "--write" in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(words, "utf-8")
        if not path.is_file() or path.read_text("utf-8") != words:
            differing.append(language)
    if differing:
        sys.stderr.write(
            f"forms: {version} says something else in {', '.join(differing)} than the catalogues do; add a "
            "version above it in versions.yaml and write that\n"
        )
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
