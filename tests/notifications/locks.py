"""Sees whether somebody waits for a lock that two transactions take in turn."""

from tests.notifications.world import World


async def advisory_lock_awaited(world: World) -> bool:
    """Return whether a transaction waits for an advisory lock of this world's database."""
    return bool(
        await world.value(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
    )
