"""Runs one of our programs under observation: `statements FILE` or `profile FILE`, then module and arguments.

`statements` notes every SQL statement of connections outside of pools (the loops'), with how often each
was sent; `profile` runs under cProfile.
"""

import asyncio
import contextlib
import cProfile
import re
import runpy
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg
import orjson

_SAVEPOINT = re.compile(r"__asyncpg_savepoint_\w+__")


@contextlib.contextmanager
def statements(file: Path) -> Iterator[None]:
    """Write down how often each statement was sent."""
    seen: Counter[str] = Counter()
    plain_connect, plain_copy = asyncpg.connect, asyncpg.Connection.copy_records_to_table

    def note(query: Any) -> None:  # noqa: ANN401 - asyncpg's LoggedQuery
        seen[_SAVEPOINT.sub("s", query.query)] += 1

    async def connect(*args: Any, **options: Any) -> asyncpg.Connection:  # noqa: ANN401 - as asyncpg's
        conn: asyncpg.Connection = await plain_connect(*args, **options)
        conn.add_query_logger(note)
        return conn

    async def copy(conn: asyncpg.Connection, table: str, **options: Any) -> Any:  # noqa: ANN401 - as asyncpg's
        seen[f"COPY {table} ({', '.join(options['columns'])})"] += 1
        return await plain_copy(conn, table, **options)

    try:
        with (
            patch.object(asyncpg, "connect", connect),
            patch.object(asyncpg.Connection, "copy_records_to_table", copy),
        ):
            yield
    finally:
        file.write_bytes(orjson.dumps(seen))


@contextlib.contextmanager
def profile(file: Path) -> Iterator[None]:
    """Profile the whole run."""
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        profiler.dump_stats(file)


def main() -> None:
    """Observe."""
    how, file, module = sys.argv[1:4]
    sys.argv = sys.argv[3:]
    with (
        (statements if how == "statements" else profile)(Path(file)),
        contextlib.suppress(asyncio.CancelledError),
    ):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
