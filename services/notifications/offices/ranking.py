"""Ranks the counselling offices responsible for a person, and says what decided against each other one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from services.notifications.offices.domain import (
    Agreed,
    CounsellingOffice,
    PersonFacts,
    RankedOffice,
    TargetGroup,
)

MUNICIPAL = "municipal"
"""The kind of offices that come after those of free organisations (subsidiarity)."""


def age_in(facts: PersonFacts, today: date) -> int | None:
    """Return the age, or None if nothing is known.

    Without a birth date, the registering office's `youth_until` (the last month before the 27th
    birthday) decides: 26 stands for younger than 27, and 27 for everybody else.

    >>> age_in(PersonFacts(birth_date=date(1999, 5, 2)), date(2026, 5, 1))
    26
    >>> age_in(PersonFacts(birth_date=date(1999, 5, 2)), date(2026, 5, 2))
    27
    >>> age_in(PersonFacts(youth_until="2026-05"), date(2026, 5, 31))
    26
    >>> age_in(PersonFacts(town="99001001"), date(2026, 5, 31)) is None
    True
    """
    if facts.birth_date is not None:
        born = facts.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if facts.youth_until is not None:
        return 26 if f"{today:%Y-%m}" <= facts.youth_until else 27
    return None


def _age(office: CounsellingOffice, facts: PersonFacts, today: date) -> str:
    if office.age_from is None and office.age_below is None:
        return "any"
    age = age_in(facts, today)
    if age is None:
        # Registered without `youth_until`, which means 27 or older (schemas/offices.py).
        age = 27
    above = office.age_from is None or age >= office.age_from
    below = office.age_below is None or age < office.age_below
    return "fits" if above and below else "other"


def _asylum(office: CounsellingOffice, facts: PersonFacts) -> str:
    if not office.asylum_phases:
        return "any"
    if facts.asylum_phase is None:
        return "unknown"
    return "fits" if facts.asylum_phase in office.asylum_phases else "other"


def _phase(office: CounsellingOffice, phase: str) -> str:
    if not office.phases:
        return "any"
    return "fits" if phase in office.phases else "other"


def _catchment(office: CounsellingOffice, facts: PersonFacts, today: date) -> str:
    if facts.town is None:
        return "unknown"
    towns = {facts.town, *facts.town_since}
    kreise = {town[:5] for town in towns}
    if towns & office.catchment:
        return "town"
    if kreise & office.catchment:
        return "kreis"
    agreed = {one.place for one in office.agreements if one.what is Agreed.NEIGHBOUR and one.holds(today)}
    return "neighbour" if agreed & (towns | kreise) else "other"


def _kind(office: CounsellingOffice, today: date) -> str:
    if office.kind != MUNICIPAL:
        return "free"
    agreed = {one.what for one in office.agreements if one.holds(today)}
    if Agreed.BEFORE_FREE in agreed:
        return "agreed_first"
    return "agreed_beside" if Agreed.LIKE_FREE in agreed else "municipal"


def _language(office: CounsellingOffice, facts: PersonFacts) -> str:
    if not facts.languages:
        return "unknown"
    return "spoken" if facts.languages & office.languages else "other"


def _target(office: CounsellingOffice, group: str) -> str:
    if not group:
        return "none"
    if not office.target_groups:
        return "any"
    return group if group in office.target_groups else "other"


_ORDER: Mapping[str, Mapping[str, int]] = {
    "relation": {"known": 0, "none": 1},
    "age": {"fits": 0, "any": 0, "other": 1},
    "asylum": {"fits": 0, "any": 1, "unknown": 2, "other": 2},
    "phase": {"fits": 0, "any": 0, "other": 1},
    "catchment": {"town": 0, "kreis": 1, "unknown": 1, "neighbour": 2, "other": 3},
    "language": {"spoken": 0, "unknown": 0, "other": 1},
    "target": {**dict.fromkeys(TargetGroup, 0), "none": 0, "any": 1, "other": 2},
    "capacity": {"free": 0, "full": 1},
    "kind": {"agreed_first": 0, "free": 1, "agreed_beside": 1, "municipal": 2},
    "load": {"light": 0, "busy": 1},
    "stand_in": {"for_closed": 0, "no": 1},
}
"""The criteria, the most important first, with the rank of each value (architecture.md, 'Notifications')."""
_UNSUITED: Mapping[str, frozenset[str]] = {
    "age": frozenset({"other"}),
    "asylum": frozenset({"other", "unknown"}),
    "phase": frozenset({"other"}),
    "catchment": frozenset({"other"}),
}
"""The values with which an office is not the right one, unless it works with the person already."""
ORDER_OF_SLUGS = "order_of_slugs"
ONLY_ONE = "only_one"
STAND_IN = "stand_in"
OPEN = "open"
HANDED_OVER = "handed_over"
UNREACHABLE = "unreachable"


def rank(
    facts: PersonFacts,
    offices: Sequence[CounsellingOffice],
    today: date,
    *,
    relations: Collection[str] = (),
    load: Mapping[str, int] | None = None,
    phase: str = "",
    group: str = "",
    closed: Mapping[str, str] | None = None,
) -> list[RankedOffice]:
    """Rank offices: the first is responsible, the others follow if it declines.

    `offices` are those with consent (or all, to suggest one for the consent form), `relations` the slugs
    of offices that already work with the person, `load` the open alerts of each office, `phase` where the
    person stands with the course ("" if that plays no part), `group` the target group of the course ("" if it
    is for everybody), `closed` the offices that are closed today,
    and why.

    An office that is closed today comes after those that fit and are open; one that is inactive is left
    out. If it is a closed office's turn, its people go to the office that stands in for it, as long as
    that one is among `offices` and open. Who stands in for any closed office goes before others of the
    same rank.
    """
    shut = dict(closed or {})
    deputies = _standing_in(offices, shut)
    judged = {
        office.slug: RankedOffice(
            office.slug,
            office.organisation,
            {
                **_criteria(office, facts, today, phase, group),
                "relation": "known" if office.slug in relations else "none",
                **_room(office, (load or {}).get(office.slug, 0)),
                OPEN: shut.get(office.slug, "open") if office.active else "inactive",
                STAND_IN: "for_closed" if office.slug in deputies.values() else "no",
            },
        )
        for office in offices
    }
    askable = [judged[office.slug] for office in offices if office.active]
    ranked = sorted(askable, key=lambda one: (*_place(one)[:1], one.criteria[OPEN] != "open", *_place(one)))
    turn = min(judged.values(), key=_place, default=None)
    if turn is not None and turn.office in deputies:
        deputy = deputies[turn.office]
        ranked.sort(key=lambda one: one.office != deputy)  # stable: the others keep their order
        ranked[0] = replace(ranked[0], stands_in_for=turn)
    return ranked


def _criteria(
    office: CounsellingOffice, facts: PersonFacts, today: date, phase: str, group: str
) -> dict[str, str]:
    return {
        "age": _age(office, facts, today),
        "asylum": _asylum(office, facts),
        "phase": _phase(office, phase) if phase else "any",
        "catchment": _catchment(office, facts, today),
        "language": _language(office, facts),
        "target": _target(office, group),
        "kind": _kind(office, today),
    }


def _room(office: CounsellingOffice, cases: int) -> dict[str, str]:
    return {
        "capacity": "full" if cases >= office.capacity else "free",
        "load": "light" if 2 * cases < office.capacity else "busy",
    }


def unsuited_by(one: RankedOffice) -> str:
    """Return the first criterion by which an office is not the right one for somebody; empty: it fits."""
    if one.criteria["relation"] == "known":
        return ""
    return next((name for name, values in _UNSUITED.items() if one.criteria[name] in values), "")


def _place(one: RankedOffice) -> tuple[bool, tuple[int, ...], str]:
    """Return what offices are sorted by, whether they are open or not."""
    score = tuple(order[one.criteria[name]] for name, order in _ORDER.items())
    return bool(unsuited_by(one)), score, one.office


def _standing_in(offices: Sequence[CounsellingOffice], closed: Collection[str]) -> dict[str, str]:
    """Return closed office -> the open one that stands in for it; offices may stand in for each other."""
    known = {office.slug: office for office in offices}
    found = {}
    for office in offices:
        seen: set[str] = set()
        at: CounsellingOffice | None = office
        while at is not None and (not at.active or at.slug in closed) and at.slug not in seen:
            seen.add(at.slug)
            at = known.get(at.stand_in or "")
        if at is not None and at.slug not in seen and at is not office:
            found[office.slug] = at.slug
    return found


def _decided(first: RankedOffice, other: RankedOffice) -> str:
    """Return the criterion by which the first comes before the other."""
    if first.criteria["relation"] == "known" != other.criteria["relation"]:
        return "relation"
    unsuited = unsuited_by(other)
    if unsuited and not unsuited_by(first):
        return unsuited
    if first.criteria[OPEN] == "open" and other.criteria[OPEN] != "open":
        return OPEN
    for name, order in _ORDER.items():
        if order[first.criteria[name]] != order[other.criteria[name]]:
            return name
    return ORDER_OF_SLUGS


def deciding(ranked: Sequence[RankedOffice], unreachable: Collection[str] = ()) -> str:
    """Return the criterion that put the first before the second; 'only_one' if nobody else was allowed.

    `unreachable` are offices that were allowed and can be told nothing: where there are no others, that
    decided.
    """
    if ranked and ranked[0].stands_in_for is not None:
        return STAND_IN
    if len(ranked) > 1:
        return _decided(ranked[0], ranked[1])
    return UNREACHABLE if unreachable else ONLY_ONE


def handed_to(ranked: Sequence[RankedOffice], office: str) -> list[RankedOffice]:
    """Return a ranking with an office in front to which an alert was handed over; it stands in for none."""
    first = [replace(one, stands_in_for=None) for one in ranked if one.office == office]
    return [*first, *(one for one in ranked if one.office != office)]


def passed_over(ranked: Sequence[RankedOffice]) -> dict[str, str]:
    """Return of each office after the first the criterion that decided against it.

    Where the first stands in for a closed office, the others are compared with that one.
    """
    if not ranked:
        return {}
    instead = ranked[0].stands_in_for
    return {
        one.office: OPEN
        if instead is not None and one.office == instead.office
        else _decided(instead or ranked[0], one)
        for one in ranked[1:]
    }
