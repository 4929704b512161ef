"""Prints the first steps of both sides as they stand in the databases."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import asyncpg

from services.accounts.domain import Side
from services.allocation.console.today.first_day_steps import kreis_steps
from services.allocation.console.today.first_day_store import kreis_facts
from services.notifications.pages.first_day.steps import steps_for
from services.notifications.pages.first_day.store import facts_of
from services.runtime.base.addresses import by_name
from services.runtime.web.checklist import Step

TITLES = {Side.STEERING: "Steering side", Side.SUPPORT: "Support side"}


async def steps_of(
    conn: asyncpg.Connection, side: Side, *, kreis: str, organisation: str, today: date
) -> Sequence[Step]:
    """Read the steps of the Kreis, or of the first organisation of the support side."""
    if side is Side.STEERING:
        return kreis_steps(await kreis_facts(conn, [kreis], today))
    facts = await facts_of(conn, organisation, today)
    return () if facts is None else steps_for(facts)


def lines(side: Side, steps: Sequence[Step], addresses: Mapping[Side, str]) -> Iterator[str]:
    """Write the checklist of a side; what is missing with its reason and the page where it is done."""
    here = by_name(addresses.get(side, "").rstrip("/"))
    yield f"{TITLES[side]}{f' ({here})' if here else ''}"
    for number, step in enumerate(steps, 1):
        yield f"  [{'x' if step.done else ' '}] {number}. {step.title}"
        if not step.done:
            yield f"        {step.why}"
            yield f"        {here}{step.address} ({step.who})"
