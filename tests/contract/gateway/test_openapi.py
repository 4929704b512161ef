"""The doors as documented: a snapshot that a reviewer sees change."""

from pathlib import Path

import orjson

from tests.fixtures.gateway.world import World

SNAPSHOT = Path(__file__).with_name("openapi.json")


async def test_the_openapi_document_is_the_reviewed_one(world: World) -> None:
    """After a wanted change: write `curl .../openapi.json` (sorted, indented) into the snapshot."""
    document = (await world.client.get("/openapi.json")).json()
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    assert written.decode() == SNAPSHOT.read_text(encoding="utf-8")
