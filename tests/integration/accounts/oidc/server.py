"""Starts a certified OpenID Connect server (npm oidc-provider) for tests."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from services.runtime.web.vendor import OLDEST_NODE, node_of
from tests.serving import REPOSITORY

_PROGRAM = REPOSITORY / "tests" / "fixtures" / "oidc" / "server.mjs"
CLIENT_ID, CLIENT_SECRET = "kurslotse", "invented: of a client/100 %"

PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "ada": {
        "name": "Ada Beispiel",
        "email": "ada@kreis.invalid",
        "email_verified": True,
        "groups": ["kl-koordination", "kantine"],
    },
    "bo": {"name": "Bo Probe", "email": "bo@kreis.invalid", "email_verified": False, "groups": ["kantine"]},
}
"""Invented people -> what the server says about them."""


@cache
def signing_key(kid: str, kind: str = "RSA") -> RSAKey | ECKey:
    """Make a key; the same for the same name."""
    if kind == "EC":
        return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server is told."""

    site: str
    """Address of the site that is its client."""
    path: str = "/sign-in/oidc/kreis"
    keys: Sequence[RSAKey | ECKey] = field(default_factory=lambda: [signing_key("first")])
    signature: str = "RS256"
    issuer: str | None = None
    """The issuer's address if it is not the server's own, because a proxy stands in front."""
    port: int = 0
    clock_offset: int = 0
    claims_in_id_token: bool = False

    def as_json(self) -> str:
        client = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{self.site}{self.path}/return"],
            "post_logout_redirect_uris": [f"{self.site}/sign-in"],
            "backchannel_logout_uri": f"{self.site}{self.path}/logout",
            "backchannel_logout_session_required": True,
            "id_token_signed_response_alg": self.signature,
            "token_endpoint_auth_method": "client_secret_basic",
        }
        return json.dumps(
            {
                "clients": [client],
                "jwks": {"keys": [key.as_dict(private=True) for key in self.keys]},
                "people": PEOPLE,
                "issuer": self.issuer,
                "port": self.port,
                "clockOffset": self.clock_offset,
                "claimsInIdToken": self.claims_in_id_token,
            }
        )


@contextmanager
def server_running(settings: ServerSettings, log: Path) -> Iterator[str]:
    """Run a server and give its address; what it says goes to a log."""
    command = [node_of(OLDEST_NODE), str(_PROGRAM), settings.as_json()]
    with (
        log.open("a") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, f"the OpenID Connect server did not start:\n{log.read_text()}"
            yield address
        finally:
            process.terminate()
