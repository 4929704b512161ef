"""Defines issuers, and reads a person's roles from what an issuer says about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.accounts.oidc.door import GivenRole

EMAIL, EMAIL_VERIFIED = "email", "email_verified"


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Whoever has one of these values in this claim has the role."""

    claim: str
    """Name of a claim; `realm_access.roles` also finds `roles` inside the object `realm_access`."""
    values: frozenset[str]
    role: GivenRole


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """The rules of an issuer from one day on, until the next mapping begins."""

    valid_from: date
    rules: tuple[RoleRule, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """An OpenID Connect server that may speak for some organisations."""

    key: str
    names: Mapping[str, str]
    """Language -> name, as people know it."""
    url: str
    """The issuer identifier, which discovery and every token must repeat exactly."""
    client_id: str
    client_secret: str = field(repr=False)
    organisations: frozenset[str]
    mappings: tuple[RoleMapping, ...]
    """In the order of their days."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    required_acr: tuple[str, ...] = ()
    """One of these must have been reached."""
    required_amr: tuple[str, ...] = ()
    """All of these methods must have been used."""
    clock_skew: int = 60
    """Seconds."""

    def name(self, language: str) -> str:
        """Return the name in a language."""
        return self.names.get(language) or self.names["de"]

    def rules(self, day: date) -> Sequence[RoleRule]:
        """Return the rules in force on a day; before the first mapping there are none."""
        held = [mapping for mapping in self.mappings if mapping.valid_from <= day]
        return held[-1].rules if held else ()

    def claims_used(self, day: date) -> frozenset[str]:
        """Return the names of the claims from which roles are read."""
        return frozenset(rule.claim for rule in self.rules(day))

    def roles(self, claims: Mapping[str, Any], day: date) -> Sequence[GivenRole]:
        """Return the roles that verified claims give, sorted; none of a foreign organisation."""
        found = {
            rule.role
            for rule in self.rules(day)
            if rule.role.organisation in self.organisations and _fits(rule, claims)
        }
        return sorted(found)


def claim_of(claims: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever the issuer says
    """Return a claim by its name, or one inside objects by a path with dots; None if there is none.

    >>> claim_of({"realm_access": {"roles": ["a"]}}, "realm_access.roles")
    ['a']
    """
    if name in claims:
        return claims[name]
    at: Any = claims
    for part in name.split("."):
        if not isinstance(at, Mapping):
            return None
        at = at.get(part)
    return at


def _fits(rule: RoleRule, claims: Mapping[str, Any]) -> bool:
    if rule.claim == EMAIL and claims.get(EMAIL_VERIFIED) is not True:
        return False  # an address that nobody has checked may be anybody's
    return not rule.values.isdisjoint(_texts(claim_of(claims, rule.claim)))


def _texts(value: object) -> Iterator[str]:
    match value:
        case bool():
            yield "true" if value else "false"
        case str() | int():
            yield str(value)
        case list():
            for item in value:
                if isinstance(item, str | int):
                    yield from _texts(item)
