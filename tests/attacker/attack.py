"""Works out, by integer programming, what somebody learns from all that was ever published about groups.

The attacker knows who belongs to which group, k, the rules of rounding, and which properties exclude or
imply each other. People in exactly the same groups cannot be told apart: a class. The unknowns are how
many of a class have which profile, a set of properties.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

Group = frozenset[int]
Profile = frozenset[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """So many members of a group have a property: from `low` to `high`; None: without an end."""

    group: Group
    has: str
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Leak:
    """What the attacker found: a count with too few possible values, or people of whom it is certain."""

    what: str
    has: str
    size: int
    values: tuple[int, ...]


class Attacker:
    """Everything that was published, as the constraints of an integer program."""

    def __init__(self, statements: Sequence[Statement], profiles: Iterable[Profile]) -> None:
        self.statements = statements
        self.profiles = tuple(profiles)
        self.groups = tuple(dict.fromkeys(one.group for one in statements))
        everybody = frozenset().union(*self.groups)
        self.classes = Counter(tuple(who in group for group in self.groups) for who in everybody)
        self._keys = tuple(self.classes)
        rows: list[np.ndarray] = []
        lows: list[float] = []
        highs: list[float] = []
        for at, size in enumerate(self.classes.values()):
            row = np.zeros((len(self._keys), len(self.profiles)))
            row[at, :] = 1
            rows.append(row.ravel())
            lows.append(size)
            highs.append(size)
        for one in statements:
            rows.append(self._row(one.group, one.has))
            lows.append(one.low)
            highs.append(np.inf if one.high is None else one.high)
        self._constraint = LinearConstraint(np.array(rows), lows, highs) if rows else None

    def _row(self, group: Group, has: str) -> np.ndarray:
        column = self.groups.index(group)
        return self._sum([key[column] for key in self._keys], has)

    def _sum(self, classes: Sequence[bool], has: str) -> np.ndarray:
        return np.outer(classes, [has in profile for profile in self.profiles]).astype(float).ravel()

    def _solve(self, goal: np.ndarray, exactly: int | None = None) -> int | None:
        constraints = [] if self._constraint is None else [self._constraint]
        if exactly is not None:
            constraints.append(LinearConstraint(goal[np.newaxis, :], exactly, exactly))
        found = milp(
            goal if exactly is None else np.zeros_like(goal),
            integrality=np.ones_like(goal),
            bounds=Bounds(0, np.inf),
            constraints=constraints,
        )
        if found.status == 2:  # infeasible
            return None
        assert found.success, found.message
        return round(float(goal @ found.x))

    @property
    def consistent(self) -> bool:
        """Whether any world fits; if none does, the attacker assumed too much."""
        return self._solve(np.zeros(len(self._keys) * len(self.profiles))) is not None

    def _values(self, goal: np.ndarray, enough: int) -> tuple[int, ...]:
        """List possible values of a sum, at most `enough` of them."""
        low = self._solve(goal)
        high = self._solve(-goal)
        assert low is not None
        assert high is not None
        found: list[int] = []
        for value in range(low, -high + 1):
            if len(found) == enough:
                break
            if value in {low, -high} or self._solve(goal, value) is not None:
                found.append(value)
        return tuple(found)

    def leaks(self, k: int, asked: Iterable[str]) -> list[Leak]:
        """List counts with fewer than k possible values, and people of whom something is certain."""
        asked = frozenset(asked)
        return [*self._counts(k, asked), *self._people(asked)]

    def _counts(self, k: int, asked: frozenset[str]) -> list[Leak]:
        found = []
        for group, has in dict.fromkeys((one.group, one.has) for one in self.statements):
            if has in asked and group:
                values = self._values(self._row(group, has), k)
                if len(values) < min(k, len(group) + 1):
                    found.append(Leak("count", has, len(group), values))
        return found

    def _people(self, asked: frozenset[str]) -> list[Leak]:
        found = []
        for at, (key, size) in enumerate(self.classes.items()):
            only = [other == at for other in range(len(self._keys))]
            for has in sorted({one.has for one in self.statements} & asked):
                if not any(key[self.groups.index(one.group)] for one in self.statements if one.has == has):
                    continue
                goal = self._sum(only, has)
                low, high = self._solve(goal), self._solve(-goal)
                assert low is not None
                assert high is not None
                if low == size or high == 0:
                    found.append(Leak("person", has, size, (low, -high)))
        return found
