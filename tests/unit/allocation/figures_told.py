"""Invents publications of one Kreis, as the publisher would make them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from services.runtime.disclosure.figures import RANKS, Figure, Publication, Value, publish
from services.runtime.disclosure.quarters import Quarter, quarter_of
from services.texts.figures import with_towns

KREIS = "99001"
FIRST = Quarter(date(2026, 1, 1))
SECOND = quarter_of(FIRST.last + timedelta(days=1))
TOWNS = ("99001001", "99001002", "99001003")


def told(
    figure: Figure,
    quarter: Quarter = FIRST,
    k: int = 5,
    *,
    towns: Sequence[str] = (),
    **counts: Value,
) -> Publication:
    """Publish a figure of which only some parts are counted; the others are zero."""
    extended = with_towns(figure, towns, quarter)
    zero: Mapping[str, Value] = {one.name: None if one.counts in RANKS else 0 for one in extended.parts}
    given = {name.replace("town", "town_"): value for name, value in counts.items()}
    made = publish(extended, KREIS, quarter, {**zero, **given}, k=k, today=quarter.closes_on)
    return replace(made, figure=figure.name)
