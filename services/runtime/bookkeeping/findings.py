"""Tells publishers what became of their records: where each lies and why, never its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.codes import FindingKind
from schemas.envelope import Event, Problem
from schemas.gateway import FindingRaised
from services.runtime.events.records import place_uuid
from services.runtime.events.subscription import Place
from services.runtime.send.outbox import Outgoing, effect_id

_FIELD_LENGTH = 255
_AT_MOST = 10  # findings about one record


@dataclass(frozen=True, slots=True)
class Desk:
    """Where findings of one subscription go and who raises them."""

    topic: str
    source: str
    cluster: str
    occasion: str  # technical time of the judgement: a record judged again gets findings of its own


def about_record(
    desk: Desk,
    kind: FindingKind,
    problems: Sequence[Problem],
    place: Place,
    *,
    publisher: str,
    event_id: str | None,
    event_type: str | None,
    now: datetime,
    origin: str = "",
) -> list[Outgoing]:
    """Raise one finding for each problem of a record; `origin` tells two lists about one record apart."""
    return [
        _finding(
            desk,
            FindingRaised(
                publisher=publisher,
                kind=kind,
                code=problem.code,
                topic=place.topic,
                partition=place.partition,
                offset=place.offset,
                event_id=event_id,
                event_type=event_type,
                field=problem.field[:_FIELD_LENGTH] if problem.field else None,
                params=dict(problem.params),
                raised_at=now,
            ),
            place,
            f"{kind}/{origin}{number}",
        )
        for number, problem in enumerate(problems[:_AT_MOST])
    ]


def accepted_up_to(desk: Desk, watermarks: Mapping[tuple[str, Place], int], now: datetime) -> list[Outgoing]:
    """Say of each (publisher, last place) that everything up to there is judged, and how many applied."""
    return [
        _finding(
            desk,
            FindingRaised(
                publisher=publisher,
                kind=FindingKind.ACCEPTED,
                code="accepted",
                topic=place.topic,
                partition=place.partition,
                offset=place.offset,
                params={"applied": applied},
                raised_at=now,
            ),
            place,
            "accepted",
        )
        for (publisher, place), applied in watermarks.items()
    ]


def _finding(desk: Desk, data: FindingRaised, place: Place, what: str) -> Outgoing:
    id_ = effect_id(place_uuid(desk.cluster, place), f"finding/{desk.occasion}/{what}", data.publisher)
    event = Event(id=str(id_), type=FindingRaised.type_, source=desk.source, time=data.raised_at, data=data)
    return Outgoing(id_, desk.topic, data.publisher, event)
