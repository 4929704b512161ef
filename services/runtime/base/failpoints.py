"""Named points of the code where a fault test can make something happen; nothing happens there otherwise."""

from typing import Protocol


class Reach(Protocol):
    """Hears that a point was reached."""

    async def __call__(self, point: str, /) -> None:
        """Do nothing, or what the test wants to happen here."""
        ...


async def pass_by(_point: str, /) -> None:
    """Do nothing at any point."""
