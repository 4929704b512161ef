"""How it stands with a person is one sentence, and what happens next says by when and by whom."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.allocation.console.context.clocks import RunningClock
from services.allocation.console.context.visit import Moment
from services.allocation.console.stories.person import Facts, story_of
from services.allocation.law.rulebook import load_rulebook
from services.allocation.participants.waiting import Entitlements
from services.runtime.web.languages import Texts

TODAY = date(2026, 3, 2)
TEXTS = Texts("en", ())
RULES = load_rulebook().on(TODAY)
MOMENT = Moment(datetime(2026, 3, 2, 9, tzinfo=UTC), TODAY, date(2026, 3, 30), Entitlements.of(RULES), RULES)


def person(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {
        "reference": "N-1", "status": "active", "office": "jobcenter", "office_name": "Jobcenter Mitte",
        "waiting_since": date(2026, 1, 5), "earliest_start": None, "withdrawn_on": None,
        "withdraw_reason": None, "merged_into": None,
    } | changes  # fmt: skip


def place(state: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {
        "state": state, "course_title": "Deutsch A1", "course_number": "K-7", "provider": "vhs",
        "provider_name": "VHS", "starts_on": date(2026, 4, 13), "ends_on": date(2026, 12, 1),
        "expires_at": datetime(2026, 3, 12, 23, tzinfo=UTC), "entry_section": 2, "host_title": None,
    } | changes  # fmt: skip


def told(**changes: Any) -> tuple[str, list[tuple[str, str, str]]]:  # noqa: ANN401 - facts
    facts = {
        "person": person(), "place": None, "offer": None, "hold": None, "clocks": (), "lapsed": False,
        "steered": "Every day from 6 o'clock on.", "step": "",
    } | changes  # fmt: skip
    story = story_of(TEXTS, Facts(**facts), MOMENT)
    return story.now, [(one.what, one.when, one.who) for one in story.ahead]


def test_who_waits_is_steered_next_and_clocks_run() -> None:
    now, ahead = told(clocks=(RunningClock("certificate", date(2026, 5, 1)),))
    assert now == "Waits for a place since 5 Jan 2026, 56 days by now."
    assert ahead == [
        (
            "The next steering run looks for a place.",
            "Every day from 6 o'clock on.",
            "steering; then the coordination confirms",
        ),
        ("Entitlement is valid until", "1 May 2026", "Jobcenter Mitte"),
    ]


def test_a_passed_clock_is_nothing_to_come() -> None:
    _, ahead = told(clocks=(RunningClock("certificate", date(2026, 2, 1)),), lapsed=True)
    assert [what for what, _, _ in ahead] == ["The entitlement is extended, or another course type is told."]


@pytest.mark.parametrize(
    ("until", "ahead"),
    [
        (date(2026, 4, 1), ("Steered again.", "from 1 Apr 2026 on", "nobody, it happens by itself")),
        (None, ("Somebody ends the hold.", "", "the coordination")),
    ],
)
def test_who_is_on_hold_is_not_said_to_be_steered(until: date | None, ahead: tuple[str, str, str]) -> None:
    now, to_come = told(hold={"until": until})
    assert now.startswith("Is on hold")
    assert to_come == [ahead]


@pytest.mark.parametrize(
    ("state", "changes", "now", "first"),
    [
        (
            "proposed",
            {},
            "A place is proposed",
            ("before the course begins on 13 Apr 2026", "the coordination"),
        ),
        (
            "sent_to_authority",
            {},
            "A place is proposed, and the BAMF",
            ("before the course begins on 13 Apr 2026", "BAMF"),
        ),
        ("reserved", {}, "A seat is held", ("until 12 Mar 2026", "Jobcenter Mitte")),
        ("accepted", {}, "The person takes the place", ("before the course begins on 13 Apr 2026", "VHS")),
        ("confirmed", {}, "The place is settled", ("on 13 Apr 2026", "VHS")),
        ("confirmed", {"starts_on": date(2026, 2, 2)}, "Sits in", ("on 1 Dec 2026", "VHS")),
        ("started", {"starts_on": date(2026, 2, 2)}, "Sits in", ("on 1 Dec 2026", "VHS")),
        ("interrupted", {"starts_on": date(2026, 2, 2)}, "Pauses in", ("on 1 Dec 2026", "VHS")),
    ],
)
def test_each_state_of_a_place_says_whose_word_it_waits_for(
    state: str, changes: dict[str, Any], now: str, first: tuple[str, str]
) -> None:
    said, ahead = told(place=place(state, **changes))
    assert said.startswith(now)
    assert "Deutsch A1 (no. K-7, VHS)" in said
    assert ahead[0][1:] == first


def test_a_step_that_is_due_waits_for_the_coordination() -> None:
    for state, step in (("reserved", "expire"), ("confirmed", "start"), ("started", "complete")):
        _, ahead = told(place=place(state, starts_on=date(2026, 2, 2)), step=step)
        assert ahead[0][2] == "the coordination", state


def test_a_course_that_has_begun_meanwhile_is_not_waited_for() -> None:
    _, ahead = told(place=place("sent_to_authority", starts_on=TODAY))
    assert ahead[0][1] == "at once: the course began on 2 Mar 2026"


def test_a_merged_course_is_told_before_the_answer() -> None:
    _, ahead = told(place=place("reserved", host_title="Deutsch A1 West"))
    assert "merged with Deutsch A1 West" in ahead[0][0]


def test_a_better_place_beside_a_held_one_is_not_lost() -> None:
    _, ahead = told(place=place("confirmed"), offer=place("proposed", course_title="Deutsch nah"))
    assert "Deutsch nah" in ahead[-1][0]


def test_a_course_of_a_neighbour_that_is_not_seen_is_no_error() -> None:
    hidden = place("reserved", course_title=None, course_number=None, starts_on=None, ends_on=None)
    now, ahead = told(place=hidden)
    assert "a course of another Kreis" in now
    assert ahead


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({"reference": "erased", "status": "withdrawn"}, "The person was erased"),
        ({"status": "merged"}, "The registration belongs to another one"),
        (
            {"status": "withdrawn", "withdrawn_on": TODAY, "withdraw_reason": "moved"},
            "Not on the list since 2 Mar 2026: moved away.",
        ),
        ({"status": "withdrawn", "withdrawn_on": TODAY}, "Not on the list since 2 Mar 2026: another reason."),
        ({"status": "left"}, "Not on the list any more."),
    ],
)
def test_who_is_off_the_list_has_no_next_step(changes: dict[str, Any], now: str) -> None:
    said, ahead = told(person=person(**changes))
    assert said.startswith(now)
    assert not [one for one in ahead if "steering" in one[0]]


def test_what_became_of_a_course_is_named() -> None:
    for status, begins in (("completed", "Has completed"), ("left", "No longer attends")):
        now, _ = told(person=person(status=status), place=place(status))
        assert now.startswith(begins)
        assert "K-7" in now
