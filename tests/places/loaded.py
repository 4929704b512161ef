"""Loads a directory of towns into the database of a test."""

from collections.abc import Sequence
from datetime import date

from services.places.loading import load, read_file
from services.runtime.data.db import connect

HEADER = "ags;name;postcodes;kreis;valid_from;valid_to;successor"


async def load_towns(address: str, rows: Sequence[str], day: date) -> None:
    """Load rows of a CSV as of a day; `address` is the administrator's of the database."""
    raw = "\n".join([HEADER, *rows]).encode()
    conn = await connect(address, name="test")
    try:
        async with conn.transaction():
            await load(conn, read_file("towns.csv", raw, today=day, as_of=day))
    finally:
        await conn.close()
