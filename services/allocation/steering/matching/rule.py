"""Defines what a hard rule declares: its test, how it is told, and what change to the person satisfies it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from services.allocation.placements.domain import Reason
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.entries import Entry

MOST_DAYS = 92
"""Nobody is asked to begin, or to be entitled, by more days earlier or later."""
Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Fix:
    """One change to a person that satisfies a rule at an entry."""

    reason: Reason
    cost: int
    """Orders remedies: what an office can do alone and today comes before what needs somebody else's money or
    goodwill. The amount is added: a minute of travel, a week between two days."""
    sets: Mapping[str, Any] = field(default_factory=dict)
    """The changed fields of the person."""

    @property
    def code(self) -> str:
        """Return the kind of remedy."""
        return self.reason.code.removeprefix("remedy_")


def fix(code: str, cost: int, sets: Mapping[str, Any], **params: str | int) -> Fix:
    """Make a fix that is told as `remedy_<code>`."""
    return Fix(Reason(f"remedy_{code}", params), cost, sets)


def started_weeks(one: date, other: date) -> int | None:
    """Return the started weeks between two days, or None if they are more than `MOST_DAYS` apart."""
    days = abs((one - other).days)
    return None if days > MOST_DAYS else -(-days // 7)


def day_param(day: date | None) -> Params:
    """Write a day as a value in a sentence, if there is one."""
    return {} if day is None else {"day": day.isoformat()}


def no_params(_person: Person, _entry: Entry) -> Params:
    """Return nothing: the rule's sentence needs no values."""
    return {}


@dataclass(frozen=True, slots=True)
class Rule:
    """A hard rule of one day.

    The test is decided once for all people with the same `person_key` and all entries with the same
    `entry_key`. A rule is told as `against_<name>` about one entry and as `blocked_<name>` where it alone
    keeps a person from every place; services/texts/rules.py has the sentences. The checker has a second
    writing of every test, on purpose, in services/checker/pairs.py.
    """

    name: str
    person_key: Callable[[Person], Hashable]
    entry_key: Callable[[Entry], Hashable]
    allows: Callable[[Person, Entry], bool]
    params: Callable[[Person, Entry], Params] = no_params
    """The values in the sentence about one entry."""
    told_as: Callable[[Person, Entry | None], str | None] = lambda _person, _entry: None
    """Another name for the sentence where the rule's own would mislead; the entry is None for `blocked_`."""
    fix: Callable[[Person, Entry], Fix | None] | None = None
    """The change to the person that satisfies the rule, or None if none could be asked for."""
    told: Literal["before others", "usually", "after others"] = "usually"
    """`before others`: it speaks against every place of a person; `after others`: most courses fail it for
    most people, so that another rule says more if one stands alone, too."""

    def objection(self, person: Person, entry: Entry) -> Reason:
        """Tell how the rule speaks against an entry."""
        name = self.told_as(person, entry) or self.name
        return Reason(f"against_{name}", self.params(person, entry))


def anybody(_person: Person) -> Hashable:
    """Return the key of a rule that asks nothing of the person."""
    return None


def anywhere(_entry: Entry) -> Hashable:
    """Return the key of a rule that asks nothing of the entry."""
    return None
