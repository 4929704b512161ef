"""Remembers for a while what may be used only once."""

import time
from collections import OrderedDict
from collections.abc import Callable


class Once:
    """A bounded memory of this process for values that were used; each is forgotten after `seconds`.

    When it is full, it refuses new values instead of forgetting early.
    """

    def __init__(
        self, seconds: float, *, most: int = 10_000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most, self._monotonic = seconds, most, monotonic
        self._used: OrderedDict[str, float] = OrderedDict()

    def use(self, value: str) -> bool:
        """Return whether this is the first use.

        >>> once = Once(60)
        >>> once.use("a"), once.use("a"), once.use("b")
        (True, False, True)
        """
        now = self._monotonic()
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        if value in self._used or len(self._used) >= self._most:
            return False
        self._used[value] = now + self._seconds
        return True
