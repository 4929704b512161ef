"""Says why an alert came to an office, and what decided against each other one that the person allowed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.notifications.offices.ranking import (
    HANDED_OVER,
    ONLY_ONE,
    OPEN,
    ORDER_OF_SLUGS,
    STAND_IN,
    UNREACHABLE,
)
from services.runtime.web.languages import Texts, msgid

FOR: Mapping[tuple[str, str], str] = {
    ("relation", "known"): msgid("It has worked with the person before."),
    ("age", "fits"): msgid("It is there for people of this age."),
    ("age", "any"): msgid("It is there for people of any age."),
    ("age", "other"): msgid("It is there for people of another age."),
    ("asylum", "fits"): msgid("It is there for this phase of the asylum procedure."),
    ("asylum", "other"): msgid("It is there for another phase of the asylum procedure."),
    ("asylum", "unknown"): msgid("The phase of the asylum procedure is not known."),
    ("phase", "fits"): msgid("It counsels in this phase of a course."),
    ("phase", "other"): msgid("It counsels in another phase of a course."),
    ("catchment", "town"): msgid("It is there for the person's town."),
    ("catchment", "kreis"): msgid("It is there for the person's Kreis."),
    ("catchment", "neighbour"): msgid("It is there for the neighbours by agreement."),
    ("catchment", "unknown"): msgid("The person's town is not known."),
    ("catchment", "other"): msgid("It is there for other places."),
    ("language", "spoken"): msgid("It speaks a language of the person."),
    ("language", "other"): msgid("It speaks none of the person's languages."),
    ("target", "youth"): msgid("It is there for young people, and the course is one for them."),
    ("target", "parents"): msgid("It is there for parents, and the course is one for them."),
    ("target", "women"): msgid("It is there for women's courses, and this is one."),
    ("target", "literacy"): msgid("It is there for people who learn to read and write, as in this course."),
    ("target", "other"): msgid("It is there for the people of other courses."),
    ("capacity", "full"): msgid("It has as many open notices as it can take."),
    ("kind", "free"): msgid("It belongs to a free organisation, which comes before the municipality."),
    ("kind", "agreed_first"): msgid("It comes before free organisations, as the offices have agreed."),
    ("kind", "agreed_beside"): msgid("It stands beside free organisations, as the offices have agreed."),
    ("kind", "municipal"): msgid("It belongs to the municipality: free organisations come first."),
    ("load", "light"): msgid("It has room: less than half of what it can take is open."),
    ("load", "busy"): msgid("Half or more of what it can take is open."),
    (OPEN, "closed_day"): msgid("It is closed today."),
    (OPEN, "holiday"): msgid("It is closed today: a public holiday of its Land."),
    (OPEN, "inactive"): msgid("It is closed until further notice."),
    (OPEN, "unknown"): msgid("It is no longer in the directory of counselling offices."),
    (STAND_IN, "for_closed"): msgid("It stands in for a closed office."),
}
"""What one criterion says of an office; what is not here says nothing in particular."""
AGAINST: Mapping[str, str] = {
    "relation": msgid("It has not worked with the person before."),
    "age": msgid("Another office is there for people of this age."),
    "asylum": msgid("Another office is there for this phase of the asylum procedure."),
    "phase": msgid("It counsels in another phase of a course."),
    "catchment": msgid("Another office is nearer to the person's town."),
    "language": msgid("It speaks none of the person's languages."),
    "target": msgid("Another office is there for the people of this kind of course."),
    "capacity": msgid("It has as many open notices as it can take."),
    "kind": msgid("It belongs to the municipality: free organisations come first."),
    "load": msgid("It has more open notices for its size."),
    OPEN: msgid("It is closed today."),
    STAND_IN: msgid("Another office stands in for a closed one."),
    HANDED_OVER: msgid("The office that had it handed it over to yours."),
    ORDER_OF_SLUGS: msgid("It is like the chosen one in everything; the order of names decided."),
}
DECIDED: Mapping[str, str] = {
    ONLY_ONE: msgid("The person has allowed your office only."),
    UNREACHABLE: msgid("No other office that the person has allowed can be reached."),
    "passed_on": msgid("Another office has declined it; yours is next."),
    HANDED_OVER: msgid("Another office has handed it over to yours."),
    "office_closed": msgid("The office that had it has closed before it could answer."),
}
INSTEAD = msgid("It was the turn of %(office)s, which is closed. Your office stands in for it.")
UNSUITED = msgid("No office that the person has allowed fits entirely; yours fits best.")


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An office that was not chosen, and why."""

    office: str
    why: str


@dataclass(frozen=True, slots=True)
class Routing:
    """Why an alert came to its office, in words."""

    reasons: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]


def routing_of(texts: Texts, stored: Mapping[str, Any], names: Mapping[str, str]) -> Routing:
    """Word the reason stored with an alert; `names`: what the offices are called.

    An alert whose person is forgotten has none, and one of before reasons were kept has fewer.
    """
    ranking = list(stored.get("ranking", ()))
    return Routing(
        tuple(_reasons(texts, stored, ranking, names)),
        tuple(
            PassedOver(names.get(one["office"], one["office"]), _against(texts, one)) for one in ranking[1:]
        ),
    )


def _reasons(
    texts: Texts, stored: Mapping[str, Any], ranking: list[Mapping[str, Any]], names: Mapping[str, str]
) -> Iterator[str]:
    decided = DECIDED.get(stored.get("decided_by", ""))
    if decided is not None:
        yield texts.plain(decided)
    instead = stored.get("stands_in_for")
    if instead is not None:
        yield texts.gettext(INSTEAD, office=names.get(instead["office"], instead["office"]))
    if stored.get("unsuited"):
        yield texts.plain(UNSUITED)
    criteria = ranking[0]["criteria"] if ranking else {}
    for (name, value), said in FOR.items():
        if criteria.get(name) == value:
            yield texts.plain(said)


def _against(texts: Texts, one: Mapping[str, Any]) -> str:
    criterion = one.get("against", "")
    # What the office is comes before what another one is instead.
    own = FOR.get((criterion, one["criteria"].get(criterion, "")))
    if (
        own is not None
        and criterion in {"age", "asylum", "catchment", "target", OPEN}
        and not _good(one, criterion)
    ):
        return texts.plain(own)
    return texts.plain(AGAINST.get(criterion, AGAINST[ORDER_OF_SLUGS]))


def _good(one: Mapping[str, Any], criterion: str) -> bool:
    return one["criteria"][criterion] in {"fits", "any", "town", "kreis", "neighbour", "open"}
