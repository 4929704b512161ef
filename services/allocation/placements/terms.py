"""What the policy in force says about placements."""

from dataclasses import dataclass
from datetime import datetime

from services.allocation.steering.policy import Policies, Step


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Terms of placements, read from the dated policies."""

    policies: Policies

    def reserved_until(self, kreis: str, now: datetime) -> datetime:
        """Say until when a place reserved now is held."""
        return self.policies.at(kreis, now).reservation.until(now)

    def automatic(self, kreis: str, step: str, now: datetime) -> bool:
        """Say whether a step is taken without a named person."""
        return self.policies.at(kreis, now).automates(Step(step))
