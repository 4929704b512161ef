"""Reads the dated rules of dropout risk from YAML."""

from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter

from services.notifications.participation.domain import ConsecutiveRule, NoShowRule, RiskRules, ShareRule
from services.notifications.settings import ClosedModel

PACKAGED = Path(__file__).parent / "rules.yaml"

RuleDays = Annotated[int, Field(ge=1, le=100)]
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


class _Version(ClosedModel):
    valid_from: date
    source: Annotated[str, Field(min_length=10)]
    early_days: Annotated[int, Field(ge=0, le=365)]
    no_show: _NoShow
    consecutive: _Consecutive
    share: _Share

    def rules(self) -> RiskRules:
        """Return the rules as the domain knows them."""
        return RiskRules(
            self.early_days,
            NoShowRule(**self.no_show.model_dump()),
            ConsecutiveRule(**self.consecutive.model_dump()),
            ShareRule(**self.share.model_dump()),
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

    def on(self, day: date) -> RiskRules:
        """Return the rules in force on a day; before the first version, the first."""
        valid = [version for version in self.versions if version.valid_from <= day]
        return (valid[-1] if valid else self.versions[0]).rules()


def load(path: Path = PACKAGED) -> RiskRuleBook:
    """Read a rule file."""
    return RiskRuleBook(TypeAdapter(list[_Version]).validate_python(yaml.safe_load(path.read_text("utf-8"))))
