"""What the policy in force says about placements."""

from dataclasses import dataclass
from datetime import datetime

from services.allocation.steering.policy import Policies, Policy, Reservation, Step

UNDECIDED = Reservation(days=10, present_days=3)
"""By post ten days, for a Kreis that has decided nothing."""


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Terms of placements, read from the dated policies; without a policy nothing is automatic."""

    policies: Policies

    def reserved_until(self, kreis: str, now: datetime) -> datetime:
        """Say until when a place reserved now is held."""
        policy = self._policy(kreis, now)
        return (UNDECIDED if policy is None else policy.reservation).until(now)

    def automatic(self, kreis: str, step: str, now: datetime) -> bool:
        """Say whether a step is taken without a named person."""
        policy = self._policy(kreis, now)
        return policy is not None and policy.automates(Step(step))

    def _policy(self, kreis: str, now: datetime) -> Policy | None:
        try:
            return self.policies.at(kreis, now)
        except LookupError:
            return None
