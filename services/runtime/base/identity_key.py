"""Turns hashes and ids that could be guessed into HMACs under the installation's key."""

import base64
import hmac
from functools import cache
from uuid import UUID

_KEY = 32


class IdentityKey:
    """The secret that all services of an installation hold and none of their databases does.

    Each use has a key of its own, so that a value stored for one says nothing about another.
    """

    __slots__ = ("_of_use",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY:
            msg = "the identity key must have 32 bytes"
            raise ValueError(msg)
        self._of_use = cache(lambda use: hmac.digest(secret, b"kurslotse/" + use.encode(), "sha256"))

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return "IdentityKey(...)"

    @classmethod
    def from_text(cls, text: str) -> "IdentityKey":
        """Read base64 of 32 bytes.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(base64.b64decode(text, validate=True))
        except ValueError as error:
            msg = "KURSLOTSE_IDENTITY_KEY must be base64 of 32 bytes"
            raise ValueError(msg) from error

    def of_event(self, digest: bytes) -> bytes:
        """Return what is stored for an event whose canonical JSON has this SHA-256."""
        return hmac.digest(self._of_use("event"), digest, "sha256")

    def of_row(self, digest: bytes) -> bytes:
        """Return what is stored for a row of a file that has this SHA-256."""
        return hmac.digest(self._of_use("row"), digest, "sha256")

    def of_file(self, digest: bytes) -> bytes:
        """Return what is stored for a file that has this SHA-256."""
        return hmac.digest(self._of_use("file"), digest, "sha256")

    def tombstone(self, subject: UUID) -> bytes:
        """Return what is stored for somebody who was erased."""
        return hmac.digest(self._of_use("erased"), subject.bytes, "sha256")

    def of_person(self, person: UUID) -> bytes:
        """Return the name under which a person's secret is stored."""
        return hmac.digest(self._of_use("person"), person.bytes, "sha256")

    def stand_in(self, person: UUID) -> bytes:
        """Return what stands for a person (16 bytes) where their id may not be stored."""
        return hmac.digest(self._of_use("stand-in"), person.bytes, "sha256")[:16]

    def likeness_key(self, organisation: str) -> bytes:
        """Return the key of an organisation's fingerprints of people."""
        return hmac.digest(self._of_use("likeness"), organisation.encode(), "sha256")

    def of_consent(self, participant: UUID, office: str, purpose: str) -> bytes:
        """Return what proves a consent to somebody who knows whose it was."""
        message = b"\x00".join((participant.bytes, office.encode(), purpose.encode()))
        return hmac.digest(self._of_use("consent"), message, "sha256")
