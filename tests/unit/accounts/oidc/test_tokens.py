"""Tests which signatures and keys are believed, without a server."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from services.accounts.oidc.failures import OidcError, Reason
from services.accounts.oidc.server import ALGORITHMS, read_keys
from services.accounts.oidc.tokens import UnknownKeyError, decode

_ANY = JWSRegistry(algorithms=["HS256", "RS256", "ES256"], strict_check_header=False)
SHARED = OctKey.generate_key(256, {"kid": "shared"})
OWN = ECKey.generate_key("P-256", {"kid": "own"})


def _signed(header: dict[str, str], key: OctKey | ECKey) -> str:
    return jwt.encode(header, {"sub": "ada"}, key, registry=_ANY)


def test_a_public_key_of_the_server_is_believed() -> None:
    assert decode(_signed({"alg": "ES256", "kid": "own"}, OWN), KeySet([OWN]), ALGORITHMS).claims == {
        "sub": "ada"
    }


def test_a_shared_secret_signs_nothing_even_if_it_is_among_the_keys() -> None:
    with pytest.raises(OidcError) as caught:
        decode(_signed({"alg": "HS256", "kid": "shared"}, SHARED), KeySet([SHARED]), ALGORITHMS)
    assert caught.value.reason is Reason.TOKEN_FORGED


@pytest.mark.parametrize("algorithms", [(), ("RS256",)])
def test_only_signatures_that_the_server_announces_are_believed(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(OidcError):
        decode(_signed({"alg": "ES256", "kid": "own"}, OWN), KeySet([OWN]), algorithms)


def test_an_unknown_key_is_told_apart_from_a_wrong_signature() -> None:
    with pytest.raises(UnknownKeyError):
        decode(_signed({"alg": "ES256", "kid": "other"}, OWN), KeySet([OWN]), ALGORITHMS)
    other = ECKey.generate_key("P-256", {"kid": "own"})
    with pytest.raises(OidcError):
        decode(_signed({"alg": "ES256", "kid": "own"}, other), KeySet([OWN]), ALGORITHMS)


def test_no_shared_secret_and_no_short_key_is_read() -> None:
    short = RSAKey.generate_key(2048, {"kid": "short"}).as_dict(private=False) | {"n": "AQAB" * 42}
    keys = read_keys({"keys": [SHARED.as_dict(), short, OWN.as_dict(private=False)]})
    assert [key.kid for key in keys] == ["own"]
    with pytest.raises(OidcError):
        read_keys({"keys": [SHARED.as_dict(), short]})
