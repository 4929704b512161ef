"""Lists what can be true of one person in a figure, and turns publications into the attacker's statements."""

from collections.abc import Mapping, Sequence

from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import EXACT, RANKS, Figure, Part
from tests.attacker.attack import Group, Profile, Statement


def about_people(figure: Figure) -> list[Part]:
    """Leave out medians and what is told exactly because it is no person."""
    return [part for part in figure.parts if part.counts not in RANKS | EXACT]


def profiles(figure: Figure) -> list[Profile]:
    """List the sets of properties that one person can have."""
    parts = about_people(figure)
    above = {part.name for part in parts}
    found: list[Profile] = [frozenset()]
    for part in parts:
        found += [
            has | {part.name}
            for has in found
            if (part.of not in above or part.of in has)
            and not has & set(part.apart_from)
            and (not part.within or part.within in has)
        ]
    return found


def counted(figure: Figure, people: Sequence[Profile]) -> dict[str, int | float | None]:
    """Count the parts of a figure; what is no person is left at zero."""
    return {
        part.name: None if part.counts in RANKS else sum(part.name in one for one in people)
        for part in figure.parts
    }


def statements(figure: Figure, bands: Mapping[str, Band], group: Group) -> list[Statement]:
    """Write a publication as statements about the members of a group."""
    return [
        Statement(group, part.name, bands[part.name].low, bands[part.name].high)
        for part in about_people(figure)
    ]
