"""Somebody with everything is erased in a running installation; nothing but what the report names is left."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.acceptance.installation import Installation, installed
from tests.acceptance.test_chain import (
    CONTACT,
    COURSE,
    FAMILY_NAME,
    OFFICE,
    PARTICIPANT,
    PROVIDER,
    REFERENCE,
    Kreis,
    enrolment_is_told,
    into_the_course,
    kreis,
)
from tests.erasure.backup import dump, restore
from tests.erasure.named import is_named, search
from tests.erasure.search import Needles, Trace
from tests.serving import REPOSITORY, Servers

pytestmark = pytest.mark.timeout(900)

WITHIN_SECONDS = 60.0
DATABASES = ("gateway", "allocation", "notifications", "keys")


def kurslotse(found: Installation, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *command],
        cwd=REPOSITORY,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("KURSLOTSE_")},
            "KURSLOTSE_HOME": str(found.home),
            "KURSLOTSE_PREFIX": found.prefix,
            "KURSLOTSE_DATABASE_URL": found.servers.database_url,
            "KURSLOTSE_KAFKA": found.servers.kafka,
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.stdout.decode()


async def traces(found: Installation, needles: dict[str, str]) -> list[Trace]:
    every = await search(
        {name: found.database(name) for name in DATABASES},
        found.servers.kafka,
        found.prefix,
        Needles(needles),
        files=[found.home / "log"],
    )
    return [one for one in every if not is_named(one)]


async def ids(found: Installation) -> dict[str, str]:
    """Name every id of the person that the support side has."""
    conn = await asyncpg.connect(found.database("notifications"))
    named: dict[str, str] = {}
    for what, column in (("placement", "placement_id"), ("risk", "risk_id")):
        rows = await conn.fetch(f"SELECT {column} AS id FROM {what}")
        named |= {f"{what} {number}": str(row["id"]) for number, row in enumerate(rows)}
    await conn.close()
    return named


async def waiting(found: Installation) -> str:
    """Say what the services' database connections are doing."""
    conn = await asyncpg.connect(found.database("notifications"))
    rows = await conn.fetch(
        "SELECT datname, application_name, state, wait_event_type, wait_event, now() - xact_start, query"
        " FROM pg_stat_activity WHERE xact_start IS NOT NULL AND datname LIKE $1",
        f"{found.prefix.replace('-', '_')}%",
    )
    await conn.close()
    return "\n".join(str(tuple(row)) for row in rows)


async def complete(found: Installation) -> dict[str, Any]:
    """Wait until the report is complete; return it."""
    begun = time.monotonic()
    while True:
        listed = await asyncio.to_thread(kurslotse, found, "erasure", "list")
        if "complete" in listed:
            break
        if time.monotonic() - begun > WITHIN_SECONDS:
            report = kurslotse(found, "erasure", "report", listed.split()[0])
            raise AssertionError("\n".join((listed, report, await waiting(found), found.tail())))
        await asyncio.sleep(0.5)
    said: dict[str, Any] = json.loads(
        await asyncio.to_thread(kurslotse, found, "erasure", "report", listed.split()[0], "--json")
    )
    return said


async def somebody_with_everything(here: Kreis) -> None:
    placement = await into_the_course(here)
    await enrolment_is_told(here, placement)
    await here.day("2025-10-22")
    await here.attend("tag", ["2025-10-20", "2025-10-21"], "U")
    result = {"course": COURSE["course"], "participant": PARTICIPANT, "section": 1, "grade": "below"}
    await here.say(PROVIDER, "ergebnis", "section-result-recorded", result | {"tested_on": "2025-10-22"})
    await here.control.quiet()
    assert await here.marks() == 2
    assert len(await here.alerts()) == 3


async def test_nothing_but_what_the_report_names_is_left(servers: Servers, tmp_path: Path) -> None:
    prefix = f"gone{secrets.token_hex(3)}-"
    home = tmp_path / "home"
    with installed(home, prefix, servers, "up", "--demo") as found:
        async with kreis(found) as here:
            await somebody_with_everything(here)
            needles = {
                "id": PARTICIPANT,
                "reference": REFERENCE,
                "name": FAMILY_NAME,
                "given name": str(CONTACT["given_name"]),
                "own number": "TN-1",
                **await ids(found),
            }
            assert {"placement 0", "risk 0"} <= needles.keys()
            before = {one.place for one in await traces(found, needles)}
            assert len(before) > 20
            for name in DATABASES[:3]:
                await dump(found.database(name), tmp_path / f"{name}.dump")
            erased = {"reference": REFERENCE, "withdrawn_on": "2025-10-22", "reason": "erased"}
            await here.say(OFFICE, "loeschen", "participant-withdrawn", erased)
            report = await complete(found)
            await here.control.quiet()
            assert await traces(found, needles) == []
            assert report["services"].keys() == {"gateway", "allocation", "notifications"}
            told = [type_ for type_, _ in await here.heard(OFFICE)]
            assert "participant-erased" in told

    for name in DATABASES[:3]:
        await restore(found.database(name), tmp_path / f"{name}.dump")
    assert len(await traces(found, needles)) > 20
    with installed(home, prefix, servers, "up", "--demo") as again:
        deadline = time.monotonic() + 2 * WITHIN_SECONDS
        while left := await traces(again, needles):
            assert time.monotonic() < deadline, (left, again.tail())
            await asyncio.sleep(1.0)
        await complete(again)
