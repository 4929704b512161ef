"""Plays a Kreis over time: people with changing facts, and a publisher that looks every week."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.runtime.disclosure.figures import Figure, publish
from services.runtime.disclosure.quarters import Quarter, last_closed, quarter_of
from tests.attacker.attack import Group, Profile, Statement
from tests.attacker.worlds import counted, statements

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Life:
    """One person's facts: when the first course began, perhaps corrected later; what was on record when."""

    began: date
    corrected_on: date | None = None
    corrected: date | None = None
    consented: tuple[date, date] | None = None
    announced: bool = False
    unsuited: bool = False
    at_risk_on: date | None = None
    taken_up: bool = False

    def began_as_known(self, today: date) -> date:
        """Return the first day as the records have it on a day."""
        moved = self.corrected_on is not None and self.corrected is not None and self.corrected_on <= today
        return self.corrected if moved and self.corrected is not None else self.began

    def on_record(self, today: date) -> Profile:
        """Return the properties as they are counted on a day; without consent nothing is on record."""
        has = {"began"}
        if self.consented is not None and self.consented[0] <= today < self.consented[1]:
            has.add("consented")
            if self.announced:
                has |= {"announced", "unsuited"} if self.unsuited else {"announced"}
            if self.at_risk_on is not None and self.at_risk_on <= today:
                has |= {"at_risk", "taken_up"} if self.taken_up else {"at_risk"}
        return frozenset(has)


@dataclass(frozen=True, slots=True)
class Said:
    """What was published about whom."""

    quarter: Quarter
    group: Group
    told: Sequence[Statement]
    truth: Mapping[int, Profile]
    """What was on record about each of them."""


def changed_between(said: Sequence[Said]) -> bool:
    """Return whether somebody was counted twice and other things were on record the second time.

    Whoever takes all publications for statements about the same facts then reasons from something false.
    """
    seen: dict[int, Profile] = {}
    return any(seen.setdefault(who, facts) != facts for one in said for who, facts in one.truth.items())


def played(figure: Figure, lives: Sequence[Life], k: int, first: date, last: date) -> Iterator[Said]:
    """Publish like the service: each week the last closed quarter, if nothing was said of it."""
    before: list[Quarter] = []
    for today in _weeks(first, last):
        quarter = last_closed(today)
        if quarter in before:
            continue
        inside = [who for who, one in enumerate(lives) if quarter_of(one.began_as_known(today)) == quarter]
        truth = {who: lives[who].on_record(today) for who in inside}
        counts = counted(figure, list(truth.values()))
        bands = publish(figure, "99001", quarter, counts, k=k, today=today, before=before).bands
        group: Group = frozenset(inside)
        yield Said(quarter, group, statements(figure, bands, group), truth)
        before.append(quarter)


def _weeks(first: date, last: date) -> Iterator[date]:
    return (first + WEEK * n for n in range((last - first) // WEEK + 1))
