"""Gives the ways between the towns of the invented Kreis, in minutes by bus."""

from __future__ import annotations

from math import cos, hypot, radians
from typing import Final

from services.simulator.world.chance import share
from services.simulator.world.kreis import TOWNS, Town

VENUES: Final = tuple(town for town in TOWNS if town.weight > 3)  # larger towns have rooms
_KILOMETRES: Final = 111.2
"""Of one degree of latitude."""
_WITHIN_TOWN: Final = 12
_WAITING: Final = 10
_MINUTES_A_KILOMETRE: Final = 2.2
_WORST_LINE: Final = 0.6
"""16 km can be an hour by bus: the worst line is that much slower."""


def minutes(home: Town, venue: Town) -> int:
    """Return how long the way takes by bus, drawn once for every two towns."""
    if home == venue:
        return _WITHIN_TOWN
    east = (home.longitude - venue.longitude) * cos(radians(home.latitude))
    kilometres = _KILOMETRES * hypot(home.latitude - venue.latitude, east)
    slower = 1 + _WORST_LINE * share("line", *sorted((home.ags, venue.ags)))
    return _WAITING + round(_MINUTES_A_KILOMETRE * kilometres * slower)


TRAVEL: Final = {(home.ags, venue.ags): minutes(home, venue) for home in TOWNS for venue in VENUES}
"""(home, venue) by AGS -> minutes."""
