"""Defines the erasure event of allocation, which names nobody, and what each service says it has erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import Code, Part, Payload, Slug
from schemas.bounds import INT4, Moment, OwnDate, Text

Tombstone = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""HMAC-SHA256 of a participant id under the installation's key, in hexadecimal digits."""

ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$")]

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(?:\.[a-z_]+){0,2}$", max_length=128)]
"""A table, or a column of one, for instance `placement` or `runtime.parked`."""


class ParticipantErased(Payload):
    """A person is to be erased everywhere. Readers find whom by the HMACs of the ids they hold."""

    type_: ClassVar[str] = "de.kurslotse.participant-erased.v1"

    erasure: UUID
    """Random; reports are found by it."""
    tombstones: Annotated[tuple[Tombstone, ...], Field(min_length=1, max_length=100)]
    """One for each id of the person."""
    office: Slug
    """The registering office that asked for it."""
    erased_on: OwnDate
    decided_at: Moment

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the erasure is named by id
        """Return the erasure id."""
        return str(self.erasure)


class Erased(Part):
    """What was done to the rows of one table."""

    table: ColumnName
    rows: Annotated[int, Field(ge=1, le=INT4)]
    how: Code
    """deleted or pseudonymised."""


def erased_rows(
    counts: Mapping[str, int], *, pseudonymised: Collection[str] = frozenset()
) -> tuple[Erased, ...]:
    """Tell what was done to the rows of each table, those without rows left out."""
    return tuple(
        Erased(table=table, rows=rows, how="pseudonymised" if table in pseudonymised else "deleted")
        for table, rows in sorted(counts.items())
        if rows
    )


class Kept(Part):
    """What stays of the person, why, and until when."""

    what: Text
    basis: Text
    """The paragraph, or who has set the period."""
    until: OwnDate | None = None
    """Last day; None: for as long as `basis` says, without any reference to the person."""


class ErasureAcknowledged(Payload):
    """A service has erased a person."""

    type_: ClassVar[str] = "de.kurslotse.erasure-acknowledged.v1"

    erasure: UUID
    service: ServiceName
    acknowledged_at: Moment
    erased: Annotated[tuple[Erased, ...], Field(max_length=100)]
    kept: Annotated[tuple[Kept, ...], Field(max_length=100)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the erasure is named by id
        """Return the erasure id."""
        return str(self.erasure)
