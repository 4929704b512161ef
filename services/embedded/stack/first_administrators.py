"""Makes the links by which the first administrators of an empty real installation come in."""

from collections.abc import Mapping

from services.accounts.domain import Side
from services.accounts.invitations.handlers import address_of, first_link
from services.embedded.stack.environment import Setting
from services.runtime.data import roles
from services.runtime.data.db import connect


async def first_links(setting: Setting) -> Mapping[Side, str]:
    """Return the address of each side's link; sides on which anybody has an account are missing.

    Not by a command: its output would lie in a log file, and whoever has a link can use it.
    """
    links = {}
    for side in Side:
        own = setting.installation.services[side.value]
        database = roles.database_name(setting.prefix, side.value)
        worker = roles.role_name(database, "worker")
        conn = await connect(
            roles.address_of(setting.servers.database_url, database, worker, own.worker), name="first links"
        )
        try:
            async with conn.transaction():
                token = await first_link(conn, side)
        finally:
            await conn.close()
        if token is not None:
            links[side] = address_of(setting.addresses.url(side.value), token)
    return links
