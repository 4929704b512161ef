"""Every form of sign-in and organisations comes back from rubbish with a summary that leads to the fields."""

from services.accounts.domain import Role
from tests.accounts.stand import Stand
from tests.rejected import check

TRIED = {
    "/sign-in", "/account/password", "/invitation/{token}/password", "/organisation",
    "/organisation/invitations", "/organisations", "/towns/check",
}  # fmt: skip
"""`/towns/check` is tried with the directory's own tests."""


async def test_each_form_of_sign_in(stand: Stand) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    browser = stand.browser()
    await browser.page(link)
    found = check("/invitation", await browser.form(f"{link}/password", email="x", name=""))
    await browser.page("/sign-in")
    found += check("/sign-in", await browser.form("/sign-in", email="x", password="y", code="z"))
    assert found == []


async def test_each_form_of_an_account_and_an_organisation(stand: Stand) -> None:
    admin = await stand.enrolled(Role.ADMINISTRATOR, email="chef@kreis.example", name="Chef")
    await stand.conn.execute("UPDATE accounts.organisation SET kreise = '{}'")
    await admin.page("/organisation")
    found = check("/organisation", await admin.form("/organisation", name="", kreise="überall"))
    await stand.conn.execute("UPDATE accounts.organisation SET kreise = '{99001}'")
    await admin.page("/organisation")
    found += check("/organisation/invitations", await admin.form("/organisation/invitations", email="x"))
    await admin.page("/account/password")
    found += check("/account/password", await admin.form("/account/password", email="x", password="kurz"))
    assert found == []
