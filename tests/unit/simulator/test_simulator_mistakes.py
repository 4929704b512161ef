"""The mistakes of the played publishers, as they are meant: each refusal is expected of one event only."""

from datetime import date, timedelta

from services.simulator.actors.mistakes import make_mistakes
from services.simulator.world.records import Records
from services.simulator.world.state import State

START = date(2025, 10, 6)


def test_an_id_that_is_used_twice_is_right_the_first_time_on_shuffled_days_too() -> None:
    twice = 0
    for seed in range(4):
        records = Records.of(State(seed=seed, start=START, people=50))
        for day in range(250):
            events = make_mistakes(records, START + timedelta(days=day), [])
            reused = [event.wrong for event in events if event.id.startswith("doppelt-")]
            assert reused in ([], [False, True])
            twice += bool(reused)
    assert twice > 20
