"""Three open alerts of one office, and the pages of those who work on them."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.notifications.pages import Pages, pages_on
from tests.notifications.world import JMD, MBE, World


@pytest.fixture
async def alerts(world: World) -> list[UUID]:
    """Three alerts of one office."""
    await world.announce()
    for reference in ("a-1", "a-2", "a-3"):
        person = await world.register(reference)
        await world.consent(reference, "enrolment_notice")
        await world.enrol(person)
    await world.settle()
    return [row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert ORDER BY alert_id")]


@pytest.fixture
async def pages(world: World, alerts: list[UUID]) -> AsyncIterator[Pages]:
    assert alerts
    async with pages_on(world, MBE, JMD) as pages:
        yield pages
