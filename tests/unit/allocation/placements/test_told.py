"""What is told of a step: dates are those of Germany, whatever the clock counts in."""

from datetime import UTC, date, datetime

from schemas.codes import PlacementState
from schemas.placements import EnrolmentEnded
from services.allocation.placements.domain import Step
from services.allocation.placements.messages import tell
from tests.unit.allocation.placements.test_chain_table import course, placement


def test_an_enrolment_ends_on_the_day_in_germany() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    step = Step(placement(PlacementState.CONFIRMED), placement(PlacementState.LEFT))
    (told,) = tell(step, course(), "", late, None, None)
    assert isinstance(told.event.data, EnrolmentEnded)
    assert told.event.data.ended_on == date(2026, 3, 3)
