"""Defines how the steering side tells what was agreed about a reported need; nobody is named in it."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.base import Ags5, Code, Payload
from schemas.bounds import CONTROLS, INT4, OwnDate, on_one_line
from schemas.codes import Known, Need


class MeasureStated(Payload):
    """A measure as it stands: recorded, or ended; readers drop versions that are not newer."""

    type_: ClassVar[str] = "de.kurslotse.measure-stated.v1"

    measure: UUID
    version: Annotated[int, Field(ge=1, le=INT4)]
    kreis: Ags5
    need: Annotated[Code, Known(Need)]
    agreed: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=rf"^[^{CONTROLS}]*$"),
        BeforeValidator(on_one_line),
    ]
    """What was agreed and with whom."""
    course: UUID | None = None
    """The course in which it is done; None: it concerns no single one."""
    begins_on: OwnDate
    ended_on: OwnDate | None = None

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - a measure concerns a Kreis
        """Return the Kreis."""
        return self.kreis
