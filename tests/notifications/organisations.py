"""Makes the organisations whose people keep the settings of their counselling offices."""

from tests.notifications.world import MBE, World


async def know_wohlfahrt(world: World) -> None:
    """Have the organisation of the counselling office `MBE`."""
    await world.rows(
        "INSERT INTO accounts.organisation (slug, name, kind, kreise, tenant, publisher)"
        " VALUES ('wohlfahrt', 'wohlfahrt', 'counselling', '{99001}', 'wohlfahrt', $1)",
        MBE,
    )
