"""Declares the interfaces that the simulation uses, no larger than its use of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.simulator.world.state import Planned


@dataclass(frozen=True, slots=True)
class Taken:
    """An event was accepted."""

    event: Planned
    reference: str | None = None
    """Of a registration: the reference under which the person is known."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event was refused, and why."""

    event: Planned
    code: str
    field: str | None = None


Answer = Taken | Rejected


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a feed (type, data), and where to read on."""

    entries: Sequence[tuple[str, Mapping[str, Any]]]
    next: int
    more: bool


class Gateway(Protocol):
    """The doors for publishers' events."""

    async def send(self, publisher: str, events: Sequence[Planned]) -> Sequence[Answer]:
        """Send events of one publisher, in order; each gets an answer."""
        ...

    async def addressed(self, publisher: str, after: int) -> Page:
        """Read what was addressed to a publisher."""
        ...

    async def findings(self, publisher: str, after: int) -> Page:
        """Read what became of a publisher's records."""
        ...


class Console(Protocol):
    """The coordinators' work."""

    async def work(self, day: date) -> Mapping[str, int]:
        """Look at the open proposals and decide about them; returns figures."""
        ...

    async def ask_questions(self) -> None:
        """Have answers computed that whoever watches finds done."""
        ...


class Inbox(Protocol):
    """The counsellors' work."""

    async def work(self, day: date) -> Mapping[str, int]:
        """Look at the open alerts and act on some; returns figures."""
        ...


class Control(Protocol):
    """The supervisor's clock."""

    async def quiet(self) -> None:
        """Return when nothing is under way."""
        ...

    async def set_clock(self, now: datetime) -> None:
        """Set the business time."""
        ...
