"""Opens the gateway's database as its owner, and reads and writes the files of its commands."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import yaml

from services.gateway.publishers.domain import Registration
from services.runtime.data import roles
from services.runtime.data.db import connect


@asynccontextmanager
async def admin_connection(admin_url: str, prefix: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection to the gateway's database that acts as its owner."""
    database = roles.database_name(prefix, "gateway")
    conn = await connect(roles.address_of(admin_url, database), name="kurslotse-admin")
    try:
        # Asked, not derived from the name: a database copied from another keeps the roles of that one.
        owner = await conn.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'service_key'")
        await conn.execute(f"SET ROLE {roles.checked(str(owner))}")
        yield conn
    finally:
        await conn.close()


def read_keys(path: Path) -> dict[str, str]:
    """Read a file of keys, slug -> key; empty if there is none."""
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_keys(path: Path, keys: Mapping[str, str]) -> None:
    """Replace a file of keys as a whole; only its owner may read it."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(dict(sorted(keys.items())), file, indent=1)
    draft.replace(path)


def read_registrations(path: Path) -> list[Registration]:
    """Read publishers from a JSON or YAML list.

    Raises:
        ValueError: it is no list of publishers.
    """
    records = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return [_registration(record) for record in records]
    except (TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: a list of publishers with slug, name, kinds, kreise, authority is expected"
        ) from error


def _registration(record: Mapping[str, Any]) -> Registration:
    frozen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Registration(**frozen)


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read settings of an import, YAML or JSON, as they would come over HTTP.

    Raises:
        ValueError: it is something else.
    """
    try:
        loaded = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: settings by name are expected, in YAML or JSON") from error
    # YAML knows dates and keys that are numbers (a postcode), JSON does not.
    as_json: dict[str, Any] = json.loads(json.dumps(loaded, default=str))
    return as_json
