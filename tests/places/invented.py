"""The invented Kreis's directory of towns, as a process of a service has it."""

from datetime import date

from services.embedded.demo import TOWNS
from services.places.current import CurrentPlaces
from services.places.loading import read_file
from services.places.lookup import Places


def invented_places() -> CurrentPlaces:
    """Read the demo's file without a database."""
    file = read_file(TOWNS.name, TOWNS.read_bytes(), today=date(2026, 1, 1))
    return CurrentPlaces(now=Places(file.towns, file.edition))
