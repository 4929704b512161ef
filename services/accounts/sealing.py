"""Derives keys from the service's secret; seals what only this service may read again."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class SealError(Exception):
    """Something was not sealed here, or for another purpose, or under another secret."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """Keys of one service; each use has its own, so that nothing made for one opens another."""

    secret: str = field(repr=False)

    def _key(self, use: str) -> bytes:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"kurslotse accounts {use}".encode())
        return derived.derive(self.secret.encode())

    def digest(self, use: str, content: bytes) -> bytes:
        """Return a keyed hash (HMAC-SHA256)."""
        return hmac.digest(self._key(f"digest {use}"), content, "sha256")

    def seal(self, use: str, about: str, content: bytes) -> bytes:
        """Encrypt content for one use and one thing (AES-256-GCM)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self._key(use)).encrypt(nonce, content, about.encode())

    def unseal(self, use: str, about: str, sealed: bytes) -> bytes:
        """Return what was sealed for this use and thing.

        Raises:
            SealError: it was not.
        """
        try:
            return AESGCM(self._key(use)).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError("not sealed here") from error


def hashed(token: str) -> bytes:
    """Return the hash under which the database knows a random token."""
    return hashlib.sha256(token.encode()).digest()
