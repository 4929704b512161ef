"""Says when a period is closed: a quarter, eight weeks after its last day."""

from dataclasses import dataclass
from datetime import date, timedelta

SETTLING = timedelta(weeks=8)
"""Time for what is reported late, and for the law's six weeks until a course starts (IntV § 7(4))."""


@dataclass(frozen=True, order=True, slots=True)
class Quarter:
    """Three months of a calendar year; `first` is the first day."""

    first: date

    def __post_init__(self) -> None:
        """Refuse another day.

        Raises:
            ValueError: a quarter does not begin on that day.
        """
        if self.first.day != 1 or self.first.month % 3 != 1:
            raise ValueError("no quarter begins on this day")

    @property
    def last(self) -> date:
        """The last day."""
        year, month = divmod(self.first.year * 12 + self.first.month + 2, 12)
        return date(year, month + 1, 1) - timedelta(days=1)

    @property
    def closes_on(self) -> date:
        """The first day on which the quarter is counted."""
        return self.last + SETTLING

    @property
    def months(self) -> tuple[str, ...]:
        """The months, as YYYY-MM."""
        return tuple(f"{self.first.year}-{self.first.month + n:02}" for n in range(3))


def quarter_of(day: date) -> Quarter:
    """Return the quarter of a day.

    >>> quarter_of(date(2026, 5, 31)).first, quarter_of(date(2026, 5, 31)).last
    (datetime.date(2026, 4, 1), datetime.date(2026, 6, 30))
    """
    return Quarter(date(day.year, (day.month - 1) // 3 * 3 + 1, 1))


def last_closed(today: date) -> Quarter:
    """Return the latest quarter that is closed; older ones that nobody counted in time stay untold.

    >>> last_closed(date(2026, 5, 25)).first, last_closed(date(2026, 5, 26)).first
    (datetime.date(2025, 10, 1), datetime.date(2026, 1, 1))
    """
    return quarter_of(quarter_of(today - SETTLING + timedelta(days=1)).first - timedelta(days=1))
