"""Tests the file of issuers, and the roles that claims give."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.accounts.oidc.door import GivenRole
from services.accounts.oidc.issuers import Issuer, RoleMapping, RoleRule
from services.accounts.oidc.issuers_file import IssuersError, read_issuers
from tests.serving import REPOSITORY

_PAGE = (REPOSITORY / "docs" / "openid-connect.md").read_text("utf-8")
GOOD = _PAGE.partition("```yaml\n")[2].partition("```")[0]
"""The file that the documentation shows."""
ROLES = ("coordinator", "coordinator_head", "counsellor")
SECRET = "invented-secret"
DAY = date(2026, 3, 1)


def _read(folder: Path, text: str) -> dict[str, Issuer]:
    (folder / "verband.secret").write_text(f"{SECRET}\n")
    file = folder / "issuers.yaml"
    file.write_text(text)
    return dict(read_issuers(file, {"KREIS_SECRET": SECRET}, ROLES))


def test_a_file_is_read_as_it_is_meant(tmp_path: Path) -> None:
    read = _read(tmp_path, GOOD)
    assert list(read) == ["kreis", "verband"]
    kreis, verband = read.values()
    assert (kreis.client_secret, verband.client_secret) == (SECRET, SECRET)
    assert (kreis.clock_skew, verband.clock_skew) == (30, 60)
    assert (kreis.scopes, verband.scopes) == (("openid", "profile", "email"), ("openid",))
    assert (kreis.required_amr, verband.client_id) == (("otp",), "0815")
    assert (kreis.name("en"), kreis.name("fr")) == ("Muster County", "Kreis Muster")
    assert SECRET not in repr(read)
    both = kreis.roles({"groups": ["kl-leitung", "kl-koordination"]}, DAY)
    assert both == [GivenRole("kreis-muster", "coordinator"), GivenRole("kreis-muster", "coordinator_head")]


def test_the_mapping_of_the_day_holds(tmp_path: Path) -> None:
    kreis = _read(tmp_path, GOOD)["kreis"]
    held = [bool(kreis.roles({"groups": "kl-leitung"}, date(2026, month, 1))) for month in (1, 6, 7)]
    assert held == [True, True, False]
    assert not kreis.roles({"groups": "kl-leitung"}, date(2025, 12, 31))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("kreis-muster, role: coordinator_head", "mbe-muster, role: coordinator_head", (
            "issuers.yaml, line 16, issuer kreis, field mappings.2.rules.2.organisation: mbe-muster is none"
        )),
        ("coordinator_head", "boss", "line 16, issuer kreis, field mappings.2.rules.2.role: boss is no role"),
        ("key: kreis", "key: Kreis Muster", "line 2, issuer Kreis Muster, field key"),
        ("key: verband", "key: kreis", "line 17, issuer kreis, field key: stands in this file twice"),
        ("    client_id: kurslotse\n", "", "line 2, issuer kreis, field client_id: is missing"),
        ("clock_skew: 30", "clock_skew: 3000", "line 9, issuer kreis, field clock_skew"),
        ("clock_skew: 30", "clock: 30", "line 9, issuer kreis, field clock: is no field"),
        ("2026-07-01", "1.7.2026", "line 11, issuer kreis, field mappings.1.valid_from: is no day"),
        ("2026-07-01", "2026-02-30", "line 11, issuer kreis, field mappings.1.valid_from"),
        ("2026-07-01", "2026-01-01", "line 13, issuer kreis, field mappings.2.valid_from: 2026-01-01 stands"),
        ("https://anmeldung", "http://anmeldung", "line 4, issuer kreis, field url: cannot be used"),
        ("/realms/kreis", "/realms/kreis?x=1", "line 4, issuer kreis, field url: is no address"),
        ("kreis.invalid/realms", "kreis.invalid:99999/realms", "line 4, issuer kreis, field url: is no"),
        ("client_secret_env: KREIS_SECRET", "client_secret: geheim", (
            "line 6, issuer kreis, field client_secret: must not stand in this file"
        )),
        ("KREIS_SECRET", "OTHER", "line 6, issuer kreis, field client_secret_env: the environment"),
        ("verband.secret", "none.secret", "line 21, issuer verband, field client_secret_file"),
        ("    client_secret_file: verband.secret\n", "", "field client_id: needs its secret"),
        ("scopes: [openid]", "scopes: [profile]", "line 23, issuer verband, field scopes: lacks openid"),
        ("values: [mbe]", "values: []", "line 27, issuer verband, field mappings.1.rules.1.values"),
        ("name: {de: Verband, en: Association}", "name: Verband", "line 18, issuer verband, field name"),
        ("issuers:", "issuer:", "line 1: please write `issuers:`"),
        ("  - key: verband", "  key: verband", "line 17: "),
        ("key: kreis", "key: &a kreis", "line 2: an anchor"),
    ],
)  # fmt: skip
def test_a_fault_names_line_issuer_and_field(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(IssuersError) as caught:
        _read(tmp_path, GOOD.replace(old, new, 1))
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)


def test_every_fault_is_listed_and_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IssuersError) as caught:
        _read(
            tmp_path,
            GOOD.replace("role: coordinator_head", "role: boss").replace("role: counsellor", "role: nobody"),
        )
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(IssuersError, match=r"none\.yaml cannot be read"):
        read_issuers(tmp_path / "none.yaml", {}, ROLES)


def _issuer(claim: str, *values: str) -> Issuer:
    rule = RoleRule(claim, frozenset(values), GivenRole("kreis-muster", "coordinator_head"))
    foreign = RoleRule(claim, frozenset(values), GivenRole("mbe-muster", "counsellor"))
    return Issuer(
        key="kreis",
        names={"de": "Kreis"},
        url="https://kreis.invalid",
        client_id="kurslotse",
        client_secret=SECRET,
        organisations=frozenset({"kreis-muster"}),
        mappings=(RoleMapping(DAY, (rule, foreign)),),
    )


@pytest.mark.parametrize(
    ("claim", "value", "claims", "given"),
    [
        ("groups", "a", {"groups": ["b", "a"]}, True),
        ("groups", "a", {"groups": "a"}, True),
        ("groups", "a", {"groups": "a b"}, False),
        ("groups", "a", {"groups": {"a": True}}, False),
        ("groups", "a", {"groups": [["a"]]}, False),
        ("groups", "a", {"groups": None}, False),
        ("groups", "a", {}, False),
        ("staff", "true", {"staff": True}, True),
        ("staff", "1", {"staff": True}, False),
        ("unit", "7", {"unit": 7}, True),
        ("realm_access.roles", "a", {"realm_access": {"roles": ["a"]}}, True),
        ("realm_access.roles", "a", {"realm_access": ["roles"]}, False),
        ("https://kreis.invalid/role", "a", {"https://kreis.invalid/role": "a"}, True),
        ("email", "a@kreis.invalid", {"email": "a@kreis.invalid", "email_verified": True}, True),
        ("email", "a@kreis.invalid", {"email": "a@kreis.invalid", "email_verified": "true"}, False),
        ("email", "a@kreis.invalid", {"email": "a@kreis.invalid"}, False),
    ],
)
def test_claims_give_roles_of_the_issuers_own_organisations_only(
    claim: str, value: str, claims: dict[str, Any], *, given: bool
) -> None:
    roles = _issuer(claim, value).roles(claims, DAY)
    assert roles == ([GivenRole("kreis-muster", "coordinator_head")] if given else [])
