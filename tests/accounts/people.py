"""Puts invented people into databases: those of the demo, and one for each office of a test."""

from collections.abc import Iterable
from pathlib import Path

from services.accounts.demo.load import DemoPeople, load, read
from services.accounts.domain import Side
from services.runtime.data import roles
from services.runtime.data.db import connect

STAFF = Path(__file__).parents[2] / "services" / "simulator" / "world" / "staff.yaml"


async def invent_people(admin_url: str, database: str, service: str) -> None:
    """Take the demo's people into a database of a page service."""
    if service not in set(Side):
        return
    side = Side(service)
    await put_people(roles.address_of(admin_url, database), side, read(STAFF, side))


async def put_people(address: str, side: Side, people: DemoPeople) -> None:
    """Take people into the database at an address of its administrator or worker."""
    conn = await connect(address, name="invented people")
    try:
        async with conn.transaction():
            await load(conn, side, people)
    finally:
        await conn.close()


def people_of(organisations: Iterable[dict[str, object]], people: Iterable[dict[str, object]]) -> DemoPeople:
    """Read organisations and people as a file would name them."""
    return DemoPeople.model_validate(
        {
            "organisations": list(organisations),
            "people": [{"about": {"en": "works"}} | person for person in people],
        }
    )
