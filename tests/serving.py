"""The pair of servers that the tests use: given by setting, or an embedded pair of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.embedded.servers.launch import launched
from tests.identity import IDENTITY_KEY_TEXT

REPOSITORY = Path(__file__).parent.parent
OPS_TOKEN = "the ops token of a test"
"""Given to services as KURSLOTSE_OPS_TOKEN."""
TOLD = {"Authorization": f"Bearer {OPS_TOKEN}"}
"""Headers that open a test's ops port."""


NOWHERE = {
    "KURSLOTSE_DB_WORKER": "postgresql://localhost/x",
    "KURSLOTSE_DB_WEB": "postgresql://localhost/x",
    "KURSLOTSE_DB_STATUS": "postgresql://localhost/x",
    "KURSLOTSE_SERVICE_KAFKA": "kafka://localhost:1",
    "KURSLOTSE_HTTP": "localhost:1",
    "KURSLOTSE_OPS": "localhost:2",
    "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
    "KURSLOTSE_WEB_SECRET": "invented",
}
"""Settings of a service that talks to nobody."""
DEMO_NOWHERE = NOWHERE | {"KURSLOTSE_GATEWAY_URL": "https://gateway.invalid", "KURSLOTSE_DEMO": "1"}
"""The same with the demo's sign-in."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Administrative addresses of a PostgreSQL and a Kafka."""

    database_url: str
    kafka: str


@contextmanager
def servers_running(home: Path) -> Iterator[Servers]:
    """Use the servers that the environment names, or start a pair; what is missing fails."""
    database_url, kafka = os.environ.get("KURSLOTSE_DATABASE_URL"), os.environ.get("KURSLOTSE_KAFKA")
    if database_url and kafka:
        yield Servers(database_url, kafka)
        return
    with launched(home) as facts:
        yield Servers(facts["database_url"], facts["kafka"])
