"""Says on the public page of a counselling office when it is open, what it speaks, how to call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from services.notifications.sheets.languages import SheetTexts, first_large, unbroken
from services.runtime.web.languages import NOTHING

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = Mapping[str, Sequence[tuple[time, time]]]


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What the page says, in one language; `dialled` is the number as a telephone dials it."""

    title: str
    closed: str
    opening: str
    phone: tuple[str, str]
    dialled: str
    languages: tuple[str, str]
    hours_title: str
    hours: Sequence[tuple[str, str]]


def help_page(
    texts: SheetTexts, name: str, phone: str, spoken: Sequence[str], hours: Hours, *, active: bool
) -> HelpPage:
    """Write the page of an office."""
    say = texts.say
    closed = say(
        "This office is closed at the moment. Please ask the office that registered you for another one."
    )
    return HelpPage(
        title=say("Counselling: %(office)s", office=name),
        closed="" if active else closed,
        opening=say("The counselling costs nothing. You decide whether you come. What you say stays there."),
        phone=(say("Telephone"), texts.number(unbroken(phone)) or NOTHING),
        dialled="".join(one for one in phone if one.isdigit() or one == "+"),
        languages=(
            say("Languages"),
            first_large(texts.comma.join(texts.language_name(code) for code in spoken)) or NOTHING,
        ),
        hours_title=say("Opening hours"),
        hours=[
            (first_large(texts.weekday(number)), _hours(texts, hours.get(day, ())))
            for number, day in enumerate(WEEKDAYS)
        ],
    )


def _hours(texts: SheetTexts, spans: Sequence[tuple[time, time]]) -> str:
    if not spans:
        return texts.say("closed")
    return texts.comma.join(texts.number(f"{opens:%H:%M}{NOTHING}{closes:%H:%M}") for opens, closes in spans)
