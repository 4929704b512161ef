"""The counsellors of the invented offices at their inbox: some are quick, some slow, some never come."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from services.simulator.desk import SignedIn


class InboxCounsellors:
    """Works through the inbox of each office that has somebody in the demo."""

    def __init__(self, seed: int, offices: Mapping[str, SignedIn]) -> None:
        self._seed = seed
        self._offices = offices

    async def work(self, day: date) -> Mapping[str, int]:
        """Look at the open alerts and act on some."""
        return Counter()
