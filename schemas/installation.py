"""Defines the event that says which installation a broker's topics belong to."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from schemas.base import Code, Payload
from schemas.codes import InstallationKind, Known


class InstallationAnnounced(Payload):
    """Which installation these topics belong to; every process compares it with its database."""

    type_: ClassVar[str] = "de.kurslotse.installation-announced.v1"

    id: UUID
    kind: Annotated[Code, Known(InstallationKind)]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the administration speaks about itself
        """Return the one compaction key of the topic."""
        return "installation"
