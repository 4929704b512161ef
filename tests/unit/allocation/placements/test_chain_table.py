"""Every answer in every state: a step, nothing, or a refusal that says what to do; nothing raises."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.codes import SEATED, CourseKind, PlacementState
from services.allocation.courses.domain import Course, CourseFacts, Section, announce
from services.allocation.placements import domain, running
from services.allocation.placements.domain import (
    OFFERED,
    Decision,
    Placement,
    Reason,
    Refusal,
    Step,
    Unchanged,
)
from tests.allocation.builders import KREIS, NOW, START, WEEK

ID = UUID(int=1)
WHY = Reason("test")
STATES = [state for state in PlacementState if state != PlacementState.WAITING]
BEFORE_START = START - WEEK
DURING = START + timedelta(days=40)
AFTER = START + timedelta(days=120)


def course() -> Course:
    sections = [
        Section(n, START + 5 * WEEK * (n - 1), START + 5 * WEEK * (n - 1) + timedelta(days=30))
        for n in range(1, 4)
    ]
    facts = CourseFacts("Kurs", "integration_general", CourseKind.INTEGRATION, 2)
    return announce(ID, KREIS, "vhs", "k1", facts, sections).course


def placement(state: PlacementState) -> Placement:
    seated = state in SEATED
    return Placement(
        placement=ID,
        kreis=KREIS,
        participant=ID,
        course=ID,
        provider="vhs",
        office="jobcenter",
        course_kind=CourseKind.INTEGRATION,
        entry_section=1,
        state=state,
        reason=WHY,
        proposed_at=NOW,
        changed_at=NOW,
        seats=(1, 2, 3) if seated else (),
        published=state not in OFFERED,
        expires_at=NOW if state == PlacementState.RESERVED else None,
        started_on=START if state in {PlacementState.STARTED, PlacementState.INTERRUPTED} else None,
        ended_on=AFTER if state in {PlacementState.COMPLETED, PlacementState.COURSE_CANCELLED} else None,
    )


ACTIONS: dict[str, tuple[Callable[[Placement], Decision], set[str]]] = {
    "reserve": (
        lambda p: domain.reserve(p, course(), [], None, WHY, BEFORE_START),
        {"proposed", "sent_to_authority"},
    ),
    "accept": (lambda p: domain.accept(p, WHY), {"reserved"}),
    "decline": (lambda p: domain.decline(p, WHY), {"reserved", "accepted"}),
    "confirm": (lambda p: domain.confirm(p, None), {"reserved", "accepted"}),
    "refuse": (lambda p: domain.refuse(p, WHY), {"reserved", "accepted", "confirmed"}),
    "expire": (lambda p: domain.expire(p, NOW + WEEK), {"reserved"}),
    "withdraw_proposal": (lambda p: domain.withdraw_proposal(p, WHY), {"proposed", "sent_to_authority"}),
    "give_up": (lambda p: domain.give_up(p, WHY), {"reserved", "accepted", "confirmed"}),
    "take_back": (
        lambda p: domain.take_back(p, WHY),
        {"proposed", "sent_to_authority", "reserved", "accepted", "confirmed"},
    ),
    "send_to_authority": (domain.send_to_authority, {"proposed"}),
    "start": (lambda p: running.start(p, course(), START), {"confirmed"}),
    "leave": (
        lambda p: running.leave(p, course(), "work", DURING, ID),
        {"reserved", "accepted", "confirmed", "started", "interrupted"},
    ),
    "correct_exit": (
        lambda p: running.correct_exit(p, course(), "moved", DURING, ID),
        {"left", "transferred"},
    ),
    "correct_end": (
        lambda p: running.correct_end(p, replace(course(), ended_on=AFTER), DURING),
        {"completed", "course_cancelled"},
    ),
    "reopen": (lambda p: running.reopen(p, course(), []), {"left", "transferred"}),
    "section": (
        lambda p: running.after_section(p, course(), 1, "skips", None, DURING),
        {"confirmed", "started", "interrupted"},
    ),
    "lose_course": (
        lambda p: running.lose_course(p, course(), WHY, DURING),
        {"proposed", "sent_to_authority", "reserved", "accepted", "confirmed", "started", "interrupted"},
    ),
    "finish_course": (
        lambda p: running.finish_course(p, course(), DURING),
        {"proposed", "sent_to_authority", "reserved", "accepted", "confirmed", "started", "interrupted"},
    ),
}


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("state", STATES)
def test_who_may_step(name: str, state: PlacementState) -> None:
    action, from_states = ACTIONS[name]
    decision = action(placement(state))
    assert isinstance(decision, Step) == (state in from_states), decision
    match decision:
        case Step(before, after):
            assert before == placement(state)
            assert bool(after.seats) == (after.state in SEATED) or after.state in {
                "left",
                "completed",
                "transferred",
                "course_cancelled",
            }
        case Unchanged(code) | Refusal(code):
            assert code


def test_an_unanswered_reservation_waits_until_its_time_is_over() -> None:
    reserved = placement(PlacementState.RESERVED)
    assert domain.expire(reserved, NOW) == Unchanged("not_due")
    assert isinstance(domain.expire(reserved, NOW + timedelta(seconds=1)), Step)
    assert domain.expire(replace(reserved, expires_at=None), NOW + WEEK) == Unchanged("not_due")


def test_a_full_course_a_rival_and_an_ended_one_stand_against_a_release() -> None:
    offered = placement(PlacementState.PROPOSED)
    full = course().seat({3: 2})
    assert domain.reserve(offered, full, [], None, WHY, START) == Refusal("no_seat", {"section": 3})
    rival = replace(placement(PlacementState.ACCEPTED), placement=UUID(int=2))
    assert domain.reserve(offered, course(), [rival], None, WHY, START) == Refusal("already_placed")
    ended = replace(course(), state="cancelled")
    assert domain.reserve(offered, ended, [], None, WHY, START) == Refusal(
        "course_over", {"state": "cancelled"}
    )
    assert domain.reserve(offered, course(), [], None, WHY, START + 6 * WEEK) == Refusal(
        "section_over", {"section": 1}
    )


def test_a_late_acceptance_is_told_apart() -> None:
    codes = {
        state: decision.code
        for state in STATES
        if isinstance(decision := domain.accept(placement(state), WHY), Refusal)
    }
    assert codes == {
        "proposed": "not_reserved",
        "sent_to_authority": "not_reserved",
        "superseded": "not_reserved",
        "expired": "reservation_expired",
        "declined": "already_declined",
        "refused": "placement_over",
        "released": "placement_over",
        "course_cancelled": "placement_over",
        "left": "placement_over",
        "transferred": "placement_over",
    }


def test_an_own_number_told_later_is_echoed() -> None:
    confirmed = placement(PlacementState.CONFIRMED)
    decision = domain.confirm(confirmed, "T-17")
    assert isinstance(decision, Step)
    assert (decision.after.state, decision.after.own_number) == ("confirmed", "T-17")
    assert domain.confirm(decision.after, "T-17") == Unchanged("already_confirmed")
