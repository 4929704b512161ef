"""Defines the dated parameters of the risk rules, and reads the packaged ones from YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from services.notifications.risk.attendance import (
    AttendanceRules,
    ConsecutiveRule,
    LongExcusedRule,
    NoShowRule,
    PatternRule,
    ShareRule,
)
from services.notifications.risk.standing import StandingRules
from services.notifications.settings import ClosedModel

PACKAGED = Path(__file__).parent / "parameters.yaml"

CourseDays = Annotated[int, Field(ge=1, le=40)]
"""The assessor looks back 60 days (participation/facts_store.py): 42 course days at most."""
RuleDays = Annotated[int, Field(ge=1, le=100)]
WideDays = Annotated[int, Field(ge=1, le=1000)]
Hours = Annotated[int, Field(ge=1, le=3000)]
_LEAST_PRESENT = 0.001
Portion = Annotated[float, Field(ge=0.01, le=1)]
SmallPortion = Annotated[float, Field(ge=0.001, le=0.4)]
BelowOne = Annotated[float, Field(ge=0.01, le=0.98)]
Sum = Annotated[float, Field(ge=0.1, le=100)]


class _Ordered(ClosedModel):
    """A part in which some values must stand in an order."""

    def _check(self, lower: str, upper: str, *, equal: bool = False) -> None:
        low, high = getattr(self, lower), getattr(self, upper)
        if low > high or (low == high and not equal):
            error = "at_most_field" if equal else "below_field"
            raise PydanticCustomError(
                error, "{lower} must lie below {upper}", {"lower": lower, "upper": upper}
            )


class _NoShow(ClosedModel):
    days: CourseDays


class _Consecutive(ClosedModel):
    days: CourseDays
    early_days: CourseDays
    clear_after: CourseDays


class _Share(_Ordered):
    window_days: CourseDays
    least_days: CourseDays
    raise_at: Portion
    early_raise_at: Portion
    clear_below: Portion
    excused_counts: bool

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        self._check("clear_below", "raise_at")
        self._check("clear_below", "early_raise_at")
        self._check("least_days", "window_days", equal=True)
        return self


class _LongExcused(ClosedModel):
    days: CourseDays
    clear_after: CourseDays


class _Pattern(_Ordered):
    usual: SmallPortion
    usual_excused: SmallPortion
    weight: Annotated[float, Field(ge=1, le=1000)]
    most: SmallPortion
    leaving: BelowOne
    leaving_excused: BelowOne
    raise_at: Sum
    early_raise_at: Sum
    clear_below: Sum

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        self._check("clear_below", "raise_at")
        self._check("clear_below", "early_raise_at")
        if 1 - self.leaving - self.leaving_excused < _LEAST_PRESENT:
            raise PydanticCustomError(
                "whole_field",
                "{lower} and {upper} together must be less than everything",
                {"lower": "leaving_excused", "upper": "leaving"},
            )
        return self


class _Standing(_Ordered):
    offer_days: RuleDays
    right_days: WideDays
    right_clear_days: WideDays
    waiting_days: WideDays
    interrupted_days: WideDays
    cap_ue: Hours
    hours_left_ue: Hours
    hours_clear_ue: Hours
    cancelled_days: WideDays
    next_step_days: WideDays
    afterwards_days: WideDays

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        self._check("right_days", "right_clear_days", equal=True)
        self._check("hours_left_ue", "hours_clear_ue", equal=True)
        return self


class Parameters(ClosedModel):
    """Everything about the rules that can be tuned; the packaged file says what each value means."""

    early_days: Annotated[int, Field(ge=0, le=365)]
    no_show: _NoShow
    consecutive: _Consecutive
    share: _Share
    long_excused: _LongExcused
    pattern: _Pattern
    standing: _Standing

    def attendance_rules(self) -> AttendanceRules:
        """Return the rules about course days."""
        return AttendanceRules(
            self.early_days,
            NoShowRule(**self.no_show.model_dump()),
            ConsecutiveRule(**self.consecutive.model_dump()),
            ShareRule(**self.share.model_dump()),
            LongExcusedRule(**self.long_excused.model_dump()),
            PatternRule(**self.pattern.model_dump()),
        )

    def standing_rules(self) -> StandingRules:
        """Return the rules about how somebody stands."""
        return StandingRules(**self.standing.model_dump())


class _Packaged(Parameters):
    valid_from: date
    source: Annotated[str, Field(min_length=10)]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules that some parameters make."""

    parameters: Parameters
    attendance: AttendanceRules
    standing: StandingRules


@dataclass(frozen=True, slots=True)
class Version:
    """Parameters from a day on; None: from then on the packaged ones hold again."""

    valid_from: date
    parameters: Parameters | None

    def rules(self) -> RuleSet | None:
        """Return the rules that the parameters make."""
        found = self.parameters
        if found is None:
            return None
        return RuleSet(found, found.attendance_rules(), found.standing_rules())


class RiskRuleBook:
    """All versions of the rules; the latest that is valid on a day is in force, of two the later decided.

    Before its first version, and where a version says so, the packaged book holds.
    """

    def __init__(self, versions: Sequence[Version], packaged: "RiskRuleBook | None" = None) -> None:
        if packaged is None and not (versions and all(one.parameters for one in versions)):
            msg = "no version of the rules"
            raise ValueError(msg)
        # A stable sort: versions come in the order in which they were decided.
        self.versions = sorted(versions, key=lambda version: version.valid_from)
        self._packaged = packaged
        self._rules = [(one.valid_from, one.rules()) for one in self.versions]

    def rules_on(self, day: date) -> RuleSet:
        """Return the rules in force on a day; before the first version of all, the first."""
        valid = [rules for valid_from, rules in self._rules if valid_from <= day]
        if not valid and self._packaged is None:
            valid = [self._rules[0][1]]
        found = valid[-1] if valid else None
        if found is not None:
            return found
        assert self._packaged is not None  # noqa: S101 - checked when the book was made
        return self._packaged.rules_on(day)

    def on(self, day: date) -> AttendanceRules:
        """Return the rules about attendance in force on a day."""
        return self.rules_on(day).attendance

    def standing_on(self, day: date) -> StandingRules:
        """Return the rules about how somebody stands in force on a day."""
        return self.rules_on(day).standing

    def between(self, first: date, last: date) -> list[RuleSet]:
        """Return all rules by which something may have been judged that lasts from one day to another.

        That may be those of the day before: others for the same day may have been decided later that day.
        """
        days = [first - timedelta(days=1), *(day for day in self._begins() if first <= day <= last), last]
        overtaken = [rules for day, rules in self._rules if first <= day <= last and rules is not None]
        return [*(self.rules_on(day) for day in days), *overtaken]

    def _begins(self) -> list[date]:
        """Return the days on which other rules may have come into force."""
        packaged = [] if self._packaged is None else self._packaged.versions
        return [one.valid_from for one in (*self.versions, *packaged)]


@cache
def load(path: Path = PACKAGED) -> RiskRuleBook:
    """Read a rule file."""
    read = TypeAdapter(list[_Packaged]).validate_python(yaml.safe_load(path.read_text("utf-8")))
    only = set(Parameters.model_fields)
    return RiskRuleBook([Version(one.valid_from, Parameters(**one.model_dump(include=only))) for one in read])
