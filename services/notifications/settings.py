"""Reads the policy file: periods and limits of the support side that an installation can choose."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.disclosure.figures import SMALLEST_K

PACKAGED = Path(__file__).parent / "policy.yaml"

Days = Annotated[int, Field(ge=1, le=3660)]


class ClosedModel(BaseModel):
    """A part of a configuration file; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConsentPolicy(ClosedModel):
    """The longest period of a consent."""

    months: Annotated[int, Field(ge=1, le=12)]


class DisclosurePolicy(ClosedModel):
    """How many days others may read a person's name."""

    roster_days_after_end: Days
    alert_days: Days


class RetentionPolicy(ClosedModel):
    """After how many days data are erased."""

    orphan_days: Days
    disclosure_log_days: Days
    participation_days: Days
    consent_proof_days: Days
    unused_secret_days: Days


class EscalationPolicy(ClosedModel):
    """After how many of the office's own hours an unanswered alert goes to its lead, then further up."""

    office_hours: Annotated[tuple[Annotated[float, Field(gt=0, le=400)], ...], Field(max_length=5)]


class CountsPolicy(ClosedModel):
    """The width of the bands in which the steering side is told how many people something is true of."""

    k: Annotated[int, Field(ge=SMALLEST_K, le=50)]


class DeliveryPolicy(ClosedModel):
    """How often a mail is sent again when it is unknown whether the server took it."""

    in_doubt_retries: Annotated[int, Field(ge=0, le=10)]


class TellingPolicy(ClosedModel):
    """How offices are told that have chosen nothing themselves."""

    enrolments: Literal["at_once", "daily"] = "at_once"
    digest_at: time = time(8)
    hold: Literal["never", "office_hours", "quiet_hours"] = "never"
    quiet_from: time = time(20)
    quiet_to: time = time(7)
    repeat_hours: Annotated[int, Field(ge=1, le=400)] | None = None


class Policy(ClosedModel):
    """The whole policy file."""

    consent: ConsentPolicy
    disclosure: DisclosurePolicy
    retention: RetentionPolicy
    escalation: EscalationPolicy
    counts: CountsPolicy
    delivery: DeliveryPolicy
    telling: TellingPolicy = TellingPolicy()


def load(path: Path = PACKAGED) -> Policy:
    """Read a policy file."""
    return Policy.model_validate(yaml.safe_load(path.read_text("utf-8")))
