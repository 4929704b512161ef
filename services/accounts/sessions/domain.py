"""Says when a session ends."""

from dataclasses import dataclass
from enum import StrEnum


class EndReason(StrEnum):
    """Why a session has ended."""

    SIGNED_OUT = "signed_out"
    IDLE = "idle"
    ABSOLUTE = "absolute"
    ISSUER = "issuer"
    ADMINISTRATOR = "administrator"
    ROLE_ENDED = "role_ended"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long sessions live, in seconds; `fresh` is how long a sign-in counts as a moment ago."""

    idle: float = 30 * 60.0
    absolute: float = 10 * 3600.0
    fresh: float = 5 * 60.0


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages of an open session in seconds, by the database's clock, and whether its person may still work."""

    unused: float
    old: float
    since_sign_in: float
    active: bool
    role_given: bool


def end_of(ages: Ages, limits: Limits) -> EndReason | None:
    """Return why a session ends now, or None if it goes on.

    >>> end_of(Ages(10, 100, 100, active=True, role_given=True), Limits()) is None
    True
    >>> end_of(Ages(1800, 1800, 1800, active=True, role_given=True), Limits()).value
    'idle'
    """
    if not ages.active:
        return EndReason.ADMINISTRATOR
    if not ages.role_given:
        return EndReason.ROLE_ENDED
    if ages.old >= limits.absolute:
        return EndReason.ABSOLUTE
    if ages.unused >= limits.idle:
        return EndReason.IDLE
    return None
