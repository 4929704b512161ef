"""What is fuzzed: each reader of files, and what must hold for whatever it reads."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.envelope import Problem
from services.gateway.files.courses.childcare import mentions_childcare, offers_childcare
from services.gateway.files.courses.drafts import Draft, Held
from services.gateway.files.courses.lesson_times import read_times
from services.gateway.files.courses.open_qcat import read_day
from services.gateway.files.courses.recognition import first_section, recognise
from services.gateway.files.dates import read_date
from services.gateway.files.imports import SETTINGS, read_settings
from services.gateway.files.reading import COURSES, PEOPLE
from services.gateway.files.text import (
    clean,
    is_broken,
    is_broken_name,
    is_error,
    is_shortened,
    unescaped,
    word,
)
from services.gateway.files.values import Towns, read_number, read_postcode, read_whole, read_yes
from services.gateway.findings.catalogue import CATALOGUE
from services.runtime.http.json_body import JsonError, read_json
from tests.fixtures.gateway.files import TODAY, courses_or_problem, mapping, people_or_problem
from tests.fuzz import corpus

_LIST, _SHEET = mapping(), mapping("mapping-xlsx")


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, the files to start from, and the function that reads one and checks what came of it."""

    corpus: Callable[[], Sequence[bytes]]
    read: Callable[[bytes], None]


def _told(problems: Iterable[Problem]) -> None:
    for problem in problems:
        assert problem.code in CATALOGUE, problem.code


def _clean(value: object) -> None:
    """Check that no stored text holds controls, marks nobody sees, or letters that were broken."""
    match value:
        case str():
            assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Cn", "Co"} for sign in value), ascii(
                value
            )
            assert "\ufffd" not in value
            assert "_x000D_" not in value
        case Mapping():
            for part in value.values():
                _clean(part)
        case list() | tuple():
            for part in value:
                _clean(part)
        case _:
            pass


def _people(raw: bytes, sheet: bool) -> None:
    read = people_or_problem(raw, _SHEET if sheet else _LIST)
    assert PEOPLE.read.validate_json(PEOPLE.read.dump_json(read)) == read
    if isinstance(read, Problem):
        _told([read])
        return
    _told(read.problems)
    if not any(problem.code == "column_missing" for problem in read.problems):
        assert len(read.people) + len(read.bad) == read.rows
    numbers = [person.row.number for person in read.people] + [row.row.number for row in read.bad]
    numbers += read.skipped
    assert len(set(numbers)) == len(numbers)
    for person in read.people:
        _told(person.warnings)
        _clean([person.facts, person.contact, person.test])
    for row in read.bad:
        assert row.problems
        _told(row.problems)


def _courses(raw: bytes) -> None:
    read = courses_or_problem(raw)
    assert COURSES.read.validate_json(COURSES.read.dump_json(read)) == read
    if isinstance(read, Problem):
        _told([read])
        return
    assert read.unread >= 0
    for item in read.courses:
        match item:
            case Draft(data=data, warnings=warnings):
                _told(warnings)
                _clean(data)
            case Held(problems=problems):
                assert problems
                _told(problems)


def _values(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    times = read_times(text)
    assert times.complete or not times.lessons
    assert all(lesson.starts_at < lesson.ends_at for lesson in times.lessons)
    for order in (None, "day_first", "month_first"):
        for birth in (True, False):
            read_date(text, TODAY, order=order, birth=birth)
    for read in (read_number, read_whole, read_yes, read_postcode, read_day):
        read(text)
    for look in (
        is_broken,
        is_broken_name,
        is_error,
        is_shortened,
        first_section,
        offers_childcare,
        mentions_childcare,
    ):
        look(text)
    recognise([(text, text)], text, "4")
    Towns({text: "99001001"}).find(text, text)
    cleaned = clean(unescaped(text))
    assert clean(cleaned) == cleaned
    assert word(word(text)) == word(text)


def _settings(raw: bytes) -> None:
    try:
        given = read_json(raw)
    except JsonError:
        return
    for kind in SETTINGS:
        found = read_settings(kind, given)
        if isinstance(found, list):
            assert found
            _told(found)


TARGETS: Mapping[str, Target] = {
    "csv": Target(corpus.lists, lambda raw: _people(raw, sheet=False)),
    "xlsx": Target(corpus.workbooks, lambda raw: _people(raw, sheet=True)),
    "open-qcat": Target(corpus.catalogues, _courses),
    "values": Target(corpus.values, _values),
    "settings": Target(corpus.settings, _settings),
}
