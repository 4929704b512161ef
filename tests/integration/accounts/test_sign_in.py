"""Password with code, passkeys, lockout: what lets people in, and what does not."""

import pytest

from services.accounts.domain import Role
from services.accounts.methods.domain import steps_of
from tests.accounts.authenticator import Authenticator
from tests.accounts.stand import ADDRESS, HOST, PASSWORD, Stand, link_on, stand_on
from tests.conftest import MakeDatabase

ADA = "ada@kreis.example"


def passkey(origin: str = ADDRESS, domain: str = HOST) -> Authenticator:
    return Authenticator(origin, domain)


async def test_an_invitation_lets_somebody_in_by_password_and_code(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    assert "hello Ada Beispiel" in await browser.page("/")
    await browser.form("/sign-out")
    assert (await browser.http.get("/")).status_code == 303
    await stand.forget_codes()
    assert browser.app is not None
    entered = await browser.sign_in(" ADA@kreis.example ", browser.app.now())
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "hello Ada Beispiel" in await browser.page("/")


async def test_the_cookie_is_for_this_host_and_for_no_script(stand: Stand) -> None:
    browser = stand.browser()
    answer = await browser.enrol(await stand.invitation(Role.COORDINATOR), ADA)
    line = next(one for one in answer.headers.get_list("set-cookie") if "__Host-kurslotse_allocation=" in one)
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(line.split("; "))
    assert "Domain" not in line
    token = line.partition("=")[2].partition(";")[0]
    assert len(token) == 43
    assert (
        await stand.value(
            "SELECT count(*) FROM accounts.session WHERE token_hash = sha256($1)", token.encode()
        )
        == 1
    )


async def test_a_code_is_taken_once(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    assert browser.app is not None
    code = browser.app.now()
    other = stand.browser()
    assert (await other.sign_in(ADA, code)).status_code == 401  # it set the app up
    await stand.forget_codes()
    assert (await other.sign_in(ADA, code)).status_code == 303
    assert (await stand.browser().sign_in(ADA, code)).status_code == 401


async def test_whatever_is_wrong_the_answer_is_the_same(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    assert browser.app is not None
    await stand.forget_codes()
    tries = [(ADA, "000000", PASSWORD), (ADA, browser.app.now(), "wrong"), ("nobody@kreis.example", "1", "2")]
    answers = []
    for email, code, password in tries:
        answer = await stand.browser().sign_in(email, code, password)
        answers.append((answer.status_code, answer.text.replace(email, "").partition("<main")[2][:3000]))
    assert len({status for status, _ in answers}) == 1
    assert all("Die Anmeldung hat nicht geklappt" in text for _, text in answers)


async def test_who_fails_too_often_waits_and_an_alarm_tells(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    assert browser.app is not None
    await stand.forget_codes()
    for _ in range(5):
        assert (await stand.browser().sign_in(ADA, "000000")).status_code == 401
    assert (await stand.browser().sign_in(ADA, browser.app.now())).status_code == 401  # right, and locked
    locked = stand.registry.get_sample_value("kurslotse_sign_in_lockouts_total", {"about": "account"})
    assert locked == 1
    assert (
        await stand.value("SELECT detail->>'about' FROM accounts.audit WHERE what = 'locked_out'")
        == "account"
    )
    await stand.conn.execute("UPDATE accounts.failed_sign_in SET locked_until = now()")
    await stand.forget_codes()
    assert (await stand.browser().sign_in(ADA, browser.app.now())).status_code == 303
    assert (
        await stand.value("SELECT count(*) FROM accounts.failed_sign_in WHERE locked_until IS NOT NULL") == 0
    )


async def test_strangers_are_locked_like_people(stand: Stand) -> None:
    for _ in range(6):
        assert (await stand.browser().sign_in("nobody@kreis.example", "1")).status_code == 401
    assert stand.registry.get_sample_value("kurslotse_sign_in_lockouts_total", {"about": "account"}) == 1


async def test_a_hash_is_made_again_when_it_costs_more_now(database: MakeDatabase) -> None:
    made = await database("allocation")
    async with stand_on(made) as stand:
        browser = await stand.enrolled(Role.COORDINATOR)
        before = await stand.value("SELECT hash FROM accounts.password")
        await stand.forget_codes()
    async with stand_on(made, {"KURSLOTSE_ARGON2_PASSES": "2"}, empty=False) as dearer:
        assert browser.app is not None
        assert (await dearer.browser().sign_in(ADA, browser.app.now())).status_code == 303
        after = await dearer.value("SELECT hash FROM accounts.password")
    assert ("t=1" in before, "t=2" in after) == (True, True)


async def test_passkeys_let_in_and_cannot_be_replayed(stand: Stand) -> None:
    browser, key = stand.browser(), passkey()
    entered = await browser.enrol_with(await stand.invitation(Role.COORDINATOR), key, name="Bo Probe")
    assert entered.json() == {"next": "/"}
    assert "hello Bo Probe" in await browser.page("/")
    other = stand.browser()
    assert (await other.sign_in_with(key)).status_code == 200
    assert "hello Bo Probe" in await other.page("/")
    await other.page("/sign-in")
    options = (await other.json("/sign-in/passkey/options", {})).json()
    signed = {"credential": key.sign(options)}
    assert (await other.json("/sign-in/passkey", signed)).status_code == 200
    thief = stand.browser()
    await thief.page("/sign-in")
    assert (await thief.json("/sign-in/passkey", signed)).status_code == 401


@pytest.mark.parametrize(
    "key", [passkey(), passkey(origin="https://evil.example"), passkey(domain="evil.example")]
)
async def test_other_keys_and_other_sites_open_nothing(stand: Stand, key: Authenticator) -> None:
    own = passkey()
    await stand.browser().enrol_with(await stand.invitation(Role.COORDINATOR), own)
    if key.origin != own.origin or key.domain != own.domain:
        key.key, key.credential = own.key, own.credential
    assert (await stand.browser().sign_in_with(key)).status_code == 401


async def test_a_challenge_is_of_one_browser(stand: Stand) -> None:
    key = passkey()
    await stand.browser().enrol_with(await stand.invitation(Role.COORDINATOR), key)
    one, other = stand.browser(), stand.browser()
    await one.page("/sign-in")
    await other.page("/sign-in")
    options = (await one.json("/sign-in/passkey/options", {})).json()
    assert (await other.json("/sign-in/passkey", {"credential": key.sign(options)})).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credential": 1},
        {"credential": {"response": {}}},
        {"credential": {"response": {"clientDataJSON": "e30"}}},
    ],
)
async def test_nonsense_is_refused(stand: Stand, body: dict[str, object]) -> None:
    browser = stand.browser()
    await browser.page("/sign-in")
    assert (await browser.json("/sign-in/passkey", body)).status_code == 401


def test_codes_of_neighbouring_half_minutes_are_taken() -> None:
    assert steps_of(59.9) == (1, 0, 2)
    assert link_on('<strong id="link" x>https://kurslotse.test/invitation/a</strong>') == "/invitation/a"
