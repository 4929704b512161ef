"""Names of Kreise and towns by their Amtlicher Gemeindeschlüssel, from a list packaged with the pages."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGED = Path(__file__).resolve().parent / "places.csv"


def load_places(path: Path = PACKAGED) -> Mapping[str, str]:
    """Read `ags;name`; five digits are a Kreis, eight a town."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["ags"]: row["name"] for row in csv.DictReader(file, delimiter=";")}


def towns_of(places: Mapping[str, str], kreise: Sequence[str]) -> list[tuple[str, str]]:
    """List the towns of some Kreise by name."""
    found = [(ags, name) for ags, name in places.items() if len(ags) == 8 and ags[:5] in kreise]  # noqa: PLR2004
    return sorted(found, key=lambda item: item[1])
