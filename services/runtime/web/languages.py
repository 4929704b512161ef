"""Translates texts and formats dates and numbers in German and English."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

from schemas.days import LOCAL, local_day

LANGUAGES = ("de", "en")
NOTHING = "\N{EN DASH}"  # where a table has no value
_RANGE = re.compile(
    r"(?P<name>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*[qQ]=(?P<weight>0(?:\.[0-9]*)?|1(?:\.0*)?))?"
)
_LONGEST_HEADER, _MOST_RANGES = 1_000, 50
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.\s*([0-9]{1,2})\.\s*([0-9]{4})")


def chosen_language(accept_language: str | None) -> str:
    """Choose German or English by the header Accept-Language (RFC 9110, 12.5.4); German if it names neither.

    What cannot be read is skipped, and q=0 is a refusal. `*` stands for whatever the list does not name. Of
    equal ones the first counts.

    >>> chosen_language("en; q=0.9, de; q=0.1"), chosen_language("de;q=0, *")
    ('en', 'en')
    """
    weights: dict[str, tuple[float, int]] = {}
    for place, part in enumerate((accept_language or "")[:_LONGEST_HEADER].split(",")[:_MOST_RANGES]):
        found = _RANGE.fullmatch(part.strip())
        if found:
            name = found["name"].lower().partition("-")[0]
            weights[name] = max(weights.get(name, (0.0, 0)), (float(found["weight"] or 1), -place))
    others = weights.get("*", (0.0, 0))
    ranked = [(*weights.get(code, others), -number, code) for number, code in enumerate(LANGUAGES)]
    weight, _, _, code = max(ranked)
    return code if weight > 0 else LANGUAGES[0]


def day_of(text: str) -> date | None:
    """Read a day as people write it.

    >>> day_of("24.5.2026"), day_of("2026-05-24"), day_of("soon")
    (datetime.date(2026, 5, 24), datetime.date(2026, 5, 24), None)
    """
    german = _GERMAN_DAY.fullmatch(text)
    try:
        if german:
            return date(int(german[3]), int(german[2]), int(german[1]))
        return date.fromisoformat(text)
    except ValueError:
        return None


def msgid(message: str) -> str:
    """Return a text unchanged; it is translated elsewhere and has to be in the catalogues."""
    return message


class Texts:
    """The texts and formats of one language, from gettext catalogues read when the service starts."""

    def __init__(self, language: str, catalogues: Sequence[Path]) -> None:
        self.language = language
        self._translations = Translations()
        self._known: set[str] = set()
        for path in catalogues:
            with path.open("rb") as file:
                catalogue = read_po(file, locale=language)
            for message in catalogue:
                if message.string and all(message.string):
                    self._known.update([message.id] if isinstance(message.id, str) else message.id)
            compiled = io.BytesIO()
            write_mo(compiled, catalogue)
            compiled.seek(0)
            self._translations.merge(Translations(compiled))

    def gettext(self, message: str, **params: Any) -> str:  # noqa: ANN401 - whatever the text names
        """Translate, then fill in `%(name)s`."""
        text = self._translations.gettext(message)
        return text % params if params else text

    def plain(self, message: str) -> str:
        """Translate and fill in nothing (templates fill in what they escaped)."""
        return self._translations.gettext(message)

    def plain_plural(self, singular: str, plural: str, number: int) -> str:
        """Translate by number and fill in nothing."""
        return self._translations.ngettext(singular, plural, number)

    def ngettext(self, singular: str, plural: str, number: int, **params: Any) -> str:  # noqa: ANN401
        """Translate by number, then fill in `%(num)s` and others."""
        return self._translations.ngettext(singular, plural, number) % ({"num": number} | params)

    def knows(self, message: str) -> bool:
        """Return whether the catalogues have a translation of a msgid."""
        return message in self._known

    def day_of_year(self, day: date) -> str:
        """Write a day without its year, for a scale: 03.11."""
        return format_date(day, "dd.MM." if self.language == "de" else "d MMM", locale=self.language)

    def date(self, day: date | datetime | None) -> str:
        """Write a day as people write it: 03.11.2025."""
        if day is None:
            return NOTHING
        if isinstance(day, datetime):
            day = local_day(day)
        return format_date(day, "dd.MM.yyyy" if self.language == "de" else "d MMM yyyy", locale=self.language)

    def last_day(self, end: datetime | None) -> str:
        """Write the last day before an end: what ends at midnight was possible the day before."""
        return self.date(None if end is None else end - timedelta(seconds=1))

    def time(self, moment: datetime | None) -> str:
        """Write a moment: day and minute, in German time."""
        if moment is None:
            return NOTHING
        form = "dd.MM.yyyy, HH:mm" if self.language == "de" else "d MMM yyyy, HH:mm"
        return format_datetime(moment, form, tzinfo=LOCAL, locale=self.language)

    def number(self, number: float | None) -> str:
        """Write a number with the language's separators."""
        return NOTHING if number is None else format_decimal(number, locale=self.language)


def load(folders: Sequence[Path]) -> Mapping[str, Texts]:
    """Read all `LANGUAGE/LC_MESSAGES/*.po` below the folders, once; English needs none."""
    return _loaded(tuple(folders))


@cache
def _loaded(folders: tuple[Path, ...]) -> Mapping[str, Texts]:
    return {
        code: Texts(code, [p for folder in folders for p in sorted(folder.glob(f"{code}/LC_MESSAGES/*.po"))])
        for code in LANGUAGES
    }
