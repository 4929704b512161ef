"""Counts by token buckets: how often somebody may do something, and who has failed too often."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network


@dataclass(slots=True)
class TokenBucket:
    """A token bucket: `rate` a second, at most `burst` at once."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, number: int, now: float) -> float:
        """Take tokens; return 0, or the seconds to wait (then nothing was taken)."""
        wait = self.wait(number, now)
        if not wait:
            self.tokens -= min(float(number), self.burst)
        return wait

    def settle(self, taken: int, due: int, now: float) -> float:
        """Take or give back what `due` differs from what `take` took; return 0, or the seconds to wait.

        Where too little is there for what is due, nothing further is taken and nothing is given back.
        """
        more = min(float(due), self.burst) - min(float(taken), self.burst)
        self.wait(0, now)
        if more > self.tokens:
            return self.wait(due, now)
        self.tokens = min(self.burst, self.tokens - more)
        return 0.0

    def wait(self, number: int, now: float) -> float:
        """Return the seconds until so many tokens are there, 0 if they are."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, min(float(number), self.burst) - self.tokens) / self.rate


@dataclass(slots=True)
class Failures:
    """Failed attempts to prove who one is, by source; knows the latest `most` sources only."""

    monotonic: Callable[[], float]
    rate: float
    burst: float
    most: int = 10_000
    _buckets: OrderedDict[str, TokenBucket] = field(default_factory=OrderedDict)

    def count(self, source: str) -> None:
        """Count a failure."""
        now = self.monotonic()
        bucket = self._buckets.pop(source, None) or TokenBucket(self.rate, self.burst, self.burst, now)
        self._buckets[source] = bucket
        while len(self._buckets) > self.most:
            self._buckets.popitem(last=False)
        bucket.take(1, now)

    def wait_of(self, source: str) -> int:
        """Return 0, or the whole seconds to wait for who has failed too often."""
        bucket = self._buckets.get(source)
        return 0 if bucket is None else math.ceil(bucket.wait(1, self.monotonic()))

    def __len__(self) -> int:
        return len(self._buckets)


def source_of(host: str) -> str:
    """Return what counts as one source: an address, or the /64 of an IPv6 address.

    >>> source_of("2001:db8::1:2"), source_of("192.0.2.1")
    ('2001:db8::/64', '192.0.2.1')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)
