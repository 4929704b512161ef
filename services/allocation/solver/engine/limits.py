"""Limits a search by steps of the solver, which are reproducible, and by the clock, which is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Cut = Literal["", "work", "clock"]

ITERATIONS = 200
"""Simplex iterations that make one step; in a tree search each of the solver's own checks is one."""
_ENDLESS = 2**30


@dataclass(frozen=True, slots=True)
class Limits:
    """The most to spend; the clock is a safety net, and `seconds_left` says how many seconds remain."""

    work: int | None
    seconds_left: Callable[[], float]


class Meter:
    """Counts what was spent so far; once something ran out it stays so, and the first cause counts."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.spent = 0
        self.cut: Cut = ""

    def over(self) -> bool:
        """Return whether to stop, and remember why."""
        if not self.cut and self._limits.work is not None and self.spent >= self._limits.work:
            self.cut = "work"
        if not self.cut and self.seconds() <= 0:
            self.cut = "clock"
        return bool(self.cut)

    def seconds(self) -> float:
        """Return the seconds that remain."""
        return max(0.0, self._limits.seconds_left())

    def iterations(self) -> int:
        """Return how many simplex iterations the remaining steps allow."""
        if self._limits.work is None:
            return _ENDLESS
        return min(_ENDLESS, max(1, (self._limits.work - self.spent) * ITERATIONS))
