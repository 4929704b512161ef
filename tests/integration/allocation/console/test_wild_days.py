"""Rows from before days had bounds: no page of the console fails on them."""

import asyncpg
import httpx
import pytest

from tests.allocation.builders import course
from tests.integration.allocation.console.client import ConsoleClient, person_address

FAR = ("9999-12-31", "0001-01-01")


def pages(client: ConsoleClient) -> list[str]:
    """Return the addresses of all pages that need no parameter."""
    transport = client.http._transport  # noqa: SLF001 - the application behind it
    assert isinstance(transport, httpx.ASGITransport)
    included = [getattr(route, "original_router", None) for route in transport.app.routes]  # type: ignore[attr-defined]
    return sorted(
        {
            route.path
            for router in included
            if router
            for route in router.routes
            if "GET" in route.methods and "{" not in route.path
        }
    )


@pytest.mark.parametrize("far", FAR)
async def test_every_page_answers_over_stored_days_at_the_calendars_ends(
    client: ConsoleClient, far: str
) -> None:
    await client.world.propose("p1")
    columns = await client.world.rows(
        """
        SELECT c.table_name, c.column_name FROM information_schema.columns AS c
        JOIN information_schema.tables AS t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND c.data_type = 'date' AND t.table_type = 'BASE TABLE'
        """
    )
    changed = set()
    for table, column in columns:
        try:
            await client.world.rows(f"UPDATE {table} SET {column} = '{far}' WHERE {column} IS NOT NULL")
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.InsufficientPrivilegeError):
            continue  # such a day cannot be there
        changed.add((table, column))
    assert ("participant", "registered_on") in changed
    await client.world.rows("UPDATE participant SET granted_on = $1::text::date", far)
    await client.world.rows("UPDATE participant SET valid_until = $1::text::date, tested_on = NULL", far)

    found = pages(client)
    assert len(found) > 10
    for path in [*found, person_address(), f"/courses/{course('k1')}"]:
        answer = await client.http.get(path, headers={"Accept": "text/html"})
        assert answer.status_code < 500, (path, answer.status_code)
