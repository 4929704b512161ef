"""Defines what all payloads share: their field types and base classes. Errors never repeat values."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from schemas.bounds import OwnId
from schemas.identity import course_id, participant_id

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$")]
"""Short name of a publisher: lower case letters, digits, hyphens; at most 48."""

Ags5 = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
"""A Kreis: the first five digits of the Amtlicher Gemeindeschlüssel, a string (leading zero)."""

Ags8 = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
"""A municipality: the Amtlicher Gemeindeschlüssel with eight digits."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,48}$")]
"""A code of one of the lists in codes.py; readers accept unknown ones."""


POSTCODE = r"^[0-9]{5}$"

Postcode = Annotated[str, StringConstraints(pattern=POSTCODE)]
"""A German postcode, a string (leading zero)."""

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""A language, ISO 639."""


def _opaque(value: str) -> str:
    if not any(character.isdigit() for character in value):
        raise ValueError("must be an opaque reference with at least one digit, never a name")
    return value


Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$", strip_whitespace=True),
    AfterValidator(_opaque),
]
"""An office's own opaque reference of a person: no spaces, at least one digit, at most 64 characters."""


class Payload(BaseModel):
    """Data of one event type; `type_` is its CloudEvents type, `subject_key` its Kafka key."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    type_: ClassVar[str]

    def subject_key(self, publisher: str) -> str:
        """Return the Kafka key: the course's or the participant's id."""
        raise NotImplementedError


class Part(BaseModel):
    """A value inside a payload."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True
    )


class AboutCourse(Payload):
    """A provider's event about one of its courses."""

    course: OwnId
    """The provider's own id of the course."""

    def course_id(self, publisher: str) -> UUID:
        """Derive the course id from who speaks; events about somebody else's course cannot be expressed."""
        return course_id(publisher, self.course)

    def subject_key(self, publisher: str) -> str:
        """Return the course id."""
        return str(self.course_id(publisher))


class AboutOwnParticipant(Payload):
    """An office's event about a person whom it registered."""

    reference: Reference
    """The office's own opaque reference of the person."""

    def participant_id(self, publisher: str) -> UUID:
        """Derive the participant id from who speaks."""
        return participant_id(publisher, self.reference)

    def subject_key(self, publisher: str) -> str:
        """Return the participant id."""
        return str(self.participant_id(publisher))


class AboutParticipantInCourse(AboutCourse):
    """A provider's event about one person in one of its courses; keyed by the person."""

    participant: UUID
    """The participant id, learnt from the roster or from `kurslotse.out`."""

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - same question, answered by the person
        """Return the participant id."""
        return str(self.participant)
