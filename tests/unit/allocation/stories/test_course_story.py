"""How it stands with a course is one sentence, and what happens next says by when and by whom."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.allocation.console.stories.course import story_of
from services.runtime.web.languages import Texts

TODAY = date(2026, 3, 2)
TEXTS = Texts("en", ())


def course(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {
        "state": "announced", "starts_on": date(2026, 4, 13), "ends_on": date(2026, 12, 1), "ended_on": None,
        "cancel_reason": None, "merged_into": None, "host_title": None, "below_minimum": False, "least": 12,
        "protected": False, "registration_until": None, "provider": "vhs", "provider_name": "VHS",
    } | changes  # fmt: skip


def told(row: dict[str, Any], **more: Any) -> tuple[str, list[str]]:  # noqa: ANN401 - of the story
    story = story_of(TEXTS, row, more.pop("sections", ()), TODAY, **more)
    return story.now, [one.what for one in story.ahead]


@pytest.mark.parametrize(
    ("changes", "ruling", "now"),
    [
        ({}, None, "Begins on 13 Apr 2026."),
        ({"below_minimum": True}, None, "Begins on 13 Apr 2026, and has too few people so far."),
        ({"below_minimum": True}, "start", "Begins on 13 Apr 2026, also below its minimum."),
        ({}, "close", "Does not start: the coordination has decided so."),
        ({"merged_into": "x", "host_title": "West"}, "close", "Does not start: it was merged with West."),
        ({"starts_on": TODAY}, None, "Runs since 2 Mar 2026, until 1 Dec 2026."),
        (
            {"starts_on": date(2025, 1, 1), "ends_on": date(2026, 3, 1)},
            None,
            "Should have ended on 1 Mar 2026",
        ),
        (
            {"state": "cancelled", "ended_on": TODAY, "cancel_reason": "no_room"},
            None,
            "Was cancelled on 2 Mar 2026: no room.",
        ),
        ({"state": "completed", "ended_on": TODAY}, None, "Is over since 2 Mar 2026."),
    ],
)
def test_how_it_stands(changes: dict[str, Any], ruling: str | None, now: str) -> None:
    said, _ = told(course(**changes), ruling=ruling and {"decision": ruling})
    assert said.startswith(now)


def test_what_is_due_comes_first_and_what_is_over_has_nothing_more() -> None:
    _, ahead = told(course(starts_on=TODAY), due={"start": 3, "complete": 0})
    assert ahead[0] == "The first day has come: note who has started."
    assert told(course(state="completed", ended_on=TODAY))[1] == ["Nothing more."]


def test_what_does_not_start_waits_for_the_provider_only() -> None:
    assert told(course(merged_into="x", host_title="West"))[1] == ["The provider cancels it."]


def test_the_minimum_decides_unless_somebody_or_the_policy_does() -> None:
    minimum = "The minimum decides whether it starts, if nobody else does."
    assert minimum in told(course())[1]
    assert minimum not in told(course(), ruling={"decision": "start"})[1]
    assert minimum not in told(course(protected=True))[1]
    assert minimum not in told(course(least=None))[1]


def test_people_who_wait_for_a_word_are_told_with_the_first_deadline() -> None:
    people = [
        {"state": "proposed", "expires_at": None},
        {"state": "reserved", "expires_at": datetime(2026, 3, 12, 23, tzinfo=UTC)},
        {"state": "reserved", "expires_at": datetime(2026, 3, 9, 23, tzinfo=UTC)},
        {"state": "accepted", "expires_at": None},
    ]
    story = story_of(TEXTS, course(), (), TODAY, people=people)
    assert [one.when for one in story.ahead if one.what.startswith("Answers")] == [
        "the first until 9 Mar 2026"
    ]
    assert "Proposals are confirmed, or decided otherwise." in [one.what for one in story.ahead]
    assert "The provider confirms accepted places." in [one.what for one in story.ahead]


def test_the_next_section_is_told_once() -> None:
    sections = [{"number": n, "starts_on": date(2026, n, 1)} for n in range(1, 13)]
    ahead = told(course(starts_on=date(2026, 1, 1)), sections=sections)[1]
    assert [one for one in ahead if one.startswith("Section")] == ["Section 4 begins."]
