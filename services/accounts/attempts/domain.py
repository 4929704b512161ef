"""Says how long an account or a source has to wait after failed sign-ins."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """So many failures cost nothing; the next one costs `first` seconds, each further one twice as much."""

    free: int
    first: float
    most: float

    def delay_after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row.

        >>> [ACCOUNT.delay_after(n) for n in (1, 4, 5, 6, 7, 30)]
        [0.0, 0.0, 30.0, 60.0, 120.0, 900.0]
        """
        over = failures - self.free
        return 0.0 if over <= 0 else min(self.most, self.first * 2.0 ** min(over - 1, 20))


ACCOUNT = Patience(free=4, first=30.0, most=900.0)
"""An attacker must not be able to shut somebody out for long: passkeys are not counted here."""
SOURCE = Patience(free=29, first=60.0, most=3600.0)
"""Many people may come from one address of a town hall."""
