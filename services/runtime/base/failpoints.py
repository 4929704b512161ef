"""Names the points of the code at which fault tests make a process crash; inert in production."""


async def failpoint(_name: str, /) -> None:
    """Do nothing. A fault test replaces this function, so callers reach it through the module."""
