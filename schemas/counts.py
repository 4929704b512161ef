"""Defines the event with weekly suppressed counts from the support side."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.base import Ags5, Code, Part, Payload


class Count(Part):
    """One cell; `value` None means suppressed, which is not zero."""

    name: Code
    value: Annotated[int, Field(ge=0)] | None = None


class CountsReported(Payload):
    """Counts of one Kreis and week; cells below k are suppressed, with secondary suppression."""

    type_: ClassVar[str] = "de.kurslotse.counts-reported.v1"

    kreis: Ags5
    week: date
    """Monday of the reported week."""
    suppressed_below: Annotated[int, Field(ge=1)]
    counts: tuple[Count, ...]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - counts concern a Kreis
        """Return the Kreis."""
        return self.kreis
