"""Says when a Kreis is steered, the same on the page of the policy and on that of the runs."""

from collections.abc import Iterator

from services.allocation.policy.domain import Cadence
from services.runtime.web.languages import Texts, msgid

WEEKDAYS = (
    msgid("Monday"), msgid("Tuesday"), msgid("Wednesday"), msgid("Thursday"), msgid("Friday"),
    msgid("Saturday"), msgid("Sunday"),
)  # fmt: skip


def cadence_lines(texts: Texts, cadence: Cadence) -> Iterator[str]:
    """Say when a Kreis is steered, a sentence at a time."""
    if cadence.every == "daily":
        yield texts.gettext(
            "Every day from %(hour)s o'clock on, if something has changed.", hour=cadence.hour
        )
    else:
        yield texts.gettext(
            "Every %(weekday)s from %(hour)s o'clock on, if something has changed.",
            weekday=texts.plain(WEEKDAYS[cadence.weekday]),
            hour=cadence.hour,
        )
    yield texts.gettext(
        "At once when a seat becomes free in a course that starts within %(days)s days.",
        days=cadence.near_start_days,
    )
