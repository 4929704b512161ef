"""Tells which steps coordinators can take by hand, which are due, and the act behind each."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal
from uuid import UUID

import asyncpg

from services.allocation.acts.by_hand import ByHand
from services.allocation.acts.placements import Placements
from services.allocation.console.context.visit import ConsoleContext, Moment
from services.allocation.placements.results import DecidedBy, Result
from services.allocation.policy.terms import COMPLETE, EXPIRE, START

StepName = Literal["start", "complete", "expire", "accept", "decline", "confirm", "refuse"]
ANSWERS: Mapping[str, tuple[StepName, ...]] = {
    "reserved": ("accept", "decline", "confirm", "refuse"),
    "accepted": ("confirm", "decline", "refuse"),
    "confirmed": ("refuse",),
}
"""Answers that may come by telephone or letter, by the state of the placement."""

TakeStep = Callable[[asyncpg.Connection, DecidedBy, UUID], Awaitable[Result]]


def step_by_hand(placements: Placements, name: str) -> TakeStep | None:
    """Return the act behind a step's name; None if there is no such step."""
    by_hand = ByHand(placements)
    acts: Mapping[str, TakeStep] = {
        START: by_hand.start,
        COMPLETE: by_hand.complete,
        EXPIRE: by_hand.let_expire,
        "accept": placements.accept,
        "decline": placements.decline,
        "confirm": placements.confirm,
        "refuse": placements.refuse,
    }
    return acts.get(name)


def step_due(context: ConsoleContext, row: asyncpg.Record, course_state: str, moment: Moment) -> str:
    """Return the step that is due for a placement and that the policy leaves to people; empty: none."""
    automatic, kreis, now = context.placements.terms.automatic, row["kreis"], moment.now
    match row["state"]:
        case "reserved" if row["expires_at"] and row["expires_at"] < now:
            return "" if automatic(kreis, EXPIRE, now) else EXPIRE
        case "confirmed" | "started" | "interrupted" if course_state == "completed":
            return "" if automatic(kreis, COMPLETE, now) else COMPLETE
        case "confirmed" if row["starts_on"] <= moment.today:
            return "" if automatic(kreis, START, now) else START
        case _:
            return ""
