"""Decides how long a consent holds and which consents a revocation ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from schemas.days import add_months


@dataclass(frozen=True, slots=True, order=True)
class Consent:
    """What one person allowed one office for one purpose."""

    participant: UUID
    office: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a person took back; no office means every office, no purposes mean every purpose."""

    participant: UUID
    office: str | None
    purposes: frozenset[str]
    revoked_on: date

    def ends(self, consent: Consent) -> bool:
        """Return whether this revocation ends the consent."""
        return (
            consent.participant == self.participant
            and self.office in {None, consent.office}
            and (not self.purposes or consent.purpose in self.purposes)
        )


def valid_until(given_on: date, asked: date | None, months: int) -> date:
    """Return the last day of a consent: as asked, but at most `months` after the day it was given."""
    longest = add_months(given_on, months)
    return longest if asked is None else max(given_on, min(asked, longest))


def ended_by(revocations: Sequence[Revocation], consents: Iterable[Consent]) -> list[Consent]:
    """Return the consents that at least one of the revocations ends."""
    return sorted(consent for consent in consents if any(r.ends(consent) for r in revocations))
