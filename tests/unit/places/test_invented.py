"""The directory of the demo is the invented Kreis, and nothing but the demo knows it."""

import re
from datetime import date

from services.places.lookup import Places
from services.simulator.world.kreis import KREIS, TOWNS
from tests.places.invented import invented_places
from tests.serving import REPOSITORY

DAY = date(2026, 1, 1)


def test_the_file_of_the_demo_lists_the_towns_of_the_invented_kreis() -> None:
    places: Places = invented_places().now
    listed = {(one.ags, one.name, one.postcodes) for one in places.of([KREIS], DAY)}
    assert listed == {(town.ags, town.name, (town.postcode,)) for town in TOWNS}
    assert places.name(KREIS) == "Kreis Musterland (erfunden)"


def test_no_code_of_an_installation_names_an_invented_town() -> None:
    town = re.compile(r"\b99001\d{3}\b|" + "|".join(re.escape(one.name) for one in TOWNS))
    shown = re.compile(r"^\s*(>>>|'99001001'|\{'00110'|@)|\"\"\"|'towns:")  # examples
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in sorted((REPOSITORY / "services").rglob("*.py"))
        if "simulator" not in path.parts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if town.search(line) and not shown.search(line)
    ]
    assert found == []
