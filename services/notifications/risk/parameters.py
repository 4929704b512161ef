"""Reads the dated parameters of the risk rules from YAML."""

from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter

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

RuleDays = Annotated[int, Field(ge=1, le=100)]
WideDays = Annotated[int, Field(ge=1, le=1000)]
Hours = Annotated[int, Field(ge=1, le=3000)]
Portion = Annotated[float, Field(gt=0, le=1)]


class _NoShow(ClosedModel):
    days: RuleDays


class _Consecutive(ClosedModel):
    days: RuleDays
    early_days: RuleDays
    clear_after: RuleDays


class _Share(ClosedModel):
    window_days: RuleDays
    least_days: RuleDays
    raise_at: Portion
    early_raise_at: Portion
    clear_below: Portion
    excused_counts: bool


class _LongExcused(ClosedModel):
    days: RuleDays
    clear_after: RuleDays


class _Pattern(ClosedModel):
    usual: Annotated[float, Field(gt=0, lt=0.5)]
    usual_excused: Annotated[float, Field(gt=0, lt=0.5)]
    weight: Annotated[float, Field(ge=1, le=1000)]
    most: Annotated[float, Field(gt=0, lt=0.5)]
    leaving: Annotated[float, Field(gt=0, lt=1)]
    leaving_excused: Annotated[float, Field(gt=0, lt=1)]
    raise_at: Annotated[float, Field(gt=0, le=100)]
    early_raise_at: Annotated[float, Field(gt=0, le=100)]
    clear_below: Annotated[float, Field(ge=0, le=100)]


class _Standing(ClosedModel):
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


class _Version(ClosedModel):
    valid_from: date
    source: Annotated[str, Field(min_length=10)]
    early_days: Annotated[int, Field(ge=0, le=365)]
    no_show: _NoShow
    consecutive: _Consecutive
    share: _Share
    long_excused: _LongExcused
    pattern: _Pattern
    standing: _Standing

    def attendance(self) -> AttendanceRules:
        """Return the rules about course days."""
        return AttendanceRules(
            self.early_days,
            NoShowRule(**self.no_show.model_dump()),
            ConsecutiveRule(**self.consecutive.model_dump()),
            ShareRule(**self.share.model_dump()),
            LongExcusedRule(**self.long_excused.model_dump()),
            PatternRule(**self.pattern.model_dump()),
        )


class RiskRuleBook:
    """All versions of the rules; the latest that is valid on a day is in force."""

    def __init__(self, versions: list[_Version]) -> None:
        if not versions:
            msg = "no version of the rules"
            raise ValueError(msg)
        for version in versions:
            if version.share.clear_below >= min(version.share.raise_at, version.share.early_raise_at):
                msg = f"{version.valid_from}: share.clear_below must lie below both bounds that raise"
                raise ValueError(msg)
        self.versions = sorted(versions, key=lambda version: version.valid_from)

    def on(self, day: date) -> AttendanceRules:
        """Return the rules about attendance in force on a day."""
        return self._version(day).attendance()

    def standing_on(self, day: date) -> StandingRules:
        """Return the rules about how somebody stands in force on a day."""
        return StandingRules(**self._version(day).standing.model_dump())

    def _version(self, day: date) -> _Version:
        """Return the version in force on a day; before the first version, the first."""
        valid = [version for version in self.versions if version.valid_from <= day]
        return valid[-1] if valid else self.versions[0]


def load(path: Path = PACKAGED) -> RiskRuleBook:
    """Read a rule file."""
    return RiskRuleBook(TypeAdapter(list[_Version]).validate_python(yaml.safe_load(path.read_text("utf-8"))))
