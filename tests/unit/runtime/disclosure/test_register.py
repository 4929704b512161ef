"""Nothing that counts people is there without being registered: figures, queries, metrics, events.

Whoever adds a query, a metric or an event with a number in it decides here which it is: a published
figure (register it in services/texts/figures.py), or work on records that the side holds itself
(name it below, with who sees it). docs/decisions/0026 says where the border runs.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.codes import CourseType
from schemas.counts import CountsReported, WeeklyCountsReported
from schemas.erasures import ErasureAcknowledged
from schemas.placements import CourseOutcomeReported
from schemas.topics import EVENT_TYPES
from services.allocation.figures import counting
from services.notifications.counts import store
from services.notifications.metrics import SCRAPED
from services.runtime.disclosure.figures import RANKS, Counts
from services.texts.figures import (
    COURSES_OF,
    COURSES_WORDS,
    FIGURES,
    PARTS,
    STEERING,
    SUPPORT,
    TITLES,
    Courses,
)

SERVICES = Path(__file__).resolve().parents[4] / "services"
_AGGREGATE = re.compile(
    r"\b(?:count|sum|avg|percentile_cont|percentile_disc|mode|stddev)\s*\(", re.IGNORECASE
)
_METRICS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
_METRIC = re.compile(r"^kurslotse_[a-z_]+$")

COORDINATORS = "lists of the steering side's own records, shown to its coordinators only"
OPERATORS = "the steering side's own records, at /status for its operators"
ENGINE = "input of a steering run"
OWN_OFFICE = "an office's own alerts, shown to its lead only"
COUNTED_BY = {
    "allocation/console/context/course_store.py:courses": "courses, no people",
    "allocation/console/context/explanation_store.py:remedies": COORDINATORS,
    "allocation/console/context/explanation_store.py:remedies_by_course": COORDINATORS,
    "allocation/console/context/explanation_store.py:remedy_sums": COORDINATORS,
    "allocation/console/context/people_store.py:placements": COORDINATORS,
    "allocation/console/context/rulings_store.py:": COORDINATORS,
    "allocation/console/context/rulings_store.py:exports": COORDINATORS,
    "allocation/console/lists/people.py:lapsed": COORDINATORS,
    "allocation/console/lists/people.py:waiting": COORDINATORS,
    "allocation/console/people/search.py:_providers": "courses, no people",
    "allocation/console/questions/store.py:ahead_of": "questions that wait, no people",
    "allocation/erasure/store.py:add_counts": "rows of one erased person",
    "allocation/figures/counting.py:arrivals": "figure",
    "allocation/figures/counting.py:completions": "figure",
    "allocation/figures/counting.py:fill": "figure",
    "allocation/figures/counting_places.py:proposals": "figure",
    "allocation/figures/counting_places.py:reservations": "figure",
    "allocation/figures/counting_places.py:starts": "figure",
    "allocation/figures/outside.py:imported": "lines of files that outside sources publish",
    "allocation/figures/today.py:": COORDINATORS,
    "allocation/figures/today.py:seats_by_provider": COORDINATORS,
    "allocation/policy/consultation.py:comment": "comments of organisations, no people",
    "allocation/status.py:holds_due": OPERATORS,
    "allocation/status.py:nothing_unheard_expired": OPERATORS,
    "allocation/status.py:offsets_are_guarded": OPERATORS,
    "allocation/status.py:one_enrolment": OPERATORS,
    "allocation/status.py:reservations_due": OPERATORS,
    "allocation/status.py:seats_hold": OPERATORS,
    "allocation/status.py:starts_due": OPERATORS,
    "allocation/steering/forecast_store.py:registrations": ENGINE,
    "allocation/steering/forecast_store.py:waiting": ENGINE,
    "allocation/steering/questions/queue.py:durations": "how long answers took, no people",
    "allocation/steering/runs/store.py:any_gone": "whether somebody was erased, yes or no",
    "allocation/steering/runs/reading.py:_sections": ENGINE,
    "allocation/steering/runs/reading.py:read_seated_by": ENGINE,
    "notifications/alerts/store.py:load": "how many alerts an office has, to route the next one",
    "notifications/counts/store.py:_courses": "figure",
    "notifications/counts/store.py:add_towns": "courses, no people",
    "notifications/counts/store.py:own_beginners": OWN_OFFICE,
    "notifications/counts/store.py:counselling": "figure",
    "notifications/counts/store.py:needs": "figure",
    "notifications/delivery/store.py:not_counted": "attempts of one delivery, to decide about the next",
    "notifications/risk/standing_store.py:_places": "hours of one person, for a rule; shown to nobody",
    "notifications/participation/held_store.py:hold": "room left for one course's marks",
    "notifications/erasures/store.py:add_reports": "rows of one erased person",
    "notifications/erasures/store.py:under_consent": "rows of one erased person",
    "notifications/people/keys.py:PersonSecrets.by_kek": "secrets by key, for its rotation, by command",
    "notifications/metrics.py:OverdueMetrics.refresh": "shown as yes or no, from k people on",
    "notifications/pages/consents/store.py:classes": "an office's own people by course, shown to it",
    "notifications/pages/inbox/store.py:caseload": OWN_OFFICE,
    "notifications/pages/inbox/store.py:put_off": OWN_OFFICE,
    "notifications/pages/inbox/store.py:verdicts": OWN_OFFICE,
    "notifications/pages/store.py:provider_courses": "a provider's own courses, shown to it",
    "notifications/retention.py:": "how much was erased, for the log",
    "notifications/status.py:_counted": "made coarse by services/runtime/serve/discreet.py",
    "notifications/status.py:_due": "made coarse by services/runtime/serve/discreet.py",
    "notifications/status.py:_each_has_its_alert": "made coarse by services/runtime/serve/discreet.py",
    "notifications/status.py:_messages_due": "made coarse by services/runtime/serve/discreet.py",
    "notifications/status.py:own_status": "made coarse by services/runtime/serve/discreet.py",
    "gateway/acceptance/store.py:count": "events at the doors",
    "gateway/http/limits.py:_waiting": "requests",
    "gateway/publishers/store.py:open_keys": "keys",
    "gateway/upkeep.py:_sum_counts": "events at the doors",
}
WORK = {
    "kurslotse_batch_retries",
    "kurslotse_batch_seconds",
    "kurslotse_consume_alarms",
    "kurslotse_deliveries_overdue",
    "kurslotse_delivery_attempts",
    "kurslotse_delivery_faults",
    "kurslotse_delivery_heartbeat_seconds",
    "kurslotse_erasures_overdue",
    "kurslotse_gateway_events",
    "kurslotse_gateway_turned_away",
    "kurslotse_http_refused",
    "kurslotse_lag_records",
    "kurslotse_offices_silent",
    "kurslotse_records",
    "kurslotse_relay_failures",
    "kurslotse_relay_sent",
    "kurslotse_sign_in_failures",
    "kurslotse_sign_in_lockouts",
    "kurslotse_sign_ins",
    "kurslotse_timer_done",
    "kurslotse_timer_failures",
    "kurslotse_timer_seconds",
    "kurslotse_work_failing",
    "kurslotse_work_set_aside",
}
"""Metrics of the services' work: records and time, never how many people something is true of."""
PUBLISHED = {"kurslotse_published_high", "kurslotse_published_low", "kurslotse_published_quarter_seconds"}
COMPLETIONS = {"kurslotse_course_results", "kurslotse_waiting_seconds"}
"""Sums of published bands (allocation/figures/metrics.py); they move when a quarter is published."""
NUMBERS_OF_PEOPLE = {
    CountsReported.type_: "published figures, in bands",
    WeeklyCountsReported.type_: "not sent any more",
    ErasureAcknowledged.type_: "rows of one person, read by the support side alone (kafka/access.py)",
    CourseOutcomeReported.type_: "goes only to the provider who said the totals",
}


def aggregating(path: Path) -> Iterator[str]:
    """Name the functions with a query that counts or sums."""

    def walk(node: ast.AST, name: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            inner = f"{name}.{child.name}".strip(".") if named else name  # type: ignore[attr-defined]
            text = child.value if isinstance(child, ast.Constant) else None
            if isinstance(text, str) and _AGGREGATE.search(text) and re.search(r"\bSELECT\b", text):
                yield name
            yield from walk(child, inner)

    return walk(ast.parse(path.read_text("utf-8")), "")


def test_every_query_that_counts_is_a_figure_or_named_as_work() -> None:
    found = {
        f"{path.relative_to(SERVICES)}:{name}"
        for side in ("allocation", "notifications", "gateway")
        for path in (SERVICES / side).rglob("*.py")
        for name in aggregating(path)
    }
    assert found - set(COUNTED_BY) == set()
    assert set(COUNTED_BY) - found == set()


def test_a_new_query_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "new.py"
    path.write_text('class Page:\n    def leak(self):\n        return "SELECT town, count(*) FROM consent"\n')
    assert list(aggregating(path)) == ["Page.leak"]


def test_every_metric_is_of_work_or_published() -> None:
    found = set()
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in _METRICS or name.endswith("MetricFamily"):
                    found.add(str(node.args[0].value))
    assert found == WORK | PUBLISHED | COMPLETIONS
    assert all(_METRIC.match(name) for name in found)


def test_the_support_side_lets_alarms_and_published_figures_be_scraped_and_nothing_else() -> None:
    moving = {"kurslotse_delivery_attempts", "kurslotse_timer_done", "kurslotse_timer_seconds"}
    assert SCRAPED.exact >= PUBLISHED
    assert SCRAPED.names & moving == set()
    assert not any(re.search("consent|alert|risk|mark", name) for name in SCRAPED.names)


def numbers(schema: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Name the fields of a JSON Schema that hold a number, at every depth."""
    if schema.get("type") in {"integer", "number"}:
        yield name
    for part in ("properties", "$defs"):
        for inner, below in schema.get(part, {}).items():
            yield from numbers(below, inner)
    for part in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for below in schema.get(part, ()):
            yield from numbers(below, name)
    for part in ("items", "additionalProperties"):
        if isinstance(below := schema.get(part), Mapping):
            yield from numbers(below, name)


def test_every_event_of_ours_with_a_number_is_named() -> None:
    technical = {"version", "entry_section", "number", "ue", "partition", "offset", "offsets", "params"}
    found = {
        type_.name
        for type_ in EVENT_TYPES.values()
        if not type_.kinds and set(numbers(type_.payload.model_json_schema())) - technical
    }
    assert found == set(NUMBERS_OF_PEOPLE)


def test_the_totals_of_a_course_go_to_its_provider_only() -> None:
    source = (SERVICES / "allocation" / "figures" / "course_outcomes.py").read_text("utf-8")
    assert "(course.provider,)" in source
    for other in ("notifications", "gateway"):
        users = [
            p for p in (SERVICES / other).rglob("*.py") if "CourseOutcomeReported" in p.read_text("utf-8")
        ]
        assert users == []


def test_every_figure_is_counted_by_its_side_and_has_its_words() -> None:
    assert set(counting.COUNTED_BY) == {figure.name for figure in STEERING}
    assert set(store.counted_by(5)) == {figure.name for figure in SUPPORT}
    assert set(TITLES) == {figure.question for figure in FIGURES.values()}
    assert set(COURSES_WORDS) == set(Courses)
    assert {part.name for figure in FIGURES.values() for part in figure.parts} == set(PARTS)
    for figure in FIGURES.values():
        assert re.fullmatch(r"[A-Z][^.]+\.", figure.definition), "one sentence"


def test_no_property_is_asked_for_in_two_figures() -> None:
    """Two figures about overlapping people with the same question could be solved for the difference."""
    questions = {figure.question: figure for figure in FIGURES.values()}
    names = [part.name for figure in questions.values() for part in figure.parts]
    assert len(names) == len(set(names))
    for figure in FIGURES.values():  # the same question of different people: of each kind of course
        assert figure.parts == questions[figure.question].parts
        assert (figure.of == "") == (figure.name == figure.question)


def test_a_course_is_of_one_kind() -> None:
    listed = [one for types in COURSES_OF.values() for one in types]
    assert len(listed) == len(set(listed))
    assert set(CourseType) - set(listed) == {CourseType.LAND, CourseType.MUNICIPAL}


def test_what_is_told_exactly_is_no_person() -> None:
    exact = {
        part.name
        for figure in FIGURES.values()
        for part in figure.parts
        if part.counts not in {Counts.PEOPLE, Counts.REPORTS, *RANKS}
    }
    assert exact == {"courses", "courses_collapsed", "courses_silent", "seats"}
