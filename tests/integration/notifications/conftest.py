"""The support side on a migrated database of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.notifications.world import World, world_on


@pytest.fixture
async def world(database: MakeDatabase) -> AsyncIterator[World]:
    async with world_on(await database("notifications"), await database("keys")) as world:
        yield world
