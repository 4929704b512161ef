"""The towns of the invented Kreis and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Final

from services.simulator.year.chance import share

KREIS: Final = "99001"


@dataclass(frozen=True, slots=True)
class Town:
    """An invented town with its share of the people who wait."""

    ags: str
    latitude: float
    longitude: float
    weight: int


TOWNS: Final = (
    Town("99001001", 53.900, 11.300, 34),
    Town("99001002", 53.935, 11.420, 14),
    Town("99001003", 53.842, 11.195, 10),
    Town("99001004", 53.985, 11.250, 8),
    Town("99001005", 53.800, 11.460, 7),
    Town("99001006", 53.760, 11.290, 6),
    Town("99001007", 54.020, 11.390, 4),
    Town("99001008", 53.880, 11.060, 4),
    Town("99001009", 53.720, 11.380, 3),
    Town("99001010", 53.955, 11.130, 3),
    Town("99001011", 53.840, 11.560, 2),
    Town("99001012", 53.700, 11.210, 2),
    Town("99001013", 54.060, 11.180, 1),
    Town("99001014", 53.790, 11.020, 1),
    Town("99001015", 53.980, 11.560, 1),
)
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
