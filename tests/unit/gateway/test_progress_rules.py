"""When T may be said, and when it is worth saying."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.progress.domain import (
    STEP,
    Announcement,
    Candidate,
    OutboxSpan,
    settled,
    worth_announcing,
)
from services.runtime.http.buckets import TokenBucket

T0 = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
T1 = T0 + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("candidate", "waiting", "expected"),
    [
        (None, None, T1),  # nothing waits: everything accepted before now is on its topic
        (Candidate(T0, 7), None, T1),
        (None, OutboxSpan(3, 7), None),  # something waits, nothing noted yet
        (Candidate(T0, 7), OutboxSpan(3, 9), None),  # rows of T0's time still wait
        (Candidate(T0, 7), OutboxSpan(7, 9), None),
        (Candidate(T0, 7), OutboxSpan(8, 9), T0),  # only later rows wait: T0 holds, now does not
    ],
)
def test_t_is_announced_once_its_outbox_rows_are_sent(
    candidate: Candidate | None, waiting: OutboxSpan | None, expected: datetime | None
) -> None:
    assert settled(candidate, waiting, T1) == expected


@pytest.mark.parametrize(
    ("until", "offsets", "before", "since", "expected"),
    [
        (T0, {"0": 1}, None, 0.0, True),
        (T0, {"0": 1}, Announcement(T0, {"0": 1}), 99.0, False),
        (T0, {"0": 2}, Announcement(T0, {"0": 1}), 99.0, True),
        (T0, {"0": 2}, Announcement(T0, {"0": 1}), 0.2, False),
        (T0 + STEP, {"0": 1}, Announcement(T0, {"0": 1}), 0.0, True),
        (T0 + STEP / 2, {"0": 1}, Announcement(T0, {"0": 1}), 99.0, False),
        (T0 - STEP, {"0": 9}, Announcement(T0, {"0": 1}), 99.0, False),
    ],
)
def test_what_is_worth_announcing(
    until: datetime, offsets: dict[str, int], before: Announcement | None, since: float, *, expected: bool
) -> None:
    assert worth_announcing(until, offsets, before, since, STEP) is expected


def test_a_token_bucket_gives_tells_how_long_to_wait_and_fills_again() -> None:
    bucket = TokenBucket(rate=10, burst=20, tokens=20, at=0.0)
    assert bucket.take(15, 0.0) == 0
    assert bucket.take(10, 0.0) == pytest.approx(0.5)
    assert bucket.take(10, 0.5) == 0
    assert bucket.take(1000, 2.5) == 0, "more than the burst can only ever be taken from a full bucket"
    assert bucket.take(1, 2.5) == pytest.approx(0.1)
