"""Defines the event with weekly suppressed counts from the support side."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.base import Ags5, Code, Part, Payload
from schemas.bounds import INT4, Int4, OwnDate


class Count(Part):
    """One cell; `value` None means suppressed, which is not zero."""

    name: Code
    value: Int4 | None = None


class CountsReported(Payload):
    """Counts of one Kreis and week; cells below k are suppressed, with secondary suppression."""

    type_: ClassVar[str] = "de.kurslotse.counts-reported.v1"

    kreis: Ags5
    week: OwnDate
    """Monday of the reported week."""
    suppressed_below: Annotated[int, Field(ge=1, le=INT4)]
    counts: Annotated[tuple[Count, ...], Field(max_length=1000)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - counts concern a Kreis
        """Return the Kreis."""
        return self.kreis
