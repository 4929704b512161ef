"""Writes a comparison as text for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from services.simulator.comparison.comparison import ONE_LIST, UNSTEERED, Comparison, Difference, Row, Spread
from services.simulator.comparison.words import ASSUMPTIONS, name_of


def _name(code: str) -> str:
    words, of_class = name_of(code)
    return f"{of_class}: {words}" if of_class else words


def lines(found: Comparison) -> Iterator[str]:
    """Yield the table, the figures in which steering is worse, and the assumptions."""
    years = len(found.seeds)
    yield f"Steered beside unsteered: {years} years of {found.weeks} weeks, {found.people} arrivals in each"
    yield f"steered {found.cadence}; policy {found.policy[:12]}; mean over the seeds, [smallest..largest]"
    yield ""
    heads = f"{'steered':>10}{'providers':>11}{'one list':>10}"
    yield f"{'':58}{heads}   steered - providers     steered - one list"
    for row in found.rows:
        yield _line(row)
    for world, words in (
        (UNSTEERED, "first come, first served by provider"),
        (ONE_LIST, "one common list, first come, first served"),
    ):
        yield ""
        yield f"Where steering is worse than {words}:"
        worse = found.worse(world)
        for row in worse:
            told = row.differences[world]
            if told is not None:
                yield f"  {_name(row.code)}: {_difference(told)}, in {told.worse_in} of {years} years"
        if not worse:
            yield "  in no figure, on average"
    yield ""
    yield "What is assumed:"
    yield from (f"* {one}" for one in ASSUMPTIONS)


def _line(row: Row) -> str:
    worlds = [_mean(spread) for spread in row.worlds.values()]
    told = [_difference(one) for one in row.differences.values()]
    table = f"{_name(row.code):58}{worlds[0]:>10}{worlds[1]:>11}{worlds[2]:>10}"
    return f"{table}   {told[0]:<22}  {told[1]}".rstrip()


def _mean(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.mean:.1f}"


def _difference(told: Difference | None) -> str:
    if told is None:
        return "-"
    spread = told.spread
    return f"{spread.mean:+.1f} [{spread.low:+.0f}..{spread.high:+.0f}]"
