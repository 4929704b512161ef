"""Defines the events with which the support side tells its published figures to the steering side."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from schemas.base import Ags5, Code, Part, Payload
from schemas.bounds import INT4, Int4, OwnDate


class Count(Part):
    """One cell of a week; `value` None means suppressed."""

    name: Code
    value: Int4 | None = None


class WeeklyCountsReported(Payload):
    """Counts of one Kreis and week. Not sent any more: weeks can be worked out from each other."""

    type_: ClassVar[str] = "de.kurslotse.counts-reported.v1"

    kreis: Ags5
    week: OwnDate
    """Monday of the reported week."""
    suppressed_below: Annotated[int, Field(ge=1, le=INT4)]
    counts: Annotated[tuple[Count, ...], Field(max_length=1000)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - counts concern a Kreis
        """Return the Kreis."""
        return self.kreis


class CountedPart(Part):
    """A part of a figure as a band; without `high` from `low` on, and from 0 on says nothing."""

    name: Code
    low: Int4
    high: Int4 | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.high is not None and self.high < self.low:
            raise ValueError("must not end below where it begins")
        return self


class CountsReported(Payload):
    """A published figure of one Kreis and closed quarter, in bands; said once, never again."""

    type_: ClassVar[str] = "de.kurslotse.counts-reported.v2"

    kreis: Ags5
    figure: Code
    """Name of the figure, as registered."""
    quarter: OwnDate
    """First day of the quarter."""
    counted_on: OwnDate
    k: Annotated[int, Field(ge=3, le=INT4)]
    """Every band holds at least k possible counts."""
    parts: Annotated[tuple[CountedPart, ...], Field(max_length=100)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - figures concern a Kreis
        """Return the Kreis."""
        return self.kreis
