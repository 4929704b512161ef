"""Tests how FastStream describes each service's subscriptions, and the page that shows it."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from faststream.kafka import KafkaBroker

from schemas.topics import Family, event_types_on
from services.allocation import consumer as allocation
from services.gateway import consumer as gateway
from services.notifications import consumer as notifications
from services.notifications.erasures.handlers import Erasures
from services.notifications.people.keys import Keks, PersonSecrets
from services.notifications.settings import load as load_policy
from services.runtime.consume.asyncapi import described, document_of
from services.runtime.events import publishers
from services.runtime.events.subscription import Subscription
from services.runtime.serve.asyncapi_page import page_of
from tests.identity import IDENTITY_KEY, KEK

PREFIX = "t1-"
NOTHING = cast("Any", None)


async def take(_records: Sequence[Any]) -> None:
    """Take no record: nothing is started here."""


def document(*subscriptions: Subscription) -> dict[str, Any]:
    broker = KafkaBroker("localhost:9092", apply_types=False, consumer_only=True)
    for one in subscriptions:
        broker.subscriber(*one.topics, pattern=one.pattern, group_id="g", batch=True, title=one.name)(
            described(one, PREFIX, take)
        )
    return document_of(broker, "test")


SECRETS = PersonSecrets(NOTHING, Keks.from_text(KEK), IDENTITY_KEY)
SERVICES = {
    "gateway": (
        gateway.subscriptions(PREFIX, IDENTITY_KEY),
        (Family.FINDINGS_STEERING, Family.PLACEMENTS, Family.ERASURES),
    ),
    "allocation": (
        allocation.subscriptions(PREFIX, NOTHING, IDENTITY_KEY),
        (Family.IN, Family.PROGRESS, Family.COUNTS, Family.ERASURES),
    ),
    "notifications": (
        notifications.subscriptions(
            PREFIX, SECRETS, load_policy(), Erasures(SECRETS, load_policy().retention)
        ),
        (Family.SUPPORT, Family.PLACEMENTS, Family.ERASURES, Family.ERASURES_DONE),
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_names_the_payloads_it_reads(service: str) -> None:
    subscriptions, families = SERVICES[service]
    made = document(publishers.subscription(PREFIX), *subscriptions)
    payloads = {kind.payload.__name__ for family in families for kind in event_types_on(family)}
    assert payloads | {"PublisherAnnounced"} <= set(made["components"]["schemas"])
    addresses = {channel["address"] for channel in made["channels"].values()}
    assert addresses == {
        address
        for one in (publishers.subscription(PREFIX), *subscriptions)
        for address in (one.topics or (one.pattern,))
    }
    page = page_of(made)
    for payload in payloads:
        assert f'<a href="#{payload}">' in page
        assert f'<h3 id="{payload}">' in page


def test_the_page_loads_nothing_and_escapes_what_it_shows() -> None:
    made = document(publishers.subscription(PREFIX))
    made["info"]["title"] = "<script>"
    page = page_of(made)
    assert "<script" not in page
    assert "//" not in page
