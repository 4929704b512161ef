"""Describes a service's subscriptions as AsyncAPI, written by FastStream from its own subscribers."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from schemas.topics import PER_PUBLISHER, Family, event_types_on, topic
from services.runtime.events.subscription import Subscription


def document_of(broker: KafkaBroker, service: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of everything that is subscribed on a broker."""
    api = AsyncAPI(broker, title=f"What {service} reads", version="1.0.0")
    document: dict[str, Any] = api.to_specification().to_jsonable()
    return document


def described(
    subscription: Subscription, prefix: str, take: Callable[[Sequence[Any]], Awaitable[None]]
) -> Callable[[Sequence[Any]], Awaitable[None]]:
    """Return a handler for FastStream that names the payloads of a subscription's topics.

    FastStream reads them for its document only: `take` gets the records as they were polled.
    """

    async def handler(records: Sequence[Any]) -> None:
        await take(records)

    payloads = [kind.payload for family in _families(subscription, prefix) for kind in event_types_on(family)]
    handler.__annotations__ = {"records": reduce(or_, payloads)}
    return handler


def _families(subscription: Subscription, prefix: str) -> list[Family]:
    """Return the topic families that a subscription reads."""
    names = {
        family: topic(family, "any" if family in PER_PUBLISHER else None, prefix=prefix) for family in Family
    }
    return [
        family
        for family, name in names.items()
        if name in subscription.topics or (subscription.pattern and re.match(subscription.pattern, name))
    ]
