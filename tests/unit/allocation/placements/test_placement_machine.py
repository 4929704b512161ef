"""Random lives of placements on the work, without a database: whatever happens, the seats add up."""

from datetime import timedelta
from uuid import UUID, uuid5

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.codes import ENROLLED, SEATED, CourseKind, PlacementState, SectionDecision
from schemas.identity import NAMESPACE
from services.allocation.courses.domain import Course, CourseFacts, Section, announce, rewrite
from services.allocation.placements import domain, running
from services.allocation.placements.domain import (
    LIVE,
    OFFERED,
    Decision,
    Placement,
    Proposal,
    Reason,
    Refusal,
    Step,
    Unchanged,
)
from services.allocation.unit_of_work import UnitOfWork
from tests.allocation.builders import KREIS, NOW, START, WEEK
from tests.allocation.world import FixedTerms

COURSES = [uuid5(NAMESPACE, f"machine/{n}") for n in range(2)]
PEOPLE = [uuid5(NAMESPACE, f"person/{n}") for n in range(3)]
SECTIONS = 3
NUMBERS = st.integers(1, SECTIONS)
WEEKS = st.integers(-4, 20)


def _sections() -> list[Section]:
    return [
        Section(n, START + 5 * WEEK * (n - 1), START + 5 * WEEK * (n - 1) + timedelta(days=30))
        for n in range(1, SECTIONS + 1)
    ]


def _facts(capacity: int, elsewhere: int = 0) -> CourseFacts:
    return CourseFacts("Kurs", "integration_general", CourseKind.INTEGRATION, capacity, elsewhere)


class Lives(RuleBasedStateMachine):
    """Everything that can happen to placements in two courses."""

    @initialize(capacities=st.lists(st.integers(1, 3), min_size=2, max_size=2))
    def begin(self, capacities: list[int]) -> None:
        self.work = UnitOfWork("", NOW, FixedTerms())
        self.count = 0
        self.versions: dict[UUID, int] = {}
        for course, capacity in zip(COURSES, capacities, strict=True):
            written = announce(course, KREIS, "vhs", str(course), _facts(capacity), _sections())
            self.work.put_course(written.course)

    def _placement(self, pick: int) -> Placement | None:
        """Pick one, mostly of those that can still move."""
        live = sorted(id_ for id_, one in self.work.placements.items() if one.state in LIVE)
        ids = live if live and pick % 4 else sorted(self.work.placements)
        return self.work.placements[ids[pick // 4 % len(ids)]] if ids else None

    def _course(self, placement: Placement) -> Course:
        return self.work.courses[placement.course]

    def _take(self, decision: Decision) -> None:
        match decision:
            case Step() as step:
                self.work.take(step, "machine")
            case Unchanged() | Refusal():
                pass

    @rule(person=st.sampled_from(PEOPLE), course=st.sampled_from(COURSES), entry=NUMBERS)
    def propose(self, person: UUID, course: UUID, entry: int) -> None:
        own = self.work.placements_of(person)
        known = self.work.courses[course]
        if domain.obstacle(known, entry, own, START) is not None:
            return
        for old in own:
            if old.state in OFFERED:
                self._take(domain.withdraw_proposal(old, Reason("better_proposal")))
        self.count += 1
        id_ = uuid5(person, str(self.count))
        proposal = Proposal(person, course, entry, Reason("machine"))
        self._take(domain.offer(id_, (person, "office", KREIS), known, proposal, None, NOW))

    @rule(pick=st.integers(1, 50))
    def release(self, pick: int) -> None:
        if found := self._placement(pick):
            others = self.work.placements_of(found.participant)
            until = NOW + timedelta(days=10)
            self._take(domain.reserve(found, self._course(found), others, until, Reason("machine"), START))

    @rule(pick=st.integers(0, 50), days=st.integers(0, 20))
    def expire(self, pick: int, days: int) -> None:
        if found := self._placement(pick):
            self._take(domain.expire(found, NOW + timedelta(days=days)))

    @rule(
        pick=st.integers(0, 50), what=st.sampled_from(["accept", "decline", "confirm", "refuse", "take_back"])
    )
    def answer(self, pick: int, what: str) -> None:
        if found := self._placement(pick):
            reason = Reason("machine")
            match what:
                case "accept":
                    self._take(domain.accept(found, reason))
                case "decline":
                    self._take(domain.decline(found, reason))
                case "confirm":
                    self._take(domain.confirm(found, None))
                case "refuse":
                    self._take(domain.refuse(found, reason))
                case _:
                    self._take(domain.take_back(found, reason))

    @rule(pick=st.integers(0, 50), weeks=WEEKS)
    def start(self, pick: int, weeks: int) -> None:
        if found := self._placement(pick):
            self._take(running.start(found, self._course(found), START + weeks * WEEK))

    @rule(pick=st.integers(0, 50), weeks=WEEKS, kind=st.sampled_from(["moved", "transfer", "other"]))
    def leave(self, pick: int, weeks: int, kind: str) -> None:
        if found := self._placement(pick):
            day = START + weeks * WEEK
            self._take(running.leave(found, self._course(found), kind, day, found.placement))

    @rule(pick=st.integers(0, 50), weeks=WEEKS, kind=st.sampled_from(["moved", "transfer"]))
    def correct_exit(self, pick: int, weeks: int, kind: str) -> None:
        if found := self._placement(pick):
            course, day = self._course(found), START + weeks * WEEK
            decision = running.correct_exit(found, course, kind, day, found.placement)
            if isinstance(decision, Step):
                assert not course.not_over(decision.after.seats, day)
            self._take(decision)

    @rule(pick=st.integers(0, 50))
    def reopen(self, pick: int) -> None:
        if found := self._placement(pick):
            others = self.work.placements_of(found.participant)
            self._take(running.reopen(found, self._course(found), others))

    @rule(
        pick=st.integers(0, 50),
        section=NUMBERS,
        decision=st.sampled_from(SectionDecision),
        onward=st.none() | NUMBERS,
    )
    def after_section(self, pick: int, section: int, decision: str, onward: int | None) -> None:
        if found := self._placement(pick):
            day = START + 5 * WEEK * section
            course = self._course(found)
            self._take(running.after_section(found, course, section, decision, onward, day))

    @rule(course=st.sampled_from(COURSES), capacity=st.integers(1, 4), elsewhere=st.integers(0, 2))
    def change_course(self, course: UUID, capacity: int, elsewhere: int) -> None:
        known = self.work.courses[course]
        self.work.put_course(rewrite(known, KREIS, _facts(capacity, elsewhere), None).course)

    @rule(
        course=st.sampled_from(COURSES),
        weeks=WEEKS,
        how=st.sampled_from(["cancel", "finish", "neither", "neither", "neither"]),
    )
    def end_course(self, course: UUID, weeks: int, how: str) -> None:
        known, day = self.work.courses[course], START + weeks * WEEK
        for placement in self.work.live_in(course):
            if how == "cancel":
                self._take(running.lose_course(placement, known, Reason("machine"), day))
            elif how == "finish":
                self._take(running.finish_course(placement, known, day))

    @invariant()
    def seats_add_up(self) -> None:
        for course in self.work.courses.values():
            for section in course.sections:
                held = sum(
                    section.number in placement.seats
                    for placement in self.work.placements.values()
                    if placement.course == course.course
                )
                assert section.taken == held + course.facts.taken_elsewhere
                assert section.taken <= section.capacity
                assert section.capacity == max(course.facts.capacity, section.taken)

    @invariant()
    def one_place_of_a_kind(self) -> None:
        for person in PEOPLE:
            own = self.work.placements_of(person)
            assert sum(placement.state in SEATED for placement in own) <= 1
            assert sum(placement.state in OFFERED for placement in own) <= 1

    @invariant()
    def states_fit_their_rows(self) -> None:
        for placement in self.work.placements.values():
            assert bool(placement.seats) or placement.state not in SEATED
            assert placement.expires_at is None or placement.state == PlacementState.RESERVED
            assert placement.started_on is not None or placement.state not in {
                PlacementState.STARTED,
                PlacementState.INTERRUPTED,
                PlacementState.COMPLETED,
            }
            if placement.state in OFFERED:
                assert not placement.published
            assert placement.state in LIVE or placement.state not in ENROLLED

    @invariant()
    def versions_only_grow(self) -> None:
        for id_, placement in self.work.placements.items():
            assert placement.version >= self.versions.get(id_, 1)
            self.versions[id_] = placement.version


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
