"""The completion metrics follow the conventions of Prometheus and move with publications alone."""

import re
from dataclasses import replace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.allocation.figures.metrics import BUCKETS, RESULTS, CompletionMetrics
from services.runtime.data.db import Pool
from services.runtime.disclosure.figures import Publication
from services.texts.figures import COMPLETIONS, PAST, STARTS, Courses
from tests.serving import REPOSITORY
from tests.unit.allocation.figures_told import FIRST, KREIS, SECOND, told

LABELS = {"kreis", "course_type", "result", "le"}
UNITS = ("_seconds", "_bytes", "_ratio")
ENDED = told(COMPLETIONS[0], courses=3, in_courses=60, finished=42, sat=40, qualified=20, left=12)
BEGUN = told(
    STARTS[0], begun=60, within_26_weeks=58, within_12_weeks=40, within_6_weeks=31, within_3_weeks=11
)


def shown(*publications: Publication) -> tuple[CollectorRegistry, str]:
    registry = CollectorRegistry()
    CompletionMetrics(registry, cast("Pool", None)).show(publications)
    return registry, generate_latest(registry).decode()


def faults(text: str) -> list[str]:
    """Say what promtool's check would say of names, units, types and labels."""
    wrong = []
    for family in text_string_to_metric_families(text):
        samples = {sample.name for sample in family.samples}
        if not family.documentation.strip():
            wrong.append(f"{family.name}: no help")
        if not re.fullmatch(r"kurslotse_[a-z][a-z_]*", family.name):
            wrong.append(f"{family.name}: name")
        if family.type == "counter" and any(not name.endswith("_total") for name in samples):
            wrong.append(f"{family.name}: a counter ends with _total")
        if family.type != "counter" and family.name.endswith("_total"):
            wrong.append(f"{family.name}: _total and no counter")
        if re.search(r"_(minutes|hours|days|weeks|milliseconds|percent)(_|$)", family.name):
            wrong.append(f"{family.name}: not in base units")
        if family.type == "histogram" and not family.name.endswith(UNITS):
            wrong.append(f"{family.name}: no unit")
        if re.search(r"counter|gauge|histogram|summary", family.name):
            wrong.append(f"{family.name}: the type in the name")
        wrong += [f"{family.name}: label {label}" for s in family.samples for label in set(s.labels) - LABELS]
    return wrong


def test_names_units_types_and_labels_are_as_conventions_say() -> None:
    assert faults(shown(ENDED, BEGUN)[1]) == []


@pytest.mark.parametrize(
    "text",
    [
        '# HELP kurslotse_x_days x\n# TYPE kurslotse_x_days histogram\nkurslotse_x_days_bucket{le="1"} 1\n',
        "# HELP kurslotse_x_total x\n# TYPE kurslotse_x_total gauge\nkurslotse_x_total 1\n",
        "# TYPE kurslotse_x gauge\nkurslotse_x 1\n",
        '# HELP kurslotse_x x\n# TYPE kurslotse_x gauge\nkurslotse_x{provider="a"} 1\n',
    ],
)
def test_the_check_finds_what_is_wrong(text: str) -> None:
    assert faults(text) != []


def test_they_are_documented() -> None:
    text = (REPOSITORY / "docs" / "metrics.md").read_text("utf-8")
    for name in ("kurslotse_course_results_total", "kurslotse_waiting_seconds_bucket"):
        assert f"`{name}`" in text
    assert all(str(end) in text for end in BUCKETS)
    assert all(f"`{one}`" in text for one in (*RESULTS, *Courses))


def test_results_are_lower_ends_and_exclude_each_other() -> None:
    registry, _ = shown(ENDED)
    found = {
        result: registry.get_sample_value(
            "kurslotse_course_results_total", {"kreis": KREIS, "course_type": "general", "result": result}
        )
        for result in RESULTS
    }
    assert found == {"qualified": 20, "completed": 40 - 24, "left": 10}
    assert sum(value or 0 for value in found.values()) <= 60


def test_every_label_value_is_there_from_the_start() -> None:
    _, text = shown(ENDED)
    assert text.count("kurslotse_course_results_total{") == (len(Courses) + 1) * len(RESULTS)
    assert text.count("kurslotse_waiting_seconds_bucket{") == len(Courses) * (len(BUCKETS) + 1)
    assert "kurslotse_course_results_total{" not in shown()[1]


def test_the_buckets_are_cumulative_in_seconds_and_no_sum_gives_single_waits_away() -> None:
    registry, text = shown(BEGUN)
    labels = {"kreis": KREIS, "course_type": "general"}
    found = [
        registry.get_sample_value("kurslotse_waiting_seconds_bucket", {**labels, "le": end})
        for end in ("1814400.0", "3628800.0", "7257600.0", "15724800.0", "+Inf")
    ]
    assert found == [10, 30, 40, 55, 60]
    assert "kurslotse_waiting_seconds_sum" not in text
    assert "kurslotse_waiting_seconds_count" not in text


def test_only_a_publication_moves_them_and_never_down() -> None:
    later = told(COMPLETIONS[0], SECOND, courses=1, in_courses=1, finished=1, sat=1, qualified=1)
    before, after = shown(ENDED)[1], shown(ENDED, later)[1]
    # A single completion in a quarter: its band begins at 0 and moves nothing.
    assert before == after
    more = told(COMPLETIONS[0], SECOND, courses=3, in_courses=60, finished=42, sat=40, qualified=20)
    registry, _ = shown(ENDED, more)
    labels = {"kreis": KREIS, "course_type": "general", "result": "qualified"}
    assert registry.get_sample_value("kurslotse_course_results_total", labels) == 40


def test_quarters_of_all_kinds_together_are_told_apart() -> None:
    old = Publication(
        KREIS,
        PAST[0].name,
        FIRST,
        FIRST.closes_on,
        5,
        {k: v for k, v in ENDED.bands.items() if "_" not in k or k == "in_courses"},
    )
    registry, _ = shown(old)
    labels = {"kreis": KREIS, "course_type": "all", "result": "qualified"}
    assert registry.get_sample_value("kurslotse_course_results_total", labels) == 20


def test_a_publication_without_some_of_its_parts_counts_for_what_it_tells() -> None:
    bands = {name: band for name, band in BEGUN.bands.items() if name != "within_3_weeks"}
    few = {name: band for name, band in ENDED.bands.items() if name != "qualified"}
    _, text = shown(replace(BEGUN, bands=bands), replace(ENDED, bands=few))
    assert faults(text) == []
    buckets = re.findall(
        r'kurslotse_waiting_seconds_bucket\{course_type="general",kreis="\d+",le="([^"]+)"\} (\S+)', text
    )
    numbers = {end: float(number) for end, number in buckets}
    assert numbers[str(float(BUCKETS[0]))] == 0
    assert numbers["+Inf"] > 0
    assert re.search(r'kurslotse_course_results_total\{.*result="completed"\} 0\.0', text)
