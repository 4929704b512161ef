"""What the steering side shows to those who run and those who oversee it."""

from services.accounts.demo.load import load
from services.accounts.domain import Side
from services.runtime.data.db import transaction
from tests.accounts.people import people_of
from tests.integration.allocation.console.client import ConsoleClient

KREIS: dict[str, object] = {
    "slug": "kreis-musterland",
    "name": "Kreis Musterland",
    "kind": "kreis",
    "kreise": ["99001"],
}
ROLES = ("operator", "data_protection", "auditor")


async def test_operation_and_retention_are_for_their_roles(client: ConsoleClient) -> None:
    people: list[dict[str, object]] = [
        {"key": role.replace("_", "-"), "name": role, "organisation": "kreis-musterland", "roles": [role]}
        for role in ROLES
    ]
    async with transaction(client.world.pool) as conn:
        await load(conn, Side.STEERING, people_of([KREIS], people))
    for path in ("/operation", "/retention"):
        assert (await client.http.get(path)).status_code == 403  # a coordinator
    seen = {}
    for role in ROLES:
        await client.sign_in(role.replace("_", "-"))
        for path in ("/operation", "/retention"):
            answer = await client.http.get(path)
            seen[role, path] = answer.status_code
            if path == "/operation" and answer.status_code == 200:
                assert "Letzte Migration von allocation" in answer.text
            if path == "/retention" and answer.status_code == 200:
                assert 'id="kept-allocation"' in answer.text
                assert 'id="kept-notifications"' not in answer.text
    assert seen == {
        ("operator", "/operation"): 200,
        ("operator", "/retention"): 403,
        ("data_protection", "/operation"): 403,
        ("data_protection", "/retention"): 200,
        ("auditor", "/operation"): 200,
        ("auditor", "/retention"): 200,
    }
