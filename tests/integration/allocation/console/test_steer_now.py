"""A coordinator has the Kreis steered at once; otherwise it waits for its hour."""

from tests.integration.allocation.console.client import ConsoleClient


async def test_a_run_is_asked_for_by_hand(client: ConsoleClient) -> None:
    assert "hat sich etwas geändert" in await client.page("/runs")
    assert await client.world.rows("SELECT 1 FROM steering_request WHERE urgent_since IS NOT NULL") == []
    said = await client.done("/runs/start")
    assert "Die Steuerung beginnt" in said
    await client.form("/runs/start")
    (row,) = await client.world.rows("SELECT kreis, urgent_since, reasons FROM steering_request")
    assert row["kreis"] == "99001"
    assert row["urgent_since"] == client.watch.at
    assert "asked" in row["reasons"]


async def test_nobody_else_starts_one(client: ConsoleClient) -> None:
    await client.sign_in("mira-kern")
    assert (await client.form("/runs/start")).status_code == 403
    await client.sign_in("rita-falk")
    assert (await client.form("/runs/start")).status_code == 403
