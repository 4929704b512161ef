"""Defines the events of the gateway: publishers, findings, progress."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.base import Ags5, Code, Payload, Slug
from schemas.bounds import INT4, Int4, Int8, Moment, Params, Text
from schemas.codes import FindingKind, Known, PublisherKind

TypeName = Annotated[str, Field(max_length=128)]
"""The CloudEvents type of an event."""


class PublisherAnnounced(Payload):
    """Who a publisher is and what it may send; the latest version counts."""

    type_: ClassVar[str] = "de.kurslotse.publisher-announced.v1"

    slug: Slug
    name: Text
    kinds: Annotated[tuple[Annotated[Code, Known(PublisherKind)], ...], Field(min_length=1, max_length=10)]
    organisation: Slug
    """The organisation it belongs to; the tenant of the support side."""
    authority: bool = False
    """A body that obliges people (Jobcenter, Ausländerbehörde): writes consent, cannot read it."""
    kreise: Annotated[tuple[Ags5, ...], Field(max_length=500)]
    event_types: Annotated[tuple[TypeName, ...], Field(max_length=200)]
    """CloudEvents types it may send."""
    supplier_ids: Annotated[tuple[Text, ...], Field(max_length=500)] = ()
    """KURSNET SUPPLIER_IDs."""
    active: bool = True
    version: Annotated[int, Field(ge=1, le=INT4)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the gateway speaks about publishers
        """Return the slug (compaction key)."""
        return self.slug


class FindingRaised(Payload):
    """What became of a publisher's record: where it lies and why, never its values.

    `accepted` is a watermark: everything up to `offset` has been judged.
    """

    type_: ClassVar[str] = "de.kurslotse.finding-raised.v1"

    publisher: Slug
    kind: Annotated[Code, Known(FindingKind)]
    code: Code
    topic: Annotated[str, Field(max_length=249)]
    partition: Int4
    offset: Int8
    event_id: Annotated[str, Field(max_length=128)] | None = None
    event_type: TypeName | None = None
    field: Annotated[str, Field(max_length=255)] | None = None
    """Path of the field, for instance `sections.0.starts_on`."""
    params: Params = Field(default_factory=dict)
    """Parameters of the text; never values out of the record."""
    raised_at: Moment

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - findings are told to whom they concern
        """Return the slug."""
        return self.publisher


class PublisherProgressed(Payload):
    """Everything accepted from this publisher before `until` lies below the offsets."""

    type_: ClassVar[str] = "de.kurslotse.publisher-progressed.v1"

    publisher: Slug
    until: Moment
    """Business time T."""
    offsets: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")], Int8], Field(max_length=1000)
    ]
    """Partition of its `in` topic (as text) -> end offset."""

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the gateway speaks about publishers
        """Return the slug."""
        return self.publisher
