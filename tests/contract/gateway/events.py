"""Sends events to the events door for tests."""

# ruff: noqa: ANN401 - tests hand on any JSON value

from typing import Any

import orjson

from tests.fixtures.gateway.world import World

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


async def post(world: World, slug: str, body: Any, kind: str = STRUCTURED, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await world.client.post(
        "/v1/events", content=content, headers=world.auth(slug, **{"Content-Type": kind}) | headers
    )
