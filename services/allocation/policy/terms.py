"""Answers from the policy in force what it says about placements: deadlines, automatic steps, near starts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from schemas.days import local_day
from services.allocation.law.late_entry import last_entry
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.domain import Policy, Reservation, Step

SEND = "send"
APPROVE = "release"
"""The word in policy documents, which are stored and published, is older than the act's name."""
EXPIRE = "expire"
CONFIRM = "confirm"
START = "start"
COMPLETE = "complete"

UNDECIDED = Reservation(days=10, present_days=3)
"""By post ten days, for a Kreis that has decided nothing."""

NEAR = timedelta(days=14)
"""A start so soon is steered at once, for a Kreis that has decided nothing."""


class Lessons(Protocol):
    """Days and UE (lessons of 45 minutes) of a section."""

    @property
    def starts_on(self) -> date:
        """The first day."""
        ...

    @property
    def ends_on(self) -> date:
        """The last day."""
        ...

    @property
    def ue(self) -> int | None:
        """How many UE it has, if the provider has said it."""
        ...


class PoliciesAt(Protocol):
    """Finds the policy that holds for a Kreis."""

    def at(self, kreis: str, now: datetime) -> Policy:
        """Return what holds for the Kreis at a business time; LookupError: nothing does."""
        ...


class Terms(Protocol):
    """Answers what the policy of a Kreis says about placements."""

    def reserved_until(
        self, kreis: str, now: datetime, present: bool = False, priority_class: str | None = None
    ) -> datetime:
        """Return until when a place reserved now is held; `present`: the person is in the room."""
        ...

    def last_entry(self, kreis: str, course_type: str, section: Lessons, now: datetime) -> date | None:
        """Return the last day on which a running section may be entered; None: there is none."""
        ...

    def automatic(self, kreis: str, step: str, now: datetime) -> bool:
        """Return whether a step (policy.domain.Step) is taken without a named person."""
        ...

    def near(self, kreis: str, starts_on: date, now: datetime) -> bool:
        """Return whether a start is so near that steering cannot wait for its hour."""
        ...

    def priority_class(self, standing: str, cooperation_plan: bool, now: datetime) -> str | None:
        """Return the priority class of somebody, if it is known here."""
        ...


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Terms of placements, read from the dated policies; without a policy nothing is automatic."""

    policies: PoliciesAt
    rulebook: RuleBook | None = None
    """Names priority classes, for policies whose days depend on them, and the law's limit of late entry."""

    def reserved_until(
        self, kreis: str, now: datetime, present: bool = False, priority_class: str | None = None
    ) -> datetime:
        """Return until when a place reserved now is held."""
        policy = self._policy(kreis, now)
        reservation = UNDECIDED if policy is None else policy.reservation
        return reservation.until(now, present=present, priority_class=priority_class)

    def last_entry(self, kreis: str, course_type: str, section: Lessons, now: datetime) -> date | None:
        """Return the last day on which a running section may be entered; its own without a rule book."""
        if self.rulebook is None:
            return section.ends_on
        rules, policy = self.rulebook.on(local_day(now)), self._policy(kreis, now)
        law = rules.late_entry_ue(course_type)
        limit = law if policy is None else policy.limits.late_entry_of(law)
        ue = section.ue or rules.section_ue(course_type)
        return last_entry(section.starts_on, section.ends_on, ue, limit)

    def automatic(self, kreis: str, step: str, now: datetime) -> bool:
        """Return whether a step is taken without a named person."""
        policy = self._policy(kreis, now)
        return policy is not None and policy.automates(Step(step))

    def near(self, kreis: str, starts_on: date, now: datetime) -> bool:
        """Return whether a start is urgent."""
        policy = self._policy(kreis, now)
        if policy is None:
            return starts_on <= local_day(now) + NEAR
        return policy.cadence.is_near(starts_on, now)

    def priority_class(self, standing: str, cooperation_plan: bool, now: datetime) -> str | None:
        """Return the priority class of somebody by the rule book of the day."""
        if self.rulebook is None:
            return None
        holding = [entry for entry in self.rulebook.priorities if entry.holds(local_day(now))]
        return holding[-1].code_of(standing, cooperation_plan=cooperation_plan) if holding else None

    def _policy(self, kreis: str, now: datetime) -> Policy | None:
        try:
            return self.policies.at(kreis, now)
        except LookupError:
            return None
