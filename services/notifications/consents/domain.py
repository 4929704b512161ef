"""Decides how long a consent holds and which consents a revocation ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


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


def months_later(day: date, months: int) -> date:
    """Return the day so many months later; the last of the month where there is no such day.

    >>> months_later(date(2024, 2, 29), 12)
    datetime.date(2025, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError


def valid_until(given_on: date, asked: date | None, months: int) -> date:
    """Return the last day of a consent: as asked, but at most `months` after the day it was given."""
    longest = months_later(given_on, months)
    return longest if asked is None else max(given_on, min(asked, longest))


def ended_by(revocations: Sequence[Revocation], consents: Iterable[Consent]) -> list[Consent]:
    """Return the consents that at least one of the revocations ends."""
    return sorted(consent for consent in consents if any(r.ends(consent) for r in revocations))
