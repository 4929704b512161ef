"""Searches an installation for somebody who was erased: `python -m tests.erasure HOME PARTICIPANT [TEXT...]`.

TEXT is whatever else leads to the person: reference, name, telephone number, ids of placements. Exit status 1
if something is found that the report of the erasure does not name, 2 if nothing runs or a text is too short.
"""

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from services.embedded.machine.home import Home
from services.embedded.stack.discovery import administrative, running
from tests.erasure.named import is_named, search
from tests.erasure.search import Needles

DATABASES = ("gateway", "allocation", "notifications", "keys")


async def main(home: Path, texts: list[str]) -> int:
    """Print every trace; return the exit status."""
    try:
        needles = Needles({text: text for text in texts})
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    place = Home.find(os.environ, home)
    servers = administrative(place, os.environ)
    if servers is None:
        sys.stderr.write(f"nothing runs in {home}\n")
        return 2
    prefix = os.environ.get("KURSLOTSE_PREFIX", (running(place) or {}).get("prefix", ""))
    parts = urlsplit(servers.database_url)
    named = {
        name: parts._replace(path=f"/{prefix.replace('-', '_')}kurslotse_{name}").geturl()
        for name in DATABASES
    }
    found = await search(
        named,
        servers.kafka,
        prefix,
        needles,
        files=[place.root / "log"],
    )
    wrong = [trace for trace in found if not is_named(trace)]
    for trace in found:
        mark = "  named in the report" if is_named(trace) else "  NOT NAMED"
        sys.stdout.write(f"{trace.place}: {trace.what}, {trace.times} times{mark}\n")
    sys.stdout.write(f"{len(found)} places, {len(wrong)} that no report names\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2:])))
