"""Walks the console as a visitor and reads every named figure: pages, files, answers for programs."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.benchmarks.pages import shape

_FIGURE = re.compile(
    r'<data class="kl-figure" data-figure="([\w@/.-]+)"(?: data-of="([^"]+)")? value="(-?\d+)">(.*?)</data>',
    re.DOTALL,
)
_LINK = re.compile(r'href="(/[^"#]*)')
_TAG = re.compile(r"<[^>]+>")
_LEFT_OUT = ("/static", "/sign-out", "/account", "/policy", "/what-if", "/docs", "/api")
FILES: Mapping[str, str] = {
    "/waiting.csv": "waiting",
    "/waiting.csv?deadline=1": "deadline_within_four_weeks",
    "/waiting.csv?deadline=over": "deadline_over",
    "/expired.csv": "expired",
    "/expired.csv?asked=yes": "expired_asked",
    "/courses.csv?below=1": "courses_below_minimum",
}
"""Files with a line for each that a figure counts."""


@dataclass(frozen=True, slots=True)
class Told:
    """A figure as one page, file or answer tells it; `of`: a course, a provider, a reason, empty for all."""

    name: str
    of: str
    value: int
    where: str


def figures_in(page: str, where: str) -> Iterator[Told]:
    """Read the figures of a page.

    Raises:
        ValueError: the text of a figure does not show its value.
    """
    for name, of, value, content in _FIGURE.findall(page):
        text = _TAG.sub("", content)
        if value not in re.findall(r"-?\d+", text.replace(".", "").replace(",", "")):
            raise ValueError(f"{where}: {name} is {value}, but its text is {text.strip()!r}")
        yield Told(name, of, int(value), where)


async def pages_of(http: httpx.AsyncClient, each: int = 4) -> dict[str, str]:
    """Follow every link from the first page; at most `each` pages of one shape (ids apart)."""
    shapes: Counter[str] = Counter()
    found: dict[str, str] = {}
    waiting, seen = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        shapes[shape(address)] += 1
        if shapes[shape(address)] > each or ".csv" in address or ".json" in address:
            continue
        answer = await http.get(address)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise ValueError(f"{address}: {answer.status_code}")
        found[address] = answer.text
        links = [answer.headers["location"]] if answer.is_redirect else _LINK.findall(answer.text)
        for link in (one.replace("&amp;", "&") for one in links):
            if link.startswith("/") and link not in seen and not link.startswith(_LEFT_OUT):
                seen.add(link)
                waiting.append(link)
    return found


async def told_to(http: httpx.AsyncClient, each: int = 4) -> list[Told]:
    """Read every figure that somebody who is signed in to the console is told, wherever it stands."""
    found = [told for where, page in (await pages_of(http, each)).items() for told in figures_in(page, where)]
    answer = await http.get("/api/v1/figures")
    if answer.status_code == httpx.codes.OK:  # whoever coordinates
        found += _of_programs(answer.json(), "/api/v1/figures")
        found += _of_courses((await http.get("/api/v1/courses?limit=500")).json()["courses"])
        remedies = (await http.get("/api/v1/remedies?limit=1")).json()
        found += [
            Told("would_help", one["code"], one["people"], "/api/v1/remedies")
            for one in remedies["sums"]
            if one["code"] != "none"
        ]
        for path, name in FILES.items():
            found.append(Told(name, "", len(_lines(await http.get(path))), path))
        found += [
            Told(line[0], "", int(line[2]), "/figures.csv") for line in _lines(await http.get("/figures.csv"))
        ]
    return found


def _of_programs(answer: Mapping[str, Any], where: str) -> Iterator[Told]:
    for name, value in answer.items():
        if isinstance(value, int):
            yield Told(name, "", value, where)
        elif isinstance(value, dict):
            yield from (Told(name, of, n, where) for of, n in value.items())


def _of_courses(courses: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
    for one in courses:
        for name in ("seats", "seats_taken", "seats_free"):
            yield Told(name, one["course"], one[name], "/api/v1/courses")


def _lines(answer: httpx.Response) -> list[list[str]]:
    answer.raise_for_status()
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))[1:]


def values_of(found: Iterable[Told]) -> dict[tuple[str, str], dict[int, list[str]]]:
    """Return for each figure the values told of it, each with where."""
    values: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for told in found:
        values[told.name, told.of][told.value].append(told.where)
    return values
