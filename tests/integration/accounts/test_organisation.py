"""Administrators: the people of their own organisation and nobody else's."""

import pytest

from services.accounts.domain import Role
from tests.accounts.stand import KREIS, OTHER, Stand, link_on

ADA, CHEF = "ada@kreis.example", "chef@kreis.example"


async def _id(stand: Stand, email: str) -> str:
    return str(await stand.value("SELECT person FROM accounts.person WHERE email = $1", email))


async def test_people_are_invited_given_roles_and_deactivated(stand: Stand) -> None:
    admin = await stand.enrolled(Role.ADMINISTRATOR, email=CHEF, name="Chef")
    await admin.page("/organisation")
    await admin.form("/organisation/invitations", name="Ada Beispiel", email=ADA, role="coordinator")
    ada = stand.browser()
    assert (await ada.enrol(link_on(admin.seen), ADA)).status_code == 303
    assert "hello Ada Beispiel" in await ada.page("/")
    person = await _id(stand, ADA)
    await admin.page(f"/organisation/people/{person}")
    page = await admin.follow(await admin.form(f"/organisation/people/{person}/roles", role="auditor"))
    assert "Prüfung" in page
    given = await stand.value("SELECT given FROM accounts.given_role WHERE role = 'coordinator'")
    await admin.follow(await admin.form(f"/organisation/people/{person}/roles/{given}/end"))
    assert (await ada.http.get("/")).status_code == 303
    await admin.follow(await admin.form(f"/organisation/people/{person}/deactivate"))
    await stand.forget_codes()
    assert ada.app is not None
    assert (await stand.browser().sign_in(ADA, ada.app.now())).status_code == 401
    rows = await stand.conn.fetch(
        "SELECT what FROM accounts.audit WHERE organisation = $1 ORDER BY id", KREIS
    )
    said = [row["what"] for row in rows]
    assert [one for one in said if one in {"role_given", "role_ended", "deactivated"}][-4:] == [
        "role_given",
        "role_ended",
        "role_ended",
        "deactivated",
    ]


async def test_a_role_of_another_kind_of_organisation_cannot_be_given(stand: Stand) -> None:
    admin = await stand.enrolled(Role.ADMINISTRATOR, email=CHEF)
    person = await _id(stand, CHEF)
    await admin.page(f"/organisation/people/{person}")
    for role in ("counsellor", "provider", "clerk", "x", ""):
        assert (await admin.form(f"/organisation/people/{person}/roles", role=role)).status_code == 404
    await admin.page("/organisation")
    for roles in (["counsellor"], [], ["coordinator", "clerk"]):
        answer = await admin.form("/organisation/invitations", name="Ada", role=roles)
        assert answer.status_code == 422
    assert await stand.value("SELECT count(*) FROM accounts.invitation WHERE used_at IS NULL") == 0


async def test_somebody_always_administers(stand: Stand) -> None:
    admin = await stand.enrolled(Role.ADMINISTRATOR, email=CHEF)
    person = await _id(stand, CHEF)
    given = await stand.value("SELECT given FROM accounts.given_role")
    await admin.page(f"/organisation/people/{person}")
    assert (await admin.form(f"/organisation/people/{person}/roles/{given}/end")).status_code == 409
    assert (await admin.form(f"/organisation/people/{person}/deactivate")).status_code == 409
    assert (await admin.http.get("/organisation")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/organisation/people/{person}"),
        ("POST", "/organisation/people/{person}/roles"),
        ("POST", "/organisation/people/{person}/roles/{given}/end"),
        ("POST", "/organisation/people/{person}/recovery"),
        ("POST", "/organisation/people/{person}/deactivate"),
        ("POST", "/organisation/people/{person}/activate"),
        ("POST", "/organisation/invitations/{invitation}/withdraw"),
    ],
)
async def test_a_foreign_administrator_finds_nobody(stand: Stand, method: str, path: str) -> None:
    """Every route about a person or an invitation, tried from another organisation."""
    ada = await stand.enrolled(Role.COORDINATOR, Role.ADMINISTRATOR)
    await stand.invitation(Role.AUDITOR)
    admin = await stand.enrolled(Role.ADMINISTRATOR, organisation=OTHER, email=CHEF, name="Chef")
    names = {
        "person": await _id(stand, ADA),
        "given": await stand.value("SELECT given FROM accounts.given_role WHERE role = 'coordinator'"),
        "invitation": await stand.value("SELECT invitation FROM accounts.invitation WHERE used_at IS NULL"),
    }
    page = await admin.page("/organisation")
    assert "Ada" not in page
    before = await stand.value("SELECT count(*) FROM accounts.audit")
    address = path.format(**names)
    if method == "GET":
        await admin.page(address, 404)
    else:
        assert (await admin.form(address, role="auditor")).status_code == 404
    assert await stand.value("SELECT count(*) FROM accounts.audit") == before
    assert (await ada.http.get("/")).status_code == 200


async def test_recovery_is_for_the_organisation_of_the_account_alone(stand: Stand) -> None:
    """Who has a role here but an account elsewhere cannot be taken over from here."""
    ada = await stand.enrolled(Role.COORDINATOR)
    link = await stand.invitation(Role.COORDINATOR, organisation=OTHER, email=ADA)
    await ada.page(link)
    await ada.form(f"{link}/join")
    admin = await stand.enrolled(Role.ADMINISTRATOR, organisation=OTHER, email=CHEF, name="Chef")
    person = await _id(stand, ADA)
    page = await admin.page(f"/organisation/people/{person}")
    assert "Link erstellen" not in page
    assert (await admin.form(f"/organisation/people/{person}/recovery")).status_code == 409
    await admin.follow(await admin.form(f"/organisation/people/{person}/deactivate"))
    assert (await ada.http.get("/")).status_code == 200  # the work elsewhere goes on
    assert await stand.value("SELECT active FROM accounts.person WHERE email = $1", ADA)


async def test_methods_are_changed_and_one_is_always_left(stand: Stand) -> None:
    ada = await stand.enrolled(Role.COORDINATOR)
    page = await ada.page("/account/password")
    fields = ada.new_password(page) | {
        "email": "ada.neu@kreis.example",
        "password": "acht blaue Schiffe",
        "repeat": "acht blaue Schiffe",
    }
    await ada.follow(await ada.form("/account/password", **fields))
    await stand.forget_codes()
    assert ada.app is not None
    other = stand.browser()
    assert (await other.sign_in(ADA, ada.app.now())).status_code == 401
    entered = await other.sign_in("ada.neu@kreis.example", ada.app.now(), "acht blaue Schiffe")
    assert entered.status_code == 303
