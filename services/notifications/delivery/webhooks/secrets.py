"""Makes and seals the secrets with which webhooks are signed; the key that opens them is in no database."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.notifications.people.keys import Keks

_BYTES, _NONCE, _KEY = 32, 12, 32
_PREFIX = "whsec_"


class UnopenableError(Exception):
    """A sealed secret cannot be opened by any key of this installation; the message holds nothing of it."""


def new_secret() -> bytes:
    """Make a secret."""
    return os.urandom(_BYTES)


def shown(secret: bytes) -> str:
    """Write a secret as Standard Webhooks says receivers enter it.

    >>> shown(bytes(32))
    'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
    """
    return _PREFIX + base64.b64encode(secret).decode()


@dataclass(frozen=True, slots=True)
class SecretSeal:
    """Seals and opens secrets by keys derived from the key-encryption keys."""

    keks: Keks

    def seal(self, secret: bytes, about: UUID) -> tuple[str, bytes]:
        """Return the id of the key, and the sealed secret, bound to its own id."""
        nonce = os.urandom(_NONCE)
        cipher = _cipher(self.keks.by_id, self.keks.current)
        return self.keks.current, nonce + cipher.encrypt(nonce, secret, about.bytes)

    def open(self, kek: str, sealed: bytes, about: UUID) -> bytes:
        """Open a sealed secret.

        Raises:
            UnopenableError: its key is gone, or it was sealed for another id.
        """
        if kek not in self.keks.by_id:
            raise UnopenableError
        try:
            return _cipher(self.keks.by_id, kek).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.bytes)
        except (InvalidTag, ValueError) as error:
            raise UnopenableError from error


def _cipher(keks: Mapping[str, bytes], id_: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=b"kurslotse/webhook")
    return AESGCM(derived.derive(keks[id_]))
