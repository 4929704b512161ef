"""Reads a field for a town or a whole Kreis: name, postcode or key; offers choices if it is not clear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.places.domain import folded, is_ags
from services.places.lookup import LONGEST_QUERY, Places
from services.runtime.web.languages import msgid
from services.texts.town_field import ENDED

_MOST = 12
_KREIS_DIGITS = 5
NO_PLACE = msgid(
    "No town and no Kreis of this name, postcode or key is known. Please check it, or enter another"
    " beginning."
)
WHICH_PLACE = msgid("Please choose which town or Kreis you mean.")
NO_PLACE_KEY = msgid("Please enter an official key (AGS): eight digits for a town, five for a whole Kreis.")


@dataclass(frozen=True, slots=True)
class Choice:
    """A town with its Kreis, or a whole Kreis."""

    ags: str
    label: str
    within: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is a whole Kreis."""
        return len(self.ags) == _KREIS_DIGITS


@dataclass(frozen=True, slots=True)
class PlaceField:
    """What was typed means: a place (`ags`), or an error with `choices` among which a person decides."""

    ags: str = ""
    error: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()


def is_kreis(text: str) -> bool:
    """Return whether a text has the form of a key of a Kreis."""
    return len(text) == _KREIS_DIGITS and text.isascii() and text.isdigit()


def read_place(values: Mapping[str, Any], name: str, today: date, places: Places) -> PlaceField:
    """Read the fields NAME and NAME_choice.

    A choice counts as long as the text beside it is the one for which it was offered (NAME_asked).
    """
    text = str(values.get(name, "")).strip()[:LONGEST_QUERY]
    if not text:
        return PlaceField()
    if places.edition is None:
        known = is_ags(text) or is_kreis(text)
        return PlaceField(text) if known else PlaceField(error=NO_PLACE_KEY)
    offered = _offered(text, today, places)
    chosen = str(values.get(f"{name}_choice", ""))
    if text == values.get(f"{name}_asked") and chosen in {one.ags for one in offered}:
        return PlaceField(chosen, choices=offered)
    exact = _exact(text, today, places)
    if len(exact) == 1:
        return PlaceField(exact.pop())
    ended = places.ended(text, today) if is_ags(text) else None
    if ended is not None:
        return PlaceField(error=ENDED, params={"town": ended.short_name}, choices=offered)
    return PlaceField(error=WHICH_PLACE if offered else NO_PLACE, choices=offered)


def _exact(text: str, today: date, places: Places) -> set[str]:
    """Return the places that a text names wholly."""
    asked, kreise = set(folded(text)) - {""}, places.kreise(today)
    found = {ags for ags, name in kreise.items() if ags == text or asked & set(folded(name))}
    town = places.meant(text, today, kreise)
    if town is not None:
        return {*found, town.ags}
    towns = places.search(text, today, most=_MOST)
    return {
        *found,
        *(one.ags for one in towns if text in one.postcodes or asked & set(folded(one.short_name))),
    }


def _offered(text: str, today: date, places: Places) -> tuple[Choice, ...]:
    kreise = places.kreise(today)
    towns = places.search(text, today, most=_MOST)
    if is_ags(text) and not towns:
        towns = places.successors(text, today)
    asked = [form for form in folded(text) if form]
    named = [
        ags
        for ags, name in kreise.items()
        if ags == text or any(form in whole for form in asked for whole in folded(name))
    ]
    around = dict.fromkeys([*sorted(named), *(town.kreis for town in towns)])
    return (
        *(Choice(town.ags, town.label, town.kreis_name) for town in towns),
        *(Choice(ags, kreise[ags]) for ags in list(around)[:_MOST] if ags in kreise),
    )
