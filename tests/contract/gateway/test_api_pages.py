"""What a program's author reads at the gateway: everything comes from there, and every address answers."""

import re

from schemas.topics import EVENT_TYPES, Family, event_types_on
from tests.fixtures.gateway.world import World


async def test_the_page_of_the_doors_loads_nothing_from_elsewhere(world: World) -> None:
    page = await world.client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/docs/files/swagger-ui.js", "/docs/files/swagger-ui.css", "/docs/files/api.js"} <= set(loaded)
    for address in loaded:
        assert address.startswith("/")
        assert (await world.client.get(address)).status_code == 200, address
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_every_event_of_a_publisher_is_listed_with_its_schema(world: World) -> None:
    page = await world.client.get("/docs/events")
    for family in (Family.IN, Family.SUPPORT, Family.OUT):
        for one in event_types_on(family):
            assert one.name in page.text
    schema = (await world.client.get("/docs/de.kurslotse.course-announced.v1.writer.json")).json()
    assert "title" in schema["properties"]


async def test_the_asyncapi_document_and_its_schemas_lie_side_by_side(world: World) -> None:
    document = (await world.client.get("/docs/asyncapi.json")).json()
    assert set(document["components"]["messages"]) == set(EVENT_TYPES)
    for message in document["components"]["messages"].values():
        beside = message["payload"]["$ref"].removeprefix("./")
        assert (await world.client.get(f"/docs/{beside}")).status_code == 200, beside


async def test_nothing_else_is_read_from_the_disk(world: World) -> None:
    for address in ("/docs/files/app.py", "/docs/files/..%2f..%2fapp.py", "/docs/unknown.v1.writer.json"):
        assert (await world.client.get(address)).status_code == 404, address
