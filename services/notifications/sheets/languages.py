"""Speaks the eight languages of the sheets; each has one catalogue, English is that of the msgids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from babel import Locale

from services.runtime.web.languages import Texts

LOCALE = Path(__file__).with_name("locale")
_FIRST_STRONG, _LEFT_TO_RIGHT, _END = (
    "\N{FIRST STRONG ISOLATE}",
    "\N{LEFT-TO-RIGHT ISOLATE}",
    "\N{POP DIRECTIONAL ISOLATE}",
)


@dataclass(frozen=True, slots=True)
class SheetLanguage:
    """A language of the sheets; `name` is what its speakers call it."""

    code: str
    name: str
    right_to_left: bool = False

    @property
    def direction(self) -> str:
        """The value of the attribute `dir` in HTML."""
        return "rtl" if self.right_to_left else "ltr"


LANGUAGES: Mapping[str, SheetLanguage] = {
    one.code: one
    for one in (
        SheetLanguage("de", "Deutsch"),
        SheetLanguage("en", "English"),
        SheetLanguage("ar", "العربية", right_to_left=True),
        SheetLanguage("uk", "Українська"),
        SheetLanguage("fa", "فارسی", right_to_left=True),
        SheetLanguage("tr", "Türkçe"),
        SheetLanguage("ru", "Русский"),
        SheetLanguage("fr", "Français"),
    )
}
GERMAN = "de"
_READ_AS = {"prs": "fa"}
"""Who speaks Dari reads Persian."""


def language_for(spoken: Sequence[str]) -> str:
    """Return the first of somebody's languages that sheets have; German if they have none.

    >>> language_for(["so", "ar", "en"]), language_for(["prs"]), language_for([])
    ('ar', 'fa', 'de')
    """
    return next((_READ_AS.get(one, one) for one in spoken if _READ_AS.get(one, one) in LANGUAGES), GERMAN)


class SheetTexts:
    """The texts and formats of one language of the sheets."""

    def __init__(self, language: SheetLanguage) -> None:
        self.language = language
        self._texts = Texts(language.code, sorted(LOCALE.glob(f"{language.code}/LC_MESSAGES/*.po")))
        self._locale = Locale(language.code)

    def say(self, message: str, **params: str) -> str:
        """Translate, then fill in `%(name)s`; what is filled in keeps its own direction."""
        return self._texts.gettext(message, **{name: self.apart(value) for name, value in params.items()})

    def knows(self, message: str) -> bool:
        """Return whether the catalogue has the text; English needs none."""
        return self.language.code == "en" or self._texts.knows(message)

    def apart(self, value: str) -> str:
        """Set a name apart from the text around it: between Arabic words, it is read in its own direction."""
        return f"{_FIRST_STRONG}{value}{_END}" if self.language.right_to_left and value else value

    def number(self, value: str) -> str:
        """Set figures apart, as of a telephone: they are read from left to right everywhere."""
        return f"{_LEFT_TO_RIGHT}{value}{_END}" if self.language.right_to_left and value else value

    def day(self, day: date) -> str:
        """Write a day as offices and schools here write it, in every language: 03.11.2025."""
        return self.number(f"{day:%d.%m.%Y}")

    def long_date(self, day: date) -> str:
        """Write a day with its weekday."""
        return first_large(f"{self.weekday(day.weekday())}{self.comma}{self.day(day)}")

    def weekday(self, number: int) -> str:
        """Name a weekday; Monday is 0."""
        return str(self._locale.days["stand-alone"]["wide"][number])

    def language_name(self, code: str) -> str:
        """Name a language in this one; the code if nobody has named it."""
        return str(self._locale.languages.get(code, code))

    @property
    def semicolon(self) -> str:
        """What stands between enumerations."""
        return "\N{ARABIC SEMICOLON} " if self.language.right_to_left else "; "

    @property
    def comma(self) -> str:
        """What stands between the parts of an enumeration."""
        return "\N{ARABIC COMMA} " if self.language.right_to_left else ", "


def unbroken(phone: str) -> str:
    """Return a telephone number that no line breaks in two."""
    return phone.replace(" ", "\N{NO-BREAK SPACE}")


def first_large(text: str) -> str:
    """Return a text with its first letter as at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


@cache
def texts_of(code: str) -> SheetTexts:
    """Return the texts of a language; its catalogue is read once.

    Raises:
        KeyError: sheets do not have this language.
    """
    return SheetTexts(LANGUAGES[code])
