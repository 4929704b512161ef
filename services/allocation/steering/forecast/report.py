"""Forecasts and back-tests as texts for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.allocation.steering.forecast.backtest import Score
from services.allocation.steering.forecast.model import Expected, Forecast, GroupForecast


def _range(one: Expected) -> str:
    return f"{one.mean:7.1f}  {one.low80:>4}-{one.high80:<4} {one.low95:>4}-{one.high95:<4}"


def lines(said: Forecast) -> Iterator[str]:
    """Write all weeks of the Kreis, then each type, level and town as a sum."""
    yield f"From {said.day}, resting on {said.history_weeks} weeks. Ranges: 80 and 95 per cent."
    yield "gap: who waits now and will register, less the seats on offer and those expected to fall free"
    whole = said.group("all")
    if whole is not None:
        yield ""
        yield f"waiting without a seat: {whole.waiting}"
        yield "week from       mean   80 %      95 %      seats  falling free   gap at its end (80 %)"
        for week in whole.weeks:
            gap = f"{week.gap.mean:7.1f} ({week.gap.low80} to {week.gap.high80})"
            yield f"{week.begins}  {_range(week.demand)} {week.seats:>5}  {week.falling_free:>10.1f}   {gap}"
    for by in ("type", "level", "town", "type_level"):
        groups = [group for group in said.groups if group.by == by]
        yield ""
        last = f"gap after {_weeks(groups)} weeks (80 %)"
        yield f"{by:38} waiting     mean   80 %      95 %      seats   {last}"
        yield from (_sum(group) for group in groups)


def _weeks(groups: Sequence[GroupForecast]) -> int:
    return max((len(group.weeks) for group in groups), default=0)


def _sum(group: GroupForecast) -> str:
    gap = group.weeks[-1].gap
    ends = f"{gap.mean:7.1f} ({gap.low80} to {gap.high80})"
    return f"{group.value:38} {group.waiting:>7}  {_range(group.total)} {group.seats:>5}   {ends}"


def score_lines(found: Sequence[Score], origins: int) -> Iterator[str]:
    """Write how good the forecasts were, and where a naive one is better."""
    yield f"{origins} forecasts, each held against what came. Errors are mean absolute ones, in people;"
    yield "ranges: mean pinball loss of the ends of both ranges, beside chance around the last 12 weeks."
    yield "by          what        n  in 80 %  in 95 %   error  last week  last 4  last 12  ranges  by chance"
    for one in found:
        what = "sum" if one.summed else "week"
        shares = f"{100 * one.inside80:7.1f}  {100 * one.inside95:7.1f}"
        naive = f"{one.error_last_week:9.2f}  {one.error_last_four:6.2f}  {one.error_last_twelve:7.2f}"
        ends = f"{one.pinball:6.3f}  {one.pinball_naive:9.3f}"
        yield f"{one.by:11} {what:5} {one.n:>7}  {shares}  {one.error:6.2f}  {naive}  {ends}"
    yield ""
    worse = [one for one in found if not one.better_than_naive]
    yield from (f"Not better than the naive ones: {_named(one)}." for one in worse)
    wider = [one for one in found if not one.better_ranges]
    yield from (f"Ranges not better than chance around the last 12 weeks: {_named(one)}." for one in wider)
    if not worse and not wider:
        yield "No naive forecast has a smaller error or better ranges in any of them."


def year_lines(years: Sequence[Sequence[Score]]) -> Iterator[str]:
    """Write in how many years the forecast was better, each year by itself: means hide the bad ones."""
    yield f"Years (of {len(years)}) with an error no larger than every naive one, and with better ranges:"
    for place, one in enumerate(years[0] if years else ()):
        errors = sum(year[place].better_than_naive for year in years)
        ranges = sum(year[place].better_ranges for year in years)
        yield f"  {_named(one):26} {errors:>3}  {ranges:>3}"


def _named(one: Score) -> str:
    return f"{'sums' if one.summed else 'single weeks'} by {one.by}"
