"""Names Kreise and towns by their Amtlicher Gemeindeschlüssel (AGS), from a packaged list."""

import csv
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

PACKAGED = Path(__file__).resolve().parent / "places.csv"


@cache
def load_places(path: Path = PACKAGED) -> Mapping[str, str]:
    """Read `ags;name`; five digits are a Kreis, eight a town."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["ags"]: row["name"] for row in csv.DictReader(file, delimiter=";")}


def towns_of(places: Mapping[str, str], kreise: Sequence[str]) -> list[tuple[str, str]]:
    """List the towns of some Kreise by name."""
    found = [(ags, name) for ags, name in places.items() if len(ags) == 8 and ags[:5] in kreise]  # noqa: PLR2004
    return sorted(found, key=lambda item: item[1])


def known_towns(
    kreis: str, named: Collection[str], places: Mapping[str, str] | None = None
) -> frozenset[str]:
    """List the towns that a file of a Kreis may name: those of the list and those `named` by its data.

    Empty where the list does not know the Kreis: then nobody can say which towns there are.
    """
    listed = {ags for ags in (load_places() if places is None else places) if len(ags) == 8}  # noqa: PLR2004
    return frozenset({*listed, *named} if any(ags.startswith(kreis) for ags in listed) else ())
