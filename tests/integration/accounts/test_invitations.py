"""Links: each once, for seven days, for whom it is meant; and what a recovery link ends."""

import asyncio

import pytest

from services.accounts.domain import Role, Side
from services.accounts.invitations.handlers import address_of, first_link
from tests.accounts.authenticator import Authenticator
from tests.accounts.stand import ADDRESS, HOST, KREIS, OTHER, PASSWORD, Stand, link_on

ADA = "ada@kreis.example"


async def test_a_link_works_once(stand: Stand) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    browser = stand.browser()
    assert (await browser.enrol(link, ADA)).status_code == 303
    page = await stand.browser().page(link, 410)
    assert "wurde schon benutzt" in page


async def test_of_two_at_once_one_is_let_in(stand: Stand) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    answers = await asyncio.gather(
        stand.browser().enrol(link, ADA), stand.browser().enrol(link, "bo@kreis.example")
    )
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    assert await stand.value("SELECT count(*) FROM accounts.person") == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("expires_at = now() - interval '1 second'", "ist abgelaufen"),
        ("withdrawn_at = now()", "wurde zurückgezogen"),
    ],
)
async def test_an_old_link_says_why_and_opens_nothing(stand: Stand, change: str, sentence: str) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    browser = stand.browser()
    page = await browser.page(link)
    fields = browser.new_password(page)
    await stand.conn.execute(f"UPDATE accounts.invitation SET {change}")
    answer = await browser.form(f"{link}/password", **fields, email=ADA, name="Ada")
    assert answer.status_code == 410
    assert sentence in answer.text
    assert await stand.value("SELECT count(*) FROM accounts.person") == 0


async def test_looking_uses_nothing_up_and_an_invented_link_is_none(stand: Stand) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    for _ in range(3):
        assert "Koordination" in await stand.browser().page(link)
    await stand.browser().page("/invitation/" + "a" * 43, 404)
    assert (
        await stand.value(
            "SELECT count(*) FROM accounts.invitation WHERE token_hash = convert_to($1, 'UTF8')", link
        )
        == 0
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "kurz", "repeat": "kurz"}, "mindestens 12 Zeichen"),
        ({"password": "Passwort1234!", "repeat": "Passwort1234!"}, "leicht zu erraten"),
        ({"repeat": "something else entirely"}, "nicht gleich"),
        ({"code": "000000"}, "Code passt nicht"),
        ({"sealed": "AAAA"}, "Code passt nicht"),
        ({"email": "ada"}, "E-Mail-Adresse"),
        ({"name": " "}, "Ihren Namen"),
    ],
)
async def test_what_does_not_fit_is_said_and_the_link_stays(
    stand: Stand, change: dict[str, str], sentence: str
) -> None:
    link = await stand.invitation(Role.COORDINATOR)
    browser = stand.browser()
    fields = browser.new_password(await browser.page(link)) | {"email": ADA, "name": "Ada"}
    answer = await browser.form(f"{link}/password", **(fields | change))
    assert answer.status_code == 422
    assert sentence in browser.seen
    assert PASSWORD not in answer.text
    assert (await browser.form(f"{link}/password", **fields)).status_code == 303


async def test_a_secret_offered_for_one_invitation_is_none_for_another(stand: Stand) -> None:
    one, other = await stand.invitation(Role.COORDINATOR), await stand.invitation(Role.COORDINATOR)
    browser = stand.browser()
    fields = browser.new_password(await browser.page(one))
    assert (await browser.form(f"{other}/password", **fields, email=ADA, name="Ada")).status_code == 422


async def test_an_invitation_never_takes_over_an_account(stand: Stand) -> None:
    ada = await stand.enrolled(Role.COORDINATOR)
    link = await stand.invitation(Role.COORDINATOR, organisation=OTHER, email=ADA)
    thief = stand.browser()
    assert (await thief.enrol(link, ADA)).status_code == 422
    assert "gibt es schon ein Konto" in thief.seen
    key = Authenticator(ADDRESS, HOST)
    assert (await thief.enrol_with(link, key, name="Ada", email=ADA)).status_code == 409
    await ada.page(link)
    page = await ada.follow(await ada.form(f"{link}/join"))
    assert page.count("Koordination") >= 2
    assert await stand.value("SELECT count(*) FROM accounts.given_role WHERE ended_at IS NULL") == 2


async def test_an_invitation_for_another_address_cannot_be_taken(stand: Stand) -> None:
    ada = await stand.enrolled(Role.COORDINATOR)
    link = await stand.invitation(Role.ADMINISTRATOR, email="bo@kreis.example")
    await ada.page(link)
    assert (await ada.form(f"{link}/join")).status_code == 409


async def test_a_recovery_link_ends_what_was_before(stand: Stand) -> None:
    ada = await stand.enrolled(Role.COORDINATOR)
    elsewhere = await stand.invitation(Role.COORDINATOR, organisation=OTHER, email=ADA)
    await ada.page(elsewhere)
    await ada.form(f"{elsewhere}/join")
    admin = await stand.enrolled(Role.ADMINISTRATOR, email="chef@kreis.example", name="Chef")
    person = await stand.value("SELECT person FROM accounts.person WHERE email = $1", ADA)
    await admin.page(f"/organisation/people/{person}")
    await admin.form(f"/organisation/people/{person}/recovery")
    link = link_on(admin.seen)
    assert (await ada.http.get("/account")).status_code == 200  # until it is used
    key = Authenticator(ADDRESS, HOST)
    again = stand.browser()
    assert (await again.enrol_with(link, key)).status_code == 200
    assert "hello Ada Beispiel" in await again.page("/")
    assert (await ada.http.get("/account")).status_code == 303
    await stand.forget_codes()
    assert ada.app is not None
    assert (await stand.browser().sign_in(ADA, ada.app.now())).status_code == 401
    roles = "SELECT organisation FROM accounts.given_role WHERE person = $1 AND ended_at IS NULL"
    assert [row[0] for row in await stand.conn.fetch(roles, person)] == [KREIS]


async def test_the_first_administrator_comes_by_a_link_that_is_made_anew_each_time(stand: Stand) -> None:
    first, second = await first_link(stand.conn, Side.STEERING), await first_link(stand.conn, Side.STEERING)
    assert first is not None
    assert second is not None
    await stand.browser().page(f"/invitation/{first}", 410)
    browser = stand.browser()
    page = await browser.follow(await browser.enrol(f"/invitation/{second}", ADA))
    assert "Zuerst: Wie heißt Ihre Organisation" in page
    taken = await browser.form("/organisation", name="Kreis Drei", kreise="99001")
    assert taken.status_code == 409
    await browser.page("/organisation")
    page = await browser.follow(await browser.form("/organisation", name="Kreis Drei", kreise="99003"))
    assert "Kreis Drei" in page
    assert (await browser.form("/organisation", name="Kreis Drei", kreise="99004")).status_code == 409
    assert await first_link(stand.conn, Side.STEERING) is None


def test_links_name_this_machine_so_that_passkeys_work() -> None:
    assert address_of("http://127.0.0.1:8102", "t") == "http://localhost:8102/invitation/t"
    assert address_of("https://kurslotse.example/", "t") == "https://kurslotse.example/invitation/t"
