"""Computes the wait before another attempt."""

import random


def backoff(attempt: int, *, base: float = 0.1, cap: float = 5.0, chance: float = 0.0) -> float:
    """Return the seconds before attempt number `attempt` + 1; `chance` in [0, 1) shortens it by up to half.

    >>> [backoff(attempt) for attempt in (1, 2, 3, 10)]
    [0.1, 0.2, 0.4, 5.0]
    >>> backoff(3, chance=0.5)
    0.30000000000000004
    """
    full = min(cap, base * 2.0 ** (attempt - 1))
    return full * (1.0 - chance / 2.0)


def jittered(attempt: int, *, base: float = 0.1, cap: float = 5.0) -> float:
    """Return `backoff` with a random `chance`, so that many processes do not come back at once."""
    return backoff(attempt, base=base, cap=cap, chance=random.random())  # noqa: S311 - no secret
