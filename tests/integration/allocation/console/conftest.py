"""Opens the console for each test on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from services.allocation.steering.runs.service import Steering
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.analysis import analysis_console
from tests.integration.allocation.console.client import ConsoleClient, console_on
from tests.integration.allocation.console.test_policy_pages import Browser


@pytest.fixture
async def client(database: MakeDatabase, prefix: str) -> AsyncIterator[ConsoleClient]:
    async with console_on(await database("allocation"), prefix) as client:
        yield client


@pytest.fixture
async def browser_and_steering(
    database: MakeDatabase, prefix: str
) -> AsyncIterator[tuple[Browser, Steering]]:
    async with analysis_console(await database("allocation"), prefix) as opened:
        yield opened
