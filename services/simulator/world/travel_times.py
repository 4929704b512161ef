"""Writes the table of travel times by bus that the coordinators of the invented Kreis load."""

from math import cos, hypot, radians

from services.simulator.world import kreis
from services.simulator.world.chance import stream

_KM_A_DEGREE = 111.2
_LOCAL = 12
_CHANGING = 20
_LARGE = 7
"""Weight from which on a town has its own bus to the others; else people change once."""


def minutes(home: kreis.Town, there: kreis.Town) -> int:
    """Return the minutes of a way: 16 km are an hour where the bus goes round by the villages."""
    if home == there:
        return _LOCAL
    north = (there.latitude - home.latitude) * _KM_A_DEGREE
    east = (there.longitude - home.longitude) * _KM_A_DEGREE * cos(radians(home.latitude))
    ends = sorted((home.ags, there.ags))
    detour = 1.6 + 1.2 * stream(0, "way", *ends).random()
    change = _CHANGING if min(home.weight, there.weight) < _LARGE else 0
    return _LOCAL + round(detour * hypot(north, east)) + change


def table() -> str:
    """Write the table as CSV, one line for each two towns; the way back takes as long."""
    rows = [
        f"{home.ags},{there.ags},{minutes(home, there)}"
        for home in kreis.TOWNS
        for there in kreis.TOWNS
        if home.ags <= there.ags
    ]
    return "\n".join(["from_town,to_town,minutes", *rows, ""])
