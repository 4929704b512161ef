"""`Forecast`: demand of the next weeks beside the seats, first in a sentence, then drawn, then in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.questions.chart import Chart, Point, drawn
from services.allocation.console.questions.pages import ask, refreshed, seen_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import csv_answer
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
PARTS: Final = ("type", "level", "town", "type_level")
MOST_NAMED: Final = 6
"""Parts named where seats will be short, and where they will be left."""
KNOWN: Final = {
    "nobody_registered": msgid("Nobody has registered yet, so there is nothing to forecast from."),
}
HEADS: Final = (
    msgid("Part"),
    msgid("Week from"),
    msgid("Expected registrations"),
    msgid("In 4 of 5 cases at least"),
    msgid("In 4 of 5 cases at most"),
    msgid("In 19 of 20 cases at least"),
    msgid("In 19 of 20 cases at most"),
    msgid("Seats on offer"),
    msgid("Expected to fall free"),
    msgid("Without a seat at its end"),
    msgid("In 4 of 5 cases at least"),
    msgid("In 4 of 5 cases at most"),
)


@dataclass(frozen=True, slots=True)
class Named:
    """A part of the Kreis in which seats will be short or left at the end: how many, and the range."""

    name: str
    by: str
    value: str
    number: int
    span: str
    """Empty where there is only one possibility."""
    sure: bool
    """Whether the range of four in five cases lies on one side of zero."""
    untested: bool
    course_type: str


@router.get("/forecast")
async def forecast(visit: CoordinatorVisit, by: str = "all", value: str = "", part: str = "") -> Response:
    """Show the latest forecast, and how to have a new one."""
    return await _forecast(visit, None, *_part(by, value, part))


@router.get("/forecast/{task}.csv")
async def forecast_csv(visit: CoordinatorVisit, task: UUID) -> Response:
    """Every part and week of a forecast as a file."""
    seen, texts = await seen_of(visit, "forecast", task), visit.texts
    if not seen.done:
        raise not_found()
    lines = [
        (
            part_name(visit, group["by"], group["value"]),
            _day(texts, week["begins"]),
            texts.number(round(week["demand"]["mean"], 1)),
            *(week["demand"][end] for end in ("low80", "high80", "low95", "high95")),
            week["seats"],
            texts.number(round(week["falling_free"], 1)),
            round(week["gap"]["mean"]),
            week["gap"]["low80"],
            week["gap"]["high80"],
        )
        for group in seen.result["groups"]
        for week in group["weeks"]
    ]
    return csv_answer("forecast", [texts.plain(head) for head in HEADS], lines)


@router.get("/forecast/{task}")
async def forecast_answer(
    visit: CoordinatorVisit, task: UUID, by: str = "all", value: str = "", part: str = ""
) -> Response:
    """Show one forecast, or that it is still being computed."""
    return await _forecast(visit, task, *_part(by, value, part))


@router.post("/forecast")
async def forecast_ask(visit: CoordinatorVisit) -> Response:
    """Have a new forecast computed."""
    return await ask(visit, "forecast", {}, "/forecast")


def _part(by: str, value: str, part: str) -> tuple[str, str]:
    """Read which part is asked for: by link, or from the list (`type:integration_general`)."""
    if not part:
        return by, value
    chosen, _, which = part.partition(":")
    return chosen, which


async def _forecast(visit: Visit, task: UUID | None, by: str, value: str) -> Response:
    seen, texts = await seen_of(visit, "forecast", task, KNOWN), visit.texts
    groups: Sequence[Mapping[str, Any]] = seen.result.get("groups", ())
    named = {(one["by"], one["value"]): part_name(visit, one["by"], one["value"]) for one in groups}
    whole = next((one for one in groups if one["by"] == "all"), None)
    shown = next((one for one in groups if (one["by"], one["value"]) == (by, value)), whole)
    answer = visit.page(
        "forecast.html",
        seen=seen,
        found=seen.found,
        result=seen.result,
        day=date.fromisoformat(seen.result["day"]) if seen.done else None,
        whole=whole,
        shown=shown,
        name="" if shown is None else named[shown["by"], shown["value"]],
        short=_named(texts, groups, named, short=True),
        left=_named(texts, groups, named, short=False),
        demand=None if shown is None else _demand(texts, seen.result["day"], shown),
        gap=None if shown is None else _gap(texts, shown),
        kinds=[
            (kind, [(one, named[kind, one["value"]]) for one in groups if one["by"] == kind])
            for kind in PARTS
        ],
        span=lambda low, high: _span(texts, low, high),
    )
    return refreshed(answer, seen)


def short_parts(
    texts: Texts, groups: Iterable[Mapping[str, Any]], *, short: bool = True
) -> Sequence[tuple[Mapping[str, Any], str]]:
    """Return the parts, by course type and level, in which seats are short or left at the end, most first.

    Each comes with the range in words; it is empty where there is only one possibility.
    """
    sign, found = (1 if short else -1), []
    for one in groups:
        gap = one["weeks"][-1]["gap"]
        if one["by"] != "type_level" or round(gap["mean"]) * sign <= 0:
            continue
        ends = sorted((gap["low80"] * sign, gap["high80"] * sign))
        found.append((one, _span(texts, *ends) if ends[0] < ends[1] else ""))
    found.sort(key=lambda one: (-round(one[0]["weeks"][-1]["gap"]["mean"] * sign), one[0]["value"]))
    return found[:MOST_NAMED]


def _named(
    texts: Texts,
    groups: Iterable[Mapping[str, Any]],
    named: Mapping[tuple[str, str], str],
    *,
    short: bool,
) -> Sequence[Named]:
    """Name the parts in which seats are short or left at the end."""
    sign, found = (1 if short else -1), []
    for one, span in short_parts(texts, groups, short=short):
        gap = one["weeks"][-1]["gap"]
        course_type, _, level = one["value"].partition("/")
        found.append(
            Named(
                named[one["by"], one["value"]],
                one["by"],
                one["value"],
                round(gap["mean"] * sign),
                span,
                min(gap["low80"] * sign, gap["high80"] * sign) > 0,
                level == "untested",
                course_type,
            )
        )
    return sorted(found, key=lambda one: (-one.number, one.name))


def _demand(texts: Texts, first: str, shown: Mapping[str, Any]) -> Chart:
    """Draw the registrations: those counted so far, and those expected."""
    past, day = shown.get("past", ()), date.fromisoformat(first)
    points = []
    for ago, count in zip(range(len(past), 0, -1), past, strict=True):
        begins = day - timedelta(weeks=ago)
        text = texts.ngettext(
            "Week from %(day)s: %(num)s registration", "Week from %(day)s: %(num)s registrations", count,
            day=texts.date(begins),
        )  # fmt: skip
        points.append(Point(texts.day_of_year(begins), text, count))
    for week in shown["weeks"]:
        begins, told = date.fromisoformat(week["begins"]), week["demand"]
        text = texts.gettext(
            "Week from %(day)s: expected %(mean)s, in 4 of 5 cases %(low)s to %(high)s",
            day=texts.date(begins), mean=texts.number(round(told["mean"], 1)), low=told["low80"],
            high=told["high80"],
        )  # fmt: skip
        ranges = ((told["low95"], told["high95"]), (told["low80"], told["high80"]))
        points.append(Point(texts.day_of_year(begins), text, told["mean"], ranges))
    return drawn(points)


def _gap(texts: Texts, shown: Mapping[str, Any]) -> Chart:
    """Draw how many people are without a seat at the end of each week; below zero seats are left."""
    points = []
    for week in shown["weeks"]:
        begins, told = date.fromisoformat(week["begins"]), week["gap"]
        text = texts.gettext(
            "Week from %(day)s: %(mean)s without a seat, in 4 of 5 cases %(span)s",
            day=texts.date(begins), mean=_signed(texts, round(told["mean"])),
            span=_span(texts, told["low80"], told["high80"]),
        )  # fmt: skip
        ranges = ((told["low95"], told["high95"]), (told["low80"], told["high80"]))
        points.append(Point(texts.day_of_year(begins), text, told["mean"], ranges))
    return drawn(points)


def _signed(texts: Texts, number: int) -> str:
    return ("\N{MINUS SIGN}" if number < 0 else "") + texts.number(abs(number))


def _span(texts: Texts, low: int, high: int) -> str:
    """Write a range of whole people; below zero are seats left over."""
    ends = {"low": _signed(texts, low), "high": _signed(texts, high)}
    return texts.plain(msgid("%(low)s to %(high)s")) % ends


def _day(texts: Texts, iso: str) -> str:
    return texts.date(date.fromisoformat(iso))


def part_name(visit: Visit, by: str, value: str) -> str:
    """Name a part of the Kreis: course type, level, town, or type and level."""
    match by:
        case "type":
            return word(visit.texts, value, "course_type")
        case "level":
            return _level(visit.texts, value)
        case "town":
            return visit.place(value)
        case "type_level":
            course_type, _, level = value.partition("/")
            return f"{word(visit.texts, course_type, 'course_type')}, {_level(visit.texts, level)}"
        case _:
            return visit.texts.plain(msgid("The whole Kreis"))


def _level(texts: Texts, level: str) -> str:
    if level == "untested":
        return texts.plain(msgid("not tested yet"))
    return word(texts, level, "level")
