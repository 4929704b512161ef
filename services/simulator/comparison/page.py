"""Serves the page `Comparison`: steering against first come, first served, in words and figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.questions.pages import ask, refreshed, seen_of
from services.runtime.web.languages import NOTHING, Texts, msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import csv_answer
from services.simulator.comparison.comparison import ONE_LIST, STEERED, UNSTEERED
from services.simulator.comparison.words import ASSUMPTIONS, name_of
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
SEEDS: Final = (1, 2, 3, 5)
PEOPLE: Final = (300, 600, 1200)
POLICIES: Final = {"own": msgid("the policy in force here"), "default": msgid("Kurslotse's own default")}
WRONG: Final = msgid("Please choose from the lists.")
KNOWN: Final = {"field_wrong": WRONG}
OTHERS: Final = {
    UNSTEERED: msgid("first come, first served by provider"),
    ONE_LIST: msgid("one common list, first come, first served"),
}
"""The worlds that steering is compared with, in the order of the page."""
FIRST: Final = ("started", "median_wait", "lapsed_vocational_lapses", "courses_cancelled", "dropped")
"""Figures that the page says in a sentence before the table."""
Verdict = Literal["better", "worse", "same", "neither"]
VERDICTS: Final[Mapping[Verdict, str]] = {
    "better": msgid("better"),
    "worse": msgid("worse"),
    "same": msgid("the same"),
    "neither": NOTHING,
}
HEADS: Final = (
    msgid("Figure"),
    msgid("Steered"),
    msgid("By provider"),
    msgid("One list"),
    msgid("Steered less by provider"),
    msgid("Steered against by provider"),
    msgid("Steered less one list"),
    msgid("Steered against one list"),
)


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """How a figure of the steered world differs from another world's."""

    said: str
    verdict: Verdict
    in_years: int
    """Years in which it is worse, or better, as the verdict says."""
    always: bool
    """Whether no year says the contrary."""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A figure as the page shows it; worlds in the order of the table."""

    code: str
    name: str
    worlds: tuple[str, ...]
    against: Mapping[str, ShownDifference]


@router.get("/compare")
async def compare(visit: CoordinatorVisit) -> Response:
    """Show the latest comparison and the form for another one."""
    return await _compare(visit, None)


@router.get("/compare/{task}.csv")
async def compare_csv(visit: CoordinatorVisit, task: UUID) -> Response:
    """Return all figures of a comparison as CSV."""
    seen, texts = await seen_of(visit, "compare", task), visit.texts
    if not seen.done:
        raise not_found()
    lines = []
    for row in rows_of(texts, seen.result):
        told = [row.against[world] for world in OTHERS]
        verdicts = [
            part for one in told for part in (one.said.lstrip("+"), texts.plain(VERDICTS[one.verdict]))
        ]
        lines.append((row.name, *row.worlds, *verdicts))
    return csv_answer("compare", [texts.plain(head) for head in HEADS], lines)


@router.get("/compare/{task}")
async def compare_answer(visit: CoordinatorVisit, task: UUID) -> Response:
    """Show one comparison, or that it is still being computed."""
    return await _compare(visit, task)


@router.post("/compare")
async def compare_ask(visit: CoordinatorVisit) -> Response:
    """Ask for a comparison of some invented years."""
    form = await visit.request.form()
    chosen = {name: str(form.get(name) or "") for name in ("seeds", "people", "policy")}
    offered = {"seeds": {*map(str, SEEDS)}, "people": {*map(str, PEOPLE)}, "policy": {*POLICIES}}
    wrong = [name for name, known in offered.items() if chosen[name] not in known]
    if wrong:
        return await _compare(visit, None, wrong=wrong)
    question = {
        "seeds": int(chosen["seeds"]),
        "people": int(chosen["people"]),
        "policy": chosen["policy"],
    }
    return await ask(visit, "compare", question, "/compare")


async def _compare(visit: Visit, task: UUID | None, *, wrong: Sequence[str] = ()) -> Response:
    seen, texts = await seen_of(visit, "compare", task, KNOWN), visit.texts
    asked = {} if seen.found is None else seen.found.question
    rows = rows_of(texts, seen.result)
    page = visit.page(
        "compare.html",
        422 if wrong else 200,
        seen=seen,
        found=seen.found,
        asked=asked,
        wrong=defaultdict(str, dict.fromkeys(wrong, texts.plain(WRONG))),
        result=seen.result,
        rows=rows,
        first=[row for code in FIRST for row in rows if row.code == code],
        counts={world: Counter(row.against[world].verdict for row in rows) for world in OTHERS},
        worse={world: [row for row in rows if row.against[world].verdict == "worse"] for world in OTHERS},
        others=[(world, texts.plain(text)) for world, text in OTHERS.items()],
        assumptions=[texts.plain(one) for one in ASSUMPTIONS],
        seeds=[(one, one) for one in SEEDS],
        people=[(one, texts.number(one)) for one in PEOPLE],
        policies=[(code, texts.plain(text)) for code, text in POLICIES.items()],
        policy=texts.plain(POLICIES.get(asked.get("policy", ""), POLICIES["own"])),
    )
    return refreshed(page, seen)


def rows_of(texts: Texts, result: Mapping[str, Any]) -> Sequence[ShownRow]:
    """Return every figure of a comparison in words; an empty answer has none."""
    years = len(result.get("seeds", ()))
    return [_row(texts, row, years) for row in result.get("rows", ())]


def _row(texts: Texts, row: Mapping[str, Any], years: int) -> ShownRow:
    words, of_class = name_of(row["code"])
    name = texts.plain(words)
    if of_class:
        name = f"{word(texts, of_class, 'priority')}: {name}"
    worlds = [row["worlds"][world] for world in (STEERED, *OTHERS)]
    return ShownRow(
        row["code"],
        name,
        tuple(NOTHING if one is None else _figure(texts, one["mean"]) for one in worlds),
        {world: _against(texts, row, world, years) for world in OTHERS},
    )


def _against(texts: Texts, row: Mapping[str, Any], world: str, years: int) -> ShownDifference:
    told = row["differences"][world]
    if told is None:
        return ShownDifference(NOTHING, "neither", 0, always=False)
    spread, better, worse_in = told["spread"], row["better"], told["worse_in"]
    ends = {part: round(spread[part], 1) for part in ("mean", "low", "high")}
    said = _difference(texts, ends, years)
    if better == "neither":
        return ShownDifference(said, "neither", 0, always=False)
    if world in row["worse_than"]:
        return ShownDifference(said, "worse", worse_in, always=worse_in == years)
    if not spread["mean"]:
        return ShownDifference(said, "same", 0, always=False)
    contrary = spread["low"] > 0 if better == "more" else spread["high"] < 0
    return ShownDifference(said, "better", years - worse_in, always=contrary)


def _figure(texts: Texts, value: float) -> str:
    return str(texts.number(round(value, 1)))


def _signed(texts: Texts, value: float) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return sign + _figure(texts, abs(value))


def _difference(texts: Texts, ends: Mapping[str, float], years: int) -> str:
    """Write a difference with its smallest and largest value; one year has no range."""
    said = {part: _signed(texts, value) for part, value in ends.items()}
    if years == 1 or ends["low"] == ends["high"]:
        return said["mean"]
    return texts.plain(msgid("%(mean)s (%(low)s to %(high)s)")) % said
