"""Seats people exactly under a choice of which courses start and which families share one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from services.allocation.solver.engine import flow
from services.allocation.solver.engine.flow import Bools, Problem, Solution
from services.allocation.solver.engine.mincost import Ints

OPEN = -2
"""The home of a family that is not decided yet; -1 is none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which courses are closed, which have to get enough people, and the course of each family."""

    closed: frozenset[int]
    started: frozenset[int]
    homes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Starting:
    """A problem whose courses need people: `course[e]` is the course of an entry, `need[c]` how many more.

    A course gets nobody or at least as many as it needs; everybody in a course that needs people flows
    into its one last node. People who stand `together` share a course (at any of its entries) or get
    nothing at all; nobody stands in two families.
    """

    problem: Problem
    course: Ints
    need: Ints
    together: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be solved exactly.

        Raises:
            ValueError: a course with a need has several last nodes, or somebody stands in two families.
        """
        last = self.course[self.problem.later < 0]
        if np.any(np.bincount(last, minlength=len(self.need))[self.need > 0] > 1):
            raise ValueError("a course that needs people has more than one last node")
        members = [person for family in self.together for person in family]
        if len(members) != len(set(members)):
            raise ValueError("somebody stands in two families")

    @cached_property
    def family(self) -> Ints:
        """Return the family of each person, -1 for none."""
        family = np.full(self.problem.people, -1, dtype=np.int64)
        for place, members in enumerate(self.together):
            family[list(members)] = place
        return family

    @cached_property
    def course_of(self) -> Ints:
        """Return the course of each pair."""
        return self.course[self.problem.entry]

    @cached_property
    def barred(self) -> Bools | None:
        """Mark the pairs that no answer can hold: courses that not all of a family can attend."""
        if not self.together:
            return None
        barred = np.zeros(len(self.problem.person), dtype=np.bool_)
        for place, members in enumerate(self.together):
            pairs = np.flatnonzero(self.family[self.problem.person] == place)
            reach = np.unique(np.stack([self.problem.person[pairs], self.course_of[pairs]]), axis=1)
            courses, times = np.unique(reach[1], return_counts=True)
            common = courses[times == len(set(members))]
            barred[pairs[~np.isin(self.course_of[pairs], common)]] = True
        return barred

    def counts(self, solution: Solution) -> Ints:
        """Count the people that each course gets."""
        chosen = solution.pair[solution.pair >= 0]
        return np.bincount(self.course_of[chosen], minlength=len(self.need)).astype(np.int64)

    def short(self, solution: Solution) -> Ints:
        """List the courses that got somebody, and not enough."""
        counts = self.counts(solution)
        return np.flatnonzero((counts > 0) & (counts < self.need))

    def homes(self, solution: Solution) -> list[int]:
        """Return the course of each family: -1 for none, OPEN where its members are apart."""
        homes = []
        for members in self.together:
            pairs = solution.pair[list(members)]
            courses = {int(self.course_of[pair]) if pair >= 0 else -1 for pair in pairs}
            homes.append(courses.pop() if len(courses) == 1 else OPEN)
        return homes

    def allowed(self, solution: Solution) -> bool:
        """Return whether every course has nobody or enough, and every family is together."""
        return not len(self.short(solution)) and OPEN not in self.homes(solution)

    def choice(self, solution: Solution) -> Choice:
        """Read off which choice an allowed answer makes."""
        counts = self.counts(solution)
        needy = np.flatnonzero(self.need > 0)
        return Choice(
            frozenset(needy[counts[needy] == 0].tolist()),
            frozenset(needy[counts[needy] > 0].tolist()),
            tuple(self.homes(solution)),
        )

    def seated(self, choice: Choice) -> Solution:
        """Seat people exactly under a choice, whatever the courses get that it does not mention.

        Raises:
            InfeasibleError: a started course cannot have enough people, or a family not its course.
        """
        return flow.solve(self.chosen(choice))

    def chosen(self, choice: Choice) -> Problem:
        """Write a choice into the problem."""
        least = np.zeros(len(self.problem.later), dtype=np.int64)
        last = np.flatnonzero(self.problem.later < 0)
        wanted = last[np.isin(self.course[last], list(choice.started))]
        least[wanted] = self.need[self.course[wanted]]
        seats = np.where(np.isin(self.course, list(choice.closed)), 0, self.problem.seats)
        barred, must = self.barred, None
        if barred is not None and choice.homes:
            homes = np.array(choice.homes, dtype=np.int64)
            home = np.where(self.family >= 0, homes[self.family], OPEN)
            of_pair = home[self.problem.person]
            barred = barred | ((of_pair != OPEN) & (of_pair != self.course_of))
            must = home >= 0
        return replace(self.problem, seats=seats, least=least, barred=barred, must=must)


def nobody(starting: Starting) -> Solution:
    """Return the answer that is always allowed."""
    pair = np.full(starting.problem.people, -1, dtype=np.int64)
    return Solution(pair, tuple(0 for _ in starting.problem.tiers))


def settled(starting: Starting, choice: Choice) -> Solution | None:
    """Seat people exactly under a full choice; None if it cannot be had."""
    return flow.attempt(starting.chosen(choice))
