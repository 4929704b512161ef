"""Finds out which installation home and servers are of, before anything on them is changed."""

import asyncio
from collections.abc import Sequence

import asyncpg

from schemas.codes import InstallationKind
from schemas.topics import Family, topic
from services.embedded.machine.home import Home
from services.embedded.machine.installation import SERVICES, identity_of
from services.embedded.servers.pair import Servers
from services.runtime.base.installation import Found, Identity, InstallationError, settle
from services.runtime.data import roles
from services.runtime.data.installation import found_in, place_of
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from services.runtime.kafka.installation import identity_on

_MARK = topic(Family.INSTALLATION)
_ANY = "kurslotse."


def check_home(home: Home, kind: InstallationKind) -> None:
    """Refuse a home of the other kind before anything is started.

    Raises:
        InstallationError: it is of the other kind.
    """
    settle(_of_home(home), [], kind, unnamed=kind)


async def settled(home: Home, servers: Servers, prefix: str, kind: InstallationKind) -> Identity:
    """Return the identity that home and servers have, or are to get; nothing is changed.

    Servers of somebody else are used for a demo only if they hold none but demos, under any prefix.

    Raises:
        InstallationError: home and servers are of several installations, or of another kind.
    """
    if kind is InstallationKind.DEMO and not servers.own:
        _refuse_real(await places_of(servers))
    ours = await places_of(servers, prefix)
    return settle(_of_home(home), ours, kind, unnamed=_kind_of_unnamed(home, servers))


def _of_home(home: Home) -> Found:
    return Found(f"The home {home.root}", identity_of(home))


def _kind_of_unnamed(home: Home, servers: Servers) -> InstallationKind:
    """Return the kind of what was made before installations had an id.

    A home's own servers are of the home's kind; one that has none yet played the demo if it has its clock.
    """
    if not servers.own:
        return InstallationKind.REAL
    if (known := identity_of(home)) is not None:
        return known.kind
    return InstallationKind.DEMO if home.clock.exists() else InstallationKind.REAL


def _refuse_real(found: Sequence[Found]) -> None:
    for place in found:
        if place.identity is None or place.identity.kind is not InstallationKind.DEMO:
            raise InstallationError(
                f"{place}, and a demo never uses servers that hold a real one. Nothing was changed. Leave"
                " out --own-servers, then the demo brings its own."
            )


async def places_of(servers: Servers, prefix: str | None = None) -> list[Found]:
    """Return what each database and topic of Kurslotse on two servers says; None means of any prefix."""
    in_kafka = asyncio.to_thread(_on_kafka, servers.kafka, prefix)
    return [*await _in_databases(servers.database_url, prefix), *await in_kafka]


async def _in_databases(admin_url: str, prefix: str | None) -> list[Found]:
    admin = await asyncpg.connect(admin_url)
    try:
        names = [row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database ORDER BY 1")]
    finally:
        await admin.close()
    ours = [name for name in names if (of := _prefix_of(name)) is not None and prefix in {None, of}]
    places = [await _in_database(roles.address_of(admin_url, name)) for name in ours]
    return [place for place in places if place is not None]


def _prefix_of(database: str) -> str | None:
    """Return the prefix of a service's database, None if it is none of ours."""
    for service in SERVICES:
        own = roles.database_name("", service)
        if database.endswith(own):
            return database.removesuffix(own).replace("_", "-")
    return None


async def _in_database(address: str) -> Found | None:
    """Return what a database says; None if nothing was ever put into it."""
    conn = await asyncpg.connect(address)
    try:
        if await conn.fetchval("SELECT to_regclass('runtime.migration')") is None:
            return None
        return await found_in(conn, address)
    finally:
        await conn.close()


def _on_kafka(text: str, prefix: str | None) -> list[Found]:
    address = parse_address(text)
    names = [name for name in KafkaAdmin(address).topics(prefix or "") if _ANY in name]
    found = []
    for of in sorted({name.partition(_ANY)[0] for name in names}):
        if prefix not in {None, of}:
            continue
        mark = f"{of}{_MARK}"
        identity = identity_on(address, mark)
        alone = [name for name in names if name.startswith(f"{of}{_ANY}")] == [mark]
        if identity is not None or not alone:
            found.append(Found(f"Kafka at {place_of(text)} (topic {mark})", identity))
    return found
