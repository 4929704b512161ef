"""Names every field of a policy for people: its section, label, unit, hint, and the sentence of its effect.

Kinds of input, bounds and what is required come from the schema (policy/domain.py, forms/shape.py); a field
of the schema that is missing here fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from services.allocation.console.context.cadence import WEEKDAYS
from services.allocation.console.policy import sentences as say
from services.allocation.console.policy.sentences import Say
from services.runtime.web.languages import msgid

Codes = Literal["", "class", "type"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it stands in a document, and its words (msgids)."""

    path: str
    """Names with dots between them: `reservation.days`."""
    label: str
    say: Say
    unit: str = ""
    hint: str = ""
    codes: Codes = ""
    """What a list or its keys are taken from: the rule book's priority classes or course types."""
    words: Mapping[str, str] | None = None
    """Words of a closed set."""
    ordered: bool = False
    """Whether the order of the values is the rule."""
    aside: bool = False
    """Whether another field's sentence says it in the text; beside the input it has its own."""
    columns: tuple[Field, ...] = ()
    """For lists of things that have fields themselves, with paths relative to one of them."""
    key: str = ""
    """For things that are named by a key: its label."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the form and of the text, with what it is about (msgids)."""

    key: str
    heading: str
    intro: str
    fields: tuple[Field, ...]
    ordered: bool = False
    brief: bool = False
    """Whether the text only counts the lines, which are many and short."""


FIXED: Mapping[str, str] = {"kreise": msgid("The Kreis is that of whoever writes the policy.")}
"""Fields of the schema that no form changes, and why."""

GOALS: Mapping[str, str] = {
    "priority": msgid("Urgency"),
    "waiting": msgid("Time of waiting"),
    "deadline": msgid("Entitlements that end soon"),
    "viability": msgid("Courses that can take place"),
    "keep_offer": msgid("Proposals that were made"),
    "type_choice": msgid("The kind of course that suits"),
    "early_start": msgid("An early start"),
    "travel_time": msgid("Travel time"),
    "distance": msgid("Distance as the crow flies"),
    "balance": msgid("Even fill of the providers"),
}
STEPS: Mapping[str, str] = {
    "send": msgid("Put proposals on the list for the BAMF"),
    "release": msgid("Turn proposals into reservations"),
    "expire": msgid("Free seats that nobody answered for"),
    "confirm": msgid("Confirm accepted places"),
    "start": msgid("Start places on the first day"),
    "complete": msgid("Complete places with their course"),
}
_DAYS, _PEOPLE, _SEATS = msgid("days"), msgid("people"), msgid("seats")
_LEFT_EMPTY = msgid("Nothing ticked: all.")

SECTIONS: tuple[Section, ...] = (
    Section(
        "decision",
        msgid("The decision"),
        msgid("From when on it holds and who decided it. Both stand on the public page."),
        (
            Field("valid_from", msgid("First day"), say.begins),
            Field(
                "source",
                msgid("Who decided it, and when"),
                say.decided,
                hint=msgid(
                    "Office or council and the day, no person's name: council of the Kreis, 14 December 2026."
                ),
            ),
        ),
    ),
    Section(
        "reach",
        msgid("Limits"),
        msgid("What is proposed at all: how soon, how far, and whether into running courses."),
        (
            Field("limits.latest_start_days", msgid("A course starts within"), say.latest_start, unit=_DAYS),
            Field(
                "limits.travel_minutes",
                msgid("Longest way there"),
                say.reachable,
                unit=msgid("minutes"),
                hint=msgid("Empty: no way is too long. It only binds for ways of the table of travel times."),
            ),
            Field("limits.late_entry", msgid("Entries into running sections"), say.late_entry),
            Field(
                "limits.late_entry_ue",
                msgid("Entry possible up to"),
                say.late_entry,
                unit=msgid("UE"),
                hint=msgid(
                    "Empty: as long as the law allows it. Only together with entries into running sections."
                ),
            ),
            Field(
                "free_choice",
                msgid("People who may attend without having to"),
                say.free_choice,
                words={
                    "propose": msgid("are proposed places, too"),
                    "none": msgid("are proposed none"),
                },
            ),
            Field(
                "alternatives",
                msgid("Other places named with a proposal"),
                say.alternatives,
                unit=msgid("places"),
            ),
        ),
    ),
    Section(
        "goals",
        msgid("What counts, in this order"),
        msgid("Each only decides what those before it leave open."),
        (
            Field(
                "goals",
                msgid("Order"),
                say.goals,
                words=GOALS,
                ordered=True,
                hint=msgid("1 is the most important. A goal without a place does not count."),
            ),
        ),
        ordered=True,
    ),
    Section(
        "quotas",
        msgid("Reserved seats"),
        msgid("Seats of each course that only some classes are given, until shortly before the start."),
        (
            Field(
                "quotas",
                msgid("Reserved seats"),
                say.quotas,
                columns=(
                    Field("name", msgid("Name"), say.quotas),
                    Field("classes", msgid("Only for"), say.quotas, codes="class"),
                    Field("seats", msgid("Seats in each course"), say.quotas, unit=_SEATS),
                    Field(
                        "course_types", msgid("Kinds of course"), say.quotas, codes="type", hint=_LEFT_EMPTY
                    ),
                    Field(
                        "providers",
                        msgid("Only courses of these providers"),
                        say.quotas,
                        hint=msgid("Short names of providers, one in a line. Empty: all."),
                    ),
                    Field(
                        "until_days_before",
                        msgid("Until so many days before the start"),
                        say.quotas,
                        unit=_DAYS,
                    ),
                ),
            ),
        ),
    ),
    Section(
        "sizes",
        msgid("Course sizes"),
        msgid("From how many people on courses are proposed, and how full they should be."),
        (
            Field(
                "sizes.decide_days",
                msgid("The minimum binds before the start from"),
                say.decide_days,
                unit=_DAYS,
            ),
            Field(
                "sizes.minimum",
                msgid("Minimum"),
                say.minimum,
                unit=_PEOPLE,
                codes="type",
                hint=msgid("The larger one of this and the provider's own holds. Empty: the provider's."),
            ),
            Field(
                "sizes.target",
                msgid("Target size"),
                say.target,
                unit=_PEOPLE,
                codes="type",
                hint=msgid("Up to here a course is filled before others."),
            ),
            Field(
                "sizes.protected_types",
                msgid("Kinds of course that start with however few people"),
                say.protected_types,
                codes="type",
            ),
            Field(
                "sizes.protected_courses",
                msgid("Single courses that start with however few people"),
                say.protected_courses,
                hint=msgid("Written as provider/own course number, one in a line."),
            ),
        ),
    ),
    Section(
        "reservation",
        msgid("How long a seat is held"),
        msgid("How long somebody can think about an offered seat before it is free again."),
        (
            Field("reservation.days", msgid("Asked by post"), say.by_post, unit=_DAYS),
            Field("reservation.present_days", msgid("In the room"), say.present, unit=_DAYS),
            Field(
                "reservation.by_class",
                msgid("Asked by post, other days for single classes"),
                say.by_class,
                unit=_DAYS,
                codes="class",
                hint=msgid("Empty: as for everybody."),
            ),
        ),
    ),
    Section(
        "automatic",
        msgid("Steps without a named person"),
        msgid("What happens by itself. Everything else is somebody's decision."),
        (Field("automatic", msgid("These steps happen by themselves"), say.automatic, words=STEPS),),
    ),
    Section(
        "cadence",
        msgid("When places are steered"),
        msgid("How often proposals are made, and when that does not wait."),
        (
            Field(
                "cadence.every",
                msgid("Steering"),
                say.steered,
                words={"daily": msgid("daily"), "weekly": msgid("weekly")},
            ),
            Field(
                "cadence.weekday",
                msgid("Weekday"),
                say.steered_weekday,
                words={str(at): name for at, name in enumerate(WEEKDAYS)},
                aside=True,
            ),
            Field("cadence.hour", msgid("Hour"), say.steered, unit=msgid("o'clock")),
            Field(
                "cadence.near_start_days",
                msgid("At once if a course starts within"),
                say.steered_at_once,
                unit=_DAYS,
            ),
        ),
    ),
    Section(
        "pooling",
        msgid("Agreements with neighbours"),
        msgid(
            "Neighbours whose courses are open to our people and the other way round; both have to say it."
        ),
        (
            Field(
                "pooling",
                msgid("Agreements"),
                say.pooling,
                columns=(
                    Field("kreis", msgid("Key of the Kreis"), say.pooling, hint=msgid("Five digits.")),
                    Field("until", msgid("Last day"), say.pooling, hint=msgid("Empty: without an end.")),
                    Field(
                        "course_types", msgid("Kinds of course"), say.pooling, codes="type", hint=_LEFT_EMPTY
                    ),
                ),
            ),
        ),
    ),
    Section(
        "record",
        msgid("Record"),
        msgid("For how long it can be told why somebody got a place, or none."),
        (Field("explained_days", msgid("Kept for"), say.on_record, unit=_DAYS),),
    ),
    Section(
        "towns",
        msgid("Positions of towns, for distances as the crow flies"),
        msgid("Only for the goal “distance”. They never exclude anybody."),
        (
            Field(
                "towns",
                msgid("Positions"),
                say.towns,
                columns=(
                    Field("latitude", msgid("Latitude"), say.towns, unit="°"),
                    Field("longitude", msgid("Longitude"), say.towns, unit="°"),
                ),
                key=msgid("Key of the town (eight digits)"),
            ),
        ),
        brief=True,
    ),
)


def fields() -> Iterator[Field]:
    """Name the fields of all sections, in the order of the form."""
    for section in SECTIONS:
        yield from section.fields
