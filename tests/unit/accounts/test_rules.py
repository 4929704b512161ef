"""The pure rules of accounts: who can give what, weak passwords, what links open, what is sealed."""

import doctest
from itertools import product
from types import ModuleType

import pytest

from services.accounts import domain
from services.accounts.attempts import domain as attempts
from services.accounts.domain import Kind, Role, Side, login_name, person_name, roles_of
from services.accounts.invitations import domain as invitations
from services.accounts.invitations.domain import Link, LinkState, givable, state_of
from services.accounts.methods import domain as methods
from services.accounts.methods.domain import Weak, weakness
from services.accounts.sealing import SealError, Sealing
from services.accounts.sessions import domain as sessions
from services.accounts.settings import AccountSettings
from services.runtime.base.settings import SettingsError

LOGIN = "ada@kreis.example"


@pytest.mark.parametrize("module", [attempts, domain, invitations, methods, sessions])
def test_what_the_docstrings_say(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_no_organisation_of_the_steering_side_gives_a_role_that_reads_names() -> None:
    of_steering = {role for kind in Kind for role in roles_of(Side.STEERING, kind)}
    assert of_steering.isdisjoint({Role.CLERK, Role.COUNSELLOR, Role.TEAM_LEAD})
    assert roles_of(Side.SUPPORT, Kind.KREIS) == ()
    assert {Role.ADMINISTRATOR} <= {role for kind in Kind for role in roles_of(Side.SUPPORT, kind)}


def test_a_provider_has_no_auditor_on_the_side_where_rows_are_seen_by_kreis() -> None:
    assert Role.AUDITOR not in roles_of(Side.STEERING, Kind.PROVIDER)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", Weak.SHORT),
        ("elf Zeichen", Weak.SHORT),
        ("x" * 201, Weak.LONG),
        ("aaaaaaaaaaaa", Weak.COMMON),
        ("Kurslotse2026!", Weak.COMMON),
        ("ada@kreis.example1", Weak.COMMON),
        ("1234567890123456", Weak.COMMON),
        ("Qwertz-Passwort-99", Weak.COMMON),
        ("sieben rote Fahrräder", None),
        ("korrekt pferd batterie", None),
        ("ж" * 4 + "абвгдежзи", None),
    ],
)
def test_weak_passwords(password: str, why: Weak | None) -> None:
    assert weakness(password, LOGIN) is why


@pytest.mark.parametrize(("used", "withdrawn", "expired"), list(product((False, True), repeat=3)))
def test_a_link_is_open_only_if_nothing_ended_it(used: bool, withdrawn: bool, expired: bool) -> None:
    state = state_of(Link(used, withdrawn, expired))
    assert (state is LinkState.OPEN) is not (used or withdrawn or expired)


def test_roles_are_given_as_a_whole_or_not_at_all() -> None:
    wanted = ["administrator", "coordinator"]
    assert givable(Side.STEERING, Kind.KREIS, wanted) == (Role.COORDINATOR, Role.ADMINISTRATOR)
    assert givable(Side.STEERING, Kind.KREIS, [*wanted, "counsellor"]) is None
    assert givable(Side.STEERING, Kind.KREIS, []) is None


@pytest.mark.parametrize("text", ["", "ada", "a b@c.de", "ada@", "@kreis.example", "x" * 65 + "@c.de"])
def test_what_is_no_login_name(text: str) -> None:
    assert login_name(text) is None


@pytest.mark.parametrize(
    ("text", "name"), [("  Ada \n Beispiel ", "Ada Beispiel"), ("", None), ("a\x00b", None)]
)
def test_names_are_tidied(text: str, name: str | None) -> None:
    assert person_name(text) == name


def test_what_is_sealed_for_one_thing_opens_no_other() -> None:
    sealing = Sealing("a secret")
    sealed = sealing.seal("totp", "ada", b"x")
    assert sealing.unseal("totp", "ada", sealed) == b"x"
    for key, use, about, content in (
        ("a secret", "totp", "bo", sealed),
        ("a secret", "id token", "ada", sealed),
        ("another", "totp", "ada", sealed),
        ("a secret", "totp", "ada", b""),
    ):
        with pytest.raises(SealError):
            Sealing(key).unseal(use, about, content)


@pytest.mark.parametrize("value", ["0", "-1", "x", "61"])
def test_settings_are_bounded(value: str) -> None:
    with pytest.raises(SettingsError):
        AccountSettings.from_env({"KURSLOTSE_FRESH_SIGN_IN_MINUTES": value})
    assert AccountSettings.from_env({}).limits == sessions.Limits()
