"""Loads a directory of towns into the database of a test."""

from collections.abc import Sequence
from datetime import date

from services.places.loading import load, read_file
from services.runtime.data.db import connect
from tests.databases import Database

HEADER = "ags;name;postcodes;kreis;valid_from;valid_to;successor"


async def load_towns(database: Database, rows: Sequence[str], day: date) -> None:
    """Load rows of a CSV as of a day."""
    raw = "\n".join([HEADER, *rows]).encode()
    conn = await connect(database.admin, name="test")
    try:
        async with conn.transaction():
            await load(conn, read_file("towns.csv", raw, today=day, as_of=day))
    finally:
        await conn.close()
