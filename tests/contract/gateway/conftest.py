"""The doors, on a database of their own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.fixtures.gateway.world import World, opened


@pytest.fixture
async def world(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    """Doors that answer."""
    async with opened(await database("gateway"), prefix) as made:
        yield made
