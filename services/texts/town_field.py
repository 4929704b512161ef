"""Reads a form's field for a town: a name, a postcode or a key; offers choices if it is not clear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.places.domain import Town, is_ags
from services.places.lookup import Places
from services.runtime.web.languages import Texts, msgid

MOST_CHOICES = 12


@dataclass(frozen=True, slots=True)
class TownField:
    """What was typed means: a town (`ags`), or an error with `choices` among which a person decides."""

    ags: str = ""
    error: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    """Of the error."""
    choices: tuple[Town, ...] = ()


NO_TOWN = msgid("No town of this name or postcode is known. Please check it, or enter another beginning.")
OTHER_KREIS = msgid("Please choose a town of your Kreis.")
WHICH = msgid("Please choose which town you mean.")
NO_KEY = msgid("Please enter the official key (AGS) of the town with eight digits.")
ENDED = msgid("%(town)s is no town of its own any more. Please enter the town to which it belongs since.")


def read_town(values: Mapping[str, Any], kreise: tuple[str, ...], today: date, places: Places) -> TownField:
    """Read the fields `town` and `town_choice`; only towns of `kreise` are taken.

    A choice counts as long as the text beside it is the one for which it was offered (`town_asked`).
    """
    text, choice = str(values.get("town", "")), str(values.get("town_choice", ""))
    if not text:
        return TownField()
    if places.edition is None:
        return _by_key(text, kreise)
    if choice and text == values.get("town_asked"):
        chosen = places.meant(choice, today, kreise)
        if chosen is not None:
            return TownField(chosen.ags, choices=(chosen,))
    town = places.meant(text, today, kreise)
    return _unclear(text, kreise, today, places) if town is None else TownField(town.ags)


def _by_key(text: str, kreise: tuple[str, ...]) -> TownField:
    """Take a key while no directory is loaded."""
    if not is_ags(text):
        return TownField(error=NO_KEY)
    return TownField(text) if text[:5] in kreise else TownField(error=OTHER_KREIS)


def _unclear(text: str, kreise: tuple[str, ...], today: date, places: Places) -> TownField:
    ended = places.ended(text, today) if is_ags(text) else None
    if ended is not None:
        own = tuple(town for town in places.successors(text, today) if town.kreis in kreise)
        return TownField(error=ENDED, params={"town": ended.short_name}, choices=own)
    found = places.search(text, today, kreise=kreise, most=MOST_CHOICES)
    own = tuple(town for town in found if town.kreis in kreise)
    if own:
        return TownField(error=WHICH, choices=own)
    return TownField(error=OTHER_KREIS if found else NO_TOWN)


def told(texts: Texts, errors: Mapping[str, str], town: TownField) -> dict[str, str]:
    """Write the errors of a form (field -> msgid), that of its town with the town's name."""
    return {
        name: texts.gettext(message, **town.params)
        if name == "town" and town.params
        else texts.plain(message)
        for name, message in errors.items()
    }
