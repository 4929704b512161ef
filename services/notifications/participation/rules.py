"""The dated rules of dropout risk, read from YAML."""

from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.notifications.participation.domain import Consecutive, NoShow, Rules, Share

PACKAGED = Path(__file__).parent / "rules.yaml"

Days = Annotated[int, Field(ge=1, le=100)]
Part = Annotated[float, Field(gt=0, le=1)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _NoShow(_Closed):
    days: Days


class _Consecutive(_Closed):
    days: Days
    early_days: Days
    clear_after: Days


class _Share(_Closed):
    window_days: Days
    least_days: Days
    raise_at: Part
    early_raise_at: Part
    clear_below: Part
    excused_counts: bool


class _Version(_Closed):
    valid_from: date
    source: Annotated[str, Field(min_length=10)]
    early_days: Annotated[int, Field(ge=0, le=365)]
    no_show: _NoShow
    consecutive: _Consecutive
    share: _Share

    def rules(self) -> Rules:
        """Return the rules as the domain knows them."""
        return Rules(
            self.early_days,
            NoShow(**self.no_show.model_dump()),
            Consecutive(**self.consecutive.model_dump()),
            Share(**self.share.model_dump()),
        )


class RuleBook:
    """All versions of the rules; the one in force on a day is the latest from before it."""

    def __init__(self, versions: list[_Version]) -> None:
        if not versions:
            msg = "no version of the rules"
            raise ValueError(msg)
        for version in versions:
            if version.share.clear_below >= min(version.share.raise_at, version.share.early_raise_at):
                msg = f"{version.valid_from}: share.clear_below must lie below both bounds that raise"
                raise ValueError(msg)
        self.versions = sorted(versions, key=lambda version: version.valid_from)

    def on(self, day: date) -> Rules:
        """Return the rules in force on this day (before the first version: the first)."""
        valid = [version for version in self.versions if version.valid_from <= day]
        return (valid[-1] if valid else self.versions[0]).rules()


def load(path: Path = PACKAGED) -> RuleBook:
    """Read a rule file."""
    return RuleBook(TypeAdapter(list[_Version]).validate_python(yaml.safe_load(path.read_text("utf-8"))))
