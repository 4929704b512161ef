"""What to expect: demand for the next weeks beside the seats, and steering held against doing without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.analysis import ask, failure, refreshed, task_of
from services.allocation.console.policy import AtDesk, Here
from services.allocation.steering.analysis import tasks
from services.allocation.steering.analysis.tasks import Answer
from services.allocation.steering.year.words import ASSUMPTIONS, name_of
from services.runtime.web.languages import NOTHING, Texts, msgid
from services.runtime.web.words import word

router = APIRouter(include_in_schema=False)
SEEDS: Final = (1, 2, 3, 5)
PEOPLE: Final = (300, 600, 1200)
POLICIES: Final = {"own": msgid("the policy in force here"), "default": msgid("Kurslotse's own default")}
WRONG: Final = msgid("Please choose from the lists.")
MISSING: Final = {
    "field_wrong": WRONG,
    "nobody_registered": msgid("Nobody has registered yet, so there is nothing to forecast from."),
}
WEEKS_SHOWN: Final = ("all", "type", "level", "town", "type_level")


async def _found(here: Here, kind: str, task: UUID | None) -> Answer | None:
    """Return the question of the address, else the latest one."""
    async with here.open() as conn:
        if task is not None:
            return await task_of(conn, task, kind)
        return next(iter(await tasks.latest(conn, kind, 1)), None)


def _failed(here: Here, found: Answer | None) -> str:
    if found is None or found.state != "failed":
        return ""
    known = MISSING.get((found.result or {}).get("code", ""))
    if known is not None:
        return here.texts.plain(known)
    return failure(here.texts, found)


@router.get("/compare")
async def compare(here: AtDesk) -> Response:
    """Show the latest comparison, and how to have another one."""
    return await _compare(here, None)


@router.get("/compare/{task}")
async def compare_answer(here: AtDesk, task: UUID) -> Response:
    """Show one comparison, or that it is still being computed."""
    return await _compare(here, task)


@router.post("/compare")
async def compare_ask(here: AtDesk) -> Response:
    """Have some invented years lived in every world."""
    form = await here.request.form()
    chosen = {name: str(form.get(name) or "") for name in ("seeds", "people", "policy")}
    if (
        chosen["seeds"] not in map(str, SEEDS)
        or chosen["people"] not in map(str, PEOPLE)
        or chosen["policy"] not in POLICIES
    ):
        return await _compare(here, None, wrong=True)
    question = {
        "seeds": int(chosen["seeds"]),
        "people": int(chosen["people"]),
        "policy": chosen["policy"],
    }
    return await ask(here, "compare", question, "/compare")


async def _compare(here: Here, task: UUID | None, *, wrong: bool = False) -> Response:
    found = await _found(here, "compare", task)
    result = found.result if found is not None and found.state == "done" else None
    texts = here.texts
    under = "" if found is None else POLICIES.get(found.question.get("policy", ""), "")
    rows = [] if result is None else [_row(texts, row) for row in result["rows"]]
    page = here.web.page(
        here.request,
        "compare.html",
        422 if wrong else 200,
        found=found,
        failed=_failed(here, found),
        wrong=texts.plain(WRONG) if wrong else "",
        result=result,
        rows=rows,
        worse={
            world: [row for row in rows if world in row.worse_than] for world in ("unsteered", "one_list")
        },
        assumptions=[texts.plain(one) for one in ASSUMPTIONS],
        seeds=[(one, one) for one in SEEDS],
        people=[(one, one) for one in PEOPLE],
        policies=[(code, texts.plain(text)) for code, text in POLICIES.items()],
        policy=texts.plain(under) if under else "",
    )
    return refreshed(page, found)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A figure as the page shows it."""

    name: str
    worlds: tuple[str, ...]
    differences: Mapping[str, str]
    worse_than: Sequence[str]
    worse_in: Mapping[str, int]


def _row(texts: Texts, row: Mapping[str, Any]) -> ShownRow:
    words, of_class = name_of(row["code"])
    name = texts.plain(words)
    if of_class:
        name = f"{word(texts, of_class, 'priority')}: {name}"
    return ShownRow(
        name,
        tuple(NOTHING if one is None else _figure(texts, one["mean"]) for one in row["worlds"].values()),
        {world: _difference(texts, one) for world, one in row["differences"].items()},
        row["worse_than"],
        {world: one["worse_in"] for world, one in row["differences"].items() if one is not None},
    )


def _figure(texts: Texts, value: float) -> str:
    return str(texts.number(round(value, 1)))


def _signed(texts: Texts, value: float) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "\N{PLUS-MINUS SIGN}"
    return sign + _figure(texts, abs(value))


def _difference(texts: Texts, told: Mapping[str, Any] | None) -> str:
    if told is None:
        return NOTHING
    spread = told["spread"]
    return texts.plain(msgid("%(mean)s (%(low)s to %(high)s)")) % {
        part: _signed(texts, spread[part]) for part in ("mean", "low", "high")
    }


@router.get("/forecast")
async def forecast(here: AtDesk, by: str = "all", value: str = "") -> Response:
    """Show the latest forecast, and how to have a new one."""
    return await _forecast(here, None, by, value)


@router.get("/forecast/{task}")
async def forecast_answer(here: AtDesk, task: UUID, by: str = "all", value: str = "") -> Response:
    """Show one forecast, or that it is still being computed."""
    return await _forecast(here, task, by, value)


@router.post("/forecast")
async def forecast_ask(here: AtDesk) -> Response:
    """Have a new forecast computed."""
    return await ask(here, "forecast", {}, "/forecast")


async def _forecast(here: Here, task: UUID | None, by: str, value: str) -> Response:
    found = await _found(here, "forecast", task)
    result = found.result if found is not None and found.state == "done" else None
    groups: Sequence[Mapping[str, Any]] = [] if result is None else result["groups"]
    named = {(one["by"], one["value"]): _name(here, one["by"], one["value"]) for one in groups}
    shown = next((one for one in groups if (one["by"], one["value"]) == (by, value)), None)
    if shown is None:
        shown = next((one for one in groups if one["by"] == "all"), None)
    page = here.web.page(
        here.request,
        "forecast.html",
        found=found,
        failed=_failed(here, found),
        result=result,
        day=None if result is None else date.fromisoformat(result["day"]),
        shown=shown,
        name="" if shown is None else named[shown["by"], shown["value"]],
        kinds=[
            (kind, [(one, named[kind, one["value"]]) for one in groups if one["by"] == kind])
            for kind in WEEKS_SHOWN[1:]
        ],
        span=lambda low, high: _span(here.texts, low, high),
    )
    return refreshed(page, found)


def _span(texts: Texts, low: int, high: int) -> str:
    """Write a range of whole people; below zero are seats left over."""
    ends = [("\N{MINUS SIGN}" if end < 0 else "") + str(texts.number(abs(end))) for end in (low, high)]
    return texts.plain(msgid("%(low)s to %(high)s")) % dict(zip(("low", "high"), ends, strict=True))


def _name(here: Here, by: str, value: str) -> str:
    match by:
        case "type":
            return word(here.texts, value, "course_type")
        case "level":
            return _level(here.texts, value)
        case "town":
            return here.web.places.get(value, value)
        case "type_level":
            course_type, _, level = value.partition("/")
            return f"{word(here.texts, course_type, 'course_type')}, {_level(here.texts, level)}"
        case _:
            return here.texts.plain(msgid("The whole Kreis"))


def _level(texts: Texts, level: str) -> str:
    if level == "untested":
        return texts.plain(msgid("not tested yet"))
    return word(texts, level, "level")
