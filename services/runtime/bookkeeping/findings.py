"""Tells publishers what became of their records: where each lies and why, never its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.codes import FindingKind
from schemas.envelope import Event, Problem
from schemas.gateway import FindingRaised
from services.runtime.events.records import position_uuid
from services.runtime.events.subscription import RecordPosition
from services.runtime.send.outbox import Outgoing, effect_id

_FIELD_LENGTH = 255
_MOST_PER_RECORD = 10


@dataclass(frozen=True, slots=True)
class FindingsWriter:
    """Writes the findings of one subscription as events for `topic`.

    `occasion` is the technical time of the decision: a record decided again gets findings of its own.
    `now` is the business time at which findings are raised.
    """

    topic: str
    source: str
    cluster: str
    occasion: str
    now: datetime

    def about_record(
        self,
        kind: FindingKind,
        problems: Sequence[Problem],
        position: RecordPosition,
        *,
        publisher: str,
        event_id: str | None,
        event_type: str | None,
        origin: str = "",
    ) -> list[Outgoing]:
        """Return a finding for each problem of a record; `origin` tells two lists about one record apart."""
        return [
            self._finding(
                FindingRaised(
                    publisher=publisher,
                    kind=kind,
                    code=problem.code,
                    topic=position.topic,
                    partition=position.partition,
                    offset=position.offset,
                    event_id=event_id,
                    event_type=event_type,
                    field=problem.field[:_FIELD_LENGTH] if problem.field else None,
                    params=dict(problem.params),
                    raised_at=self.now,
                ),
                position,
                f"{kind}/{origin}{number}",
            )
            for number, problem in enumerate(problems[:_MOST_PER_RECORD])
        ]

    def accepted_up_to(self, watermarks: Mapping[tuple[str, RecordPosition], int]) -> list[Outgoing]:
        """Return a finding for each (publisher, last position): up to there all is decided, `n` applied."""
        return [
            self._finding(
                FindingRaised(
                    publisher=publisher,
                    kind=FindingKind.ACCEPTED,
                    code="accepted",
                    topic=position.topic,
                    partition=position.partition,
                    offset=position.offset,
                    params={"applied": applied},
                    raised_at=self.now,
                ),
                position,
                "accepted",
            )
            for (publisher, position), applied in watermarks.items()
        ]

    def _finding(self, data: FindingRaised, position: RecordPosition, what: str) -> Outgoing:
        cause = position_uuid(self.cluster, position)
        id_ = effect_id(cause, f"finding/{self.occasion}/{what}", data.publisher)
        event = Event(
            id=str(id_), type=FindingRaised.type_, source=self.source, time=data.raised_at, data=data
        )
        return Outgoing(id_, self.topic, data.publisher, event)
