"""Steered beside unsteered as a text for the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.allocation.steering.year.compare import ONE_LIST, UNSTEERED, Comparison, Difference, Row, Spread

NAMES: Final = {
    "registered": "people registered",
    "started": "people placed: started a course (the n of their waits)",
    "median_wait": "median wait of those who started, days",
    "p90_wait": "nine of ten of them waited at most, days",
    "half_started_after": "half of all registered have started after, days",
    "waiting": "still waiting without a seat at the end",
    "long_waiting": "of them for more than half a year",
    "seat_to_come": "with a seat that is still to start at the end",
    "gone": "gone without a start (moved, gave up, not reached, no-show)",
    "lapsed_admission_lapses": "rights lapsed: admission (IntV § 5)",
    "lapsed_claim_lapses": "rights lapsed: claim (AufenthG § 44(2))",
    "lapsed_vocational_lapses": "rights lapsed: DeuFöV, three months",
    "lapsed_certificate_lapses": "rights lapsed: date on the certificate",
    "courses_decided": "courses that were to start",
    "courses_started": "courses started",
    "courses_cancelled": "courses cancelled",
    "fill": "seats taken at section starts, per cent",
    "seats_unused": "seats unused at section starts",
    "offers": "seats offered",
    "declined": "offers declined",
    "expired": "offers expired",
    "travel_median": "median way of those who started, minutes",
}
_OF_CLASS: Final = (
    ("started_", "started: class "),
    ("median_wait_", "median wait in days: class "),
    ("waiting_", "still waiting: class "),
)
ASSUMPTIONS: Final = (
    (
        "Everything is invented, and the same in every world: people and courses, and who declines, does not answer, "
        "moves or leaves. It is drawn by seed for each person and course, whoever offers the course and whenever."
    ),
    "The year begins with people waiting, an eighth of those who arrive in it, and with running courses.",
    (
        "Waits run from the registration in the list to the first day in a course, of those who started. Only the "
        "figure 'half of all registered' counts those who still wait, too."
    ),
    (
        "Steered: the real engine with the rule book and the policy. What a run proposes is released on the same "
        "day, held by post for the days of the policy, and nobody sits in the room when it is offered."
    ),
    (
        "First come, first served: people know which providers usually suit and ask the nearest first, up to three, "
        "one after the other, two to four weeks apart. At the desk a seat is given and taken at once. Providers obey "
        "the same law and call the next on their list on the day a seat falls free. Nobody holds two seats, nobody "
        "loses a place on a list. Providers do not send people to each other."
    ),
    "One common list: the same, but from the first day people see and get the seats of all providers.",
    (
        "In every world a course below its minimum on its first day is put off once by some providers, started all "
        "the same by a few, and else cancelled."
    ),
    (
        "Not counted: what coordinators do beyond confirming, such as calling people, merging courses or adding "
        "childcare; also double bookings, and returns after an exit."
    ),
)


def name_of(code: str) -> str:
    """Say in words what a figure is."""
    for prefix, words in _OF_CLASS:
        if code.startswith(prefix) and code not in NAMES:
            return words + code.removeprefix(prefix)
    return NAMES.get(code, code)


def lines(found: Comparison) -> Iterator[str]:
    """Write the table, where steering is worse, and what is assumed."""
    years = len(found.seeds)
    yield f"Steered beside unsteered: {years} years of {found.weeks} weeks, {found.people} people arriving in each"
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
                yield f"  {name_of(row.code)}: {_difference(told)}, in {told.worse_in} of {years} years"
        if not worse:
            yield "  in no figure, on average"
    yield ""
    yield "What is assumed:"
    yield from (f"* {one}" for one in ASSUMPTIONS)


def _line(row: Row) -> str:
    worlds = [_mean(spread) for spread in row.worlds.values()]
    told = [_difference(one) for one in row.differences.values()]
    table = f"{name_of(row.code):58}{worlds[0]:>10}{worlds[1]:>11}{worlds[2]:>10}"
    return f"{table}   {told[0]:<22}  {told[1]}".rstrip()


def _mean(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.mean:.1f}"


def _difference(told: Difference | None) -> str:
    if told is None:
        return "-"
    spread = told.spread
    return f"{spread.mean:+.1f} [{spread.low:+.0f}..{spread.high:+.0f}]"
