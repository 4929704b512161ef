"""Models seats as nodes: an entry is one, and so is what a quota leaves of it for everybody else.

Somebody who takes an entry sits in its node and in every node after it. Nodes `0..entries-1` are the
entries in their order; an entry leads to the next entry of its course, because whoever entered earlier
sits there too. Before an entry with reserved seats stand nodes for those outside of the quotas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.allocation.policy.domain import Quota
from services.allocation.steering.matching.domain import Course
from services.allocation.steering.matching.entries import Entry
from services.allocation.steering.matching.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Seats:
    """All nodes of a snapshot, by index."""

    later: tuple[int, ...]
    """The node after this one, or -1."""
    free: tuple[int, ...]
    """How many more people can sit in it."""
    course: tuple[int, ...]
    """Its course's place in the snapshot."""
    doors: tuple[tuple[tuple[frozenset[str], int], ...], ...]
    """By entry: nested groups of class codes and the node they enter at, the smallest first."""
    others: tuple[int, ...]
    """By entry: the node at which everybody enters who is in none of the groups."""

    def node_of(self, entry: int, class_code: str) -> int:
        """Return the node at which somebody of a class takes an entry."""
        for classes, node in self.doors[entry]:
            if class_code in classes:
                return node
        return self.others[entry]

    def path(self, node: int) -> Iterator[int]:
        """Yield a node and all nodes after it."""
        while node >= 0:
            yield node
            node = self.later[node]


def _still_reserved(quota: Quota, course: Course) -> int:
    """Return the reserved seats that nobody of the quota's classes holds yet."""
    return max(0, quota.seats - sum(count for code, count in course.seated_by if code in quota.classes))


def seats_of(snapshot: Snapshot, entries: Sequence[Entry]) -> Seats:
    """Lay out the nodes of all entries."""
    place = {course.id: at for at, course in enumerate(snapshot.courses)}
    later = [
        at + 1 if at + 1 < len(entries) and entries[at + 1].course.id == entry.course.id else -1
        for at, entry in enumerate(entries)
    ]
    free = [entry.seats for entry in entries]
    course = [place[entry.course.id] for entry in entries]
    doors, others = [], []
    for at, entry in enumerate(entries):
        days = (entry.section.starts_on - snapshot.day).days
        groups, node = [], at
        quotas = sorted(snapshot.policy.quotas, key=lambda quota: (len(quota.classes), quota.name))
        for quota in quotas:
            if not quota.holds(entry.course.course_type, entry.course.provider, days):
                continue
            groups.append((frozenset(quota.classes), node))
            later.append(node)
            free.append(max(0, free[node] - _still_reserved(quota, entry.course)))
            course.append(course[at])
            node = len(later) - 1
        doors.append(tuple(groups))
        others.append(node)
    return Seats(tuple(later), tuple(free), tuple(course), tuple(doors), tuple(others))
