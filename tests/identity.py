"""The identity key and the key-encryption key of every installation that tests make."""

import base64

from services.runtime.base.identity_key import IdentityKey

IDENTITY_KEY_TEXT = base64.b64encode(bytes(range(100, 132))).decode()
IDENTITY_KEY = IdentityKey.from_text(IDENTITY_KEY_TEXT)
KEK = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
