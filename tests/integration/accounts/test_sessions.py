"""Sessions end by themselves, by their owner, by an administrator and by an issuer; and what is fresh."""

from datetime import UTC, datetime

import pytest

from services.accounts.domain import Role
from services.accounts.people import store as people
from services.accounts.retention import Retention
from services.accounts.sessions import store as sessions
from services.accounts.sessions.domain import Ages, EndReason, Limits, end_of
from tests.accounts.stand import KREIS, OTHER, Browser, Stand

ADA = "ada@kreis.example"
NOW = datetime(2026, 1, 1, tzinfo=UTC)  # business time, which does not count here


async def _why(stand: Stand) -> str | None:
    why: str | None = await stand.value("SELECT ended_why FROM accounts.session ORDER BY created_at LIMIT 1")
    return why


async def _second(stand: Stand, first: Browser) -> Browser:
    """Sign in as the same person in another browser."""
    assert first.app is not None
    await stand.forget_codes()
    other = stand.browser()
    assert (await other.sign_in(ADA, first.app.now())).status_code == 303
    return other


@pytest.mark.parametrize(
    ("column", "seconds", "why"),
    [("last_seen_at", 1801, "idle"), ("created_at", 36_001, "absolute"), ("last_seen_at", 1700, None)],
)
async def test_limits_end_a_session_for_good(
    stand: Stand, column: str, seconds: float, why: str | None
) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    await stand.age(column, seconds)
    assert (await browser.http.get("/")).status_code == (303 if why else 200)
    assert await _why(stand) == why
    await stand.age(column, -seconds)
    assert (await browser.http.get("/")).status_code == (303 if why else 200)


async def test_being_used_is_noted_once_a_minute(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    query = "SELECT extract(epoch FROM now() - last_seen_at)::float8 FROM accounts.session"
    for seconds, noted in ((50, False), (20, True)):
        await stand.age("last_seen_at", seconds)
        await browser.page("/")
        assert (await stand.value(query) < 5) is noted


async def test_a_role_that_ends_ends_access_with_the_next_request(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    await browser.page("/")
    await stand.conn.execute("UPDATE accounts.given_role SET ended_by = 'x', ended_at = now()")
    assert (await browser.http.get("/")).status_code == 303
    assert await _why(stand) == "role_ended"


async def test_signing_out_ends_the_session_itself_not_only_the_cookie(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    await browser.page("/")
    kept = dict(browser.http.cookies)
    await browser.form("/sign-out")
    browser.http.cookies.update(kept)
    assert (await browser.http.get("/")).status_code == 303
    assert await _why(stand) == "signed_out"


async def test_one_sees_ones_own_sessions_and_ends_the_others(stand: Stand) -> None:
    first = await stand.enrolled(Role.COORDINATOR)
    second, third = await _second(stand, first), await _second(stand, first)
    page = await first.page("/account")
    assert page.count("Beenden") == 2
    other = await stand.value("SELECT session FROM accounts.session ORDER BY created_at DESC LIMIT 1")
    await first.follow(await first.form("/account/sessions/end", session=str(other)))
    assert [(await one.http.get("/")).status_code for one in (first, second, third)] == [200, 200, 303]
    await first.follow(await first.form("/account/sessions/end", session="others"))
    assert [(await one.http.get("/")).status_code for one in (first, second)] == [200, 303]


async def test_nobody_ends_the_sessions_of_others(stand: Stand) -> None:
    first = await stand.enrolled(Role.COORDINATOR)
    other = await stand.enrolled(Role.COORDINATOR, email="bo@kreis.example", name="Bo Probe")
    session = await stand.value("SELECT session FROM accounts.session ORDER BY created_at LIMIT 1")
    await other.page("/account")
    await other.form("/account/sessions/end", session=str(session))
    assert (await first.http.get("/")).status_code == 200


async def test_the_role_worn_is_chosen_under_a_new_token(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR, Role.ADMINISTRATOR)
    before = dict(browser.http.cookies)
    await browser.page("/account")
    given = await stand.value("SELECT given FROM accounts.given_role WHERE role = 'administrator'")
    page = await browser.follow(await browser.form("/account/role", given=str(given)))
    assert "Personen und Rollen" in page
    assert (await browser.http.get("/")).status_code == 403
    thief = stand.browser()
    thief.http.cookies.update(before)
    assert (await thief.http.get("/organisation")).status_code == 303
    foreign = await stand.enrolled(Role.ADMINISTRATOR, organisation=OTHER, email="bo@kreis.example")
    theirs = await stand.value("SELECT given FROM accounts.given_role WHERE organisation = $1", OTHER)
    assert (await foreign.http.get("/organisation")).status_code == 200
    assert (await browser.form("/account/role", given=str(theirs))).status_code in {403, 404}


async def test_what_is_important_asks_again_after_five_minutes(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    await browser.page("/account")
    assert (await browser.form("/careful")).headers["location"] == "/"
    await stand.age("fresh_at", 301)
    again = await browser.form("/careful")
    assert again.headers["location"] == "/sign-in/again"
    assert "Noch einmal anmelden" in await browser.page("/sign-in/again?next=/account")
    told = await browser.http.post("/careful", headers={"x-csrf": browser.csrf, "accept": "application/json"})
    assert (told.status_code, told.json()["code"]) == (401, "fresh_sign_in")
    await stand.forget_codes()
    assert browser.app is not None
    await browser.form(
        "/sign-in", email=ADA, password="sieben rote Fahrräder", code=browser.app.now(), next="/account"
    )
    await browser.page("/account")
    assert (await browser.form("/careful")).headers["location"] == "/"


async def test_an_issuer_ends_what_it_began(stand: Stand) -> None:
    await stand.enrolled(Role.COORDINATOR)
    set_ = "UPDATE accounts.session SET issuer = 'https://id.example', subject = 's', sid = 'one'"
    await stand.conn.execute(set_)
    end = sessions.end_by_issuer
    assert await end(stand.conn, "https://id.example", subject=None, sid=None) == 0
    assert await end(stand.conn, "https://other.example", subject="s", sid=None) == 0
    assert await end(stand.conn, "https://id.example", subject="s", sid="two") == 0
    assert await end(stand.conn, "https://id.example", subject=None, sid="one") == 1


async def test_what_is_kept_no_longer_goes(stand: Stand) -> None:
    browser = await stand.enrolled(Role.COORDINATOR)
    worker = Retention(stand.worker, stand.accounts.settings)
    await stand.age("last_seen_at", 1801)
    await worker.forget(NOW)
    assert await _why(stand) == "idle"
    await stand.conn.execute("UPDATE accounts.session SET ended_at = now() - interval '91 days'")
    await stand.conn.execute("UPDATE accounts.audit SET at = now() - interval '366 days'")
    assert await worker.forget(NOW) > 1
    for table in ("session", "audit"):
        assert await stand.value(f"SELECT count(*) FROM accounts.{table}") == 0
    assert (await browser.http.get("/")).status_code == 303
    person = await stand.value("SELECT person FROM accounts.person")
    await people.set_active(stand.conn, person, active=False)
    await stand.conn.execute("UPDATE accounts.person SET ended_at = now() - interval '366 days'")
    await worker.forget(NOW)
    assert await stand.value("SELECT count(*) FROM accounts.person") == 0


@pytest.mark.parametrize(
    ("ages", "why"),
    [
        (Ages(0, 0, 0, active=False, role_given=True), EndReason.ADMINISTRATOR),
        (Ages(0, 0, 0, active=True, role_given=False), EndReason.ROLE_ENDED),
        (Ages(5, 10, 10, active=True, role_given=True), EndReason.ABSOLUTE),
        (Ages(5, 9, 9, active=True, role_given=True), EndReason.IDLE),
        (Ages(4, 9, 9, active=True, role_given=True), None),
    ],
)
def test_when_a_session_ends(ages: Ages, why: EndReason | None) -> None:
    assert end_of(ages, Limits(idle=5, absolute=10)) is why


async def test_an_organisation_that_is_not_active_opens_nothing(stand: Stand) -> None:
    """Its sessions and links end at once; who has a role elsewhere goes on there."""
    ada = await stand.enrolled(Role.COORDINATOR)
    link = await stand.invitation(Role.AUDITOR, organisation=OTHER, email=ADA)
    await ada.page(link)
    await ada.form(f"{link}/join")
    waiting = await stand.invitation(Role.AUDITOR)
    await stand.conn.execute("UPDATE accounts.organisation SET active = false WHERE slug = $1", KREIS)
    assert (await ada.http.get("/")).status_code == 303
    assert await _why(stand) == "role_ended"
    await stand.browser().page(waiting, 410)
    again = await _second(stand, ada)
    page = await again.page("/account")
    assert OTHER in page
    assert KREIS not in page
    given = await stand.value("SELECT given FROM accounts.given_role WHERE organisation = $1", KREIS)
    assert (await again.form("/account/role", given=given)).status_code == 404
    await stand.conn.execute("UPDATE accounts.organisation SET active = true WHERE slug = $1", KREIS)
    await again.page("/account")
    assert (await again.form("/account/role", given=given)).status_code == 303
    assert "hello" in await again.page("/")
