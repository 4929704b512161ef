"""The steering side on a migrated database of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase


@pytest.fixture
async def world(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    async with world_on(await database("allocation"), prefix) as world:
        yield world


@pytest.fixture(autouse=True)
def _no_broker_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the broker that the tests were given: commands would ask it which installation they are of."""
    monkeypatch.delenv("KURSLOTSE_KAFKA", raising=False)
