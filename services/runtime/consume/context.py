"""Holds what all subscriptions of one service share while they process batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping.findings import FindingsWriter
from services.runtime.consume.outcome import BatchOutcome
from services.runtime.events.records import Reader
from services.runtime.events.subscription import Subscription


@dataclass(frozen=True, slots=True)
class ConsumerContext:
    """The subscriptions by name, the reader of records, the cluster's id, and limits.

    `source` is the CloudEvents source of findings. `parked_limit` is the number of events of one topic that
    may be parked, `breaker_limit` the number of refusals in a row that pause a partition. A record on which
    its reader fails is tried `crash_tries` times; `crash_limit` of those in a row pause a partition too.
    """

    subscriptions: Mapping[str, Subscription]
    reader: Reader
    cluster: str
    source: str
    parked_limit: int
    breaker_limit: int
    identity_key: IdentityKey
    crash_tries: int = 3
    crash_limit: int = 3

    def new_outcome(self, subscription: Subscription, now: datetime, *, in_order: bool) -> BatchOutcome:
        """Begin to collect consequences; `in_order` if records are taken in the order of their offsets."""
        occasion = datetime.now(UTC).isoformat()
        findings = FindingsWriter(subscription.findings or "", self.source, self.cluster, occasion, now)
        return BatchOutcome(subscription, findings, in_order=in_order)
