"""Reads a person's row by the law of the day: which legal clocks run, and the priority class."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.allocation.law.rulebook import Rules
from services.allocation.participants.waiting import Entitlements


@dataclass(frozen=True, slots=True)
class RunningClock:
    """One clock of the law that runs for a person: which, and its last day."""

    code: str
    until: date


def running_clocks(person: Any, entitlements: Entitlements) -> Sequence[RunningClock]:  # noqa: ANN401 - a row
    """Return the clocks that are known to run; each has its own start and they are never merged.

    The six weeks of IntV § 7(4) run from the registration at a provider, which nobody here knows.
    """
    found = []
    if person["valid_until"] is not None:
        found.append(RunningClock("certificate", person["valid_until"]))
    elif person["granted_on"] is not None:
        for clock in entitlements.lapsing:
            if person["route"] in clock.routes:
                name = clock.code.removesuffix("_lapses")
                found.append(RunningClock(name, clock.last_day(person["granted_on"])))
    return found


def priority_of(person: Any, rules: Rules) -> str:  # noqa: ANN401 - a row
    """Return the code of the person's priority class."""
    return rules.priorities.code_of(person["standing"], cooperation_plan=person["cooperation_plan"])
