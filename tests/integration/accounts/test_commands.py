"""`kurslotse account ...`: organisations, invitations, recovery, deactivation, erasure, the demo's people."""

import asyncio

import pytest
from typer.testing import CliRunner, Result

from services.accounts.commands import account_app
from services.accounts.domain import Role
from tests.accounts.people import STAFF
from tests.accounts.stand import ADDRESS, KREIS, Stand, stand_on
from tests.conftest import MakeDatabase
from tests.databases import Database

ADA = "ada@kreis.example"


@pytest.fixture
async def made(database: MakeDatabase) -> Database:
    return await database("allocation")


@pytest.fixture
def commands(made: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", made.worker)
    monkeypatch.setenv("KURSLOTSE_PUBLIC_URL", ADDRESS)
    monkeypatch.setenv("KURSLOTSE_SIDE", "allocation")


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, account_app, list(arguments))


async def told(*arguments: str) -> str:
    result = await run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


async def _key(stand: Stand) -> str:
    return str(await stand.value("SELECT key FROM accounts.person WHERE email = $1", ADA))


@pytest.mark.usefixtures("commands")
async def test_from_an_organisation_to_an_erased_account(made: Database) -> None:
    async with stand_on(made) as stand:
        await told("organisation", "kreis-drei", "--name", "Drei", "--kind", "kreis", "--kreis", "99003")
        link = await told(
            "invite", "-o", "kreis-drei", "--name", "Ada", "--role", "coordinator", "--email", ADA
        )
        ada = stand.browser()
        path = link.splitlines()[0].removeprefix(ADDRESS)
        assert (await ada.enrol(path, ADA)).status_code == 303
        await ada.page("/")
        key = await _key(stand)
        assert f"  {key}" in await told("list", "-o", "kreis-drei")
        assert key not in await told("list", "-o", KREIS)
        again = (await told("reset", key)).splitlines()[0].removeprefix(ADDRESS)
        assert "Anmeldung neu einrichten" in await stand.browser().page(again)
        assert (await run("deactivate", key)).exit_code == 2  # nobody administers there
        await stand.conn.execute(
            "INSERT INTO accounts.given_role (person, organisation, role, given_by)"
            " SELECT person, 'kreis-drei', 'administrator', 'x' FROM accounts.person WHERE email <> $1",
            ADA,
        )
        await stand.enrolled(Role.ADMINISTRATOR, organisation="kreis-drei", email="chef@kreis.example")
        await told("deactivate", key)
        assert (await ada.http.get("/")).status_code == 303
        assert (
            await stand.value("SELECT ended_why FROM accounts.session WHERE ended_at IS NOT NULL") is not None
        )
        await told("erase", key)
        tables = ("person", "given_role", "session", "password", "totp")
        query = "SELECT count(*) FROM accounts.{} AS t WHERE t::text LIKE '%' || $1 || '%'"
        assert [await stand.value(query.format(table), ADA) for table in tables] == [0] * 5
        assert await stand.value("SELECT person FROM accounts.audit WHERE what = 'erased'") == key
        assert (await run("erase", key)).exit_code == 2


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("invite", "-o", "nowhere", "--name", "Ada", "--role", "coordinator"), "there is no organisation"),
        (("invite", "-o", KREIS, "--name", "Ada", "--role", "clerk"), "can give"),
        (("invite", "-o", KREIS, "--name", "Ada", "--role", "auditor", "--email", "x"), "e-mail address"),
        (("reset", "nobody"), "there is nobody"),
        (("deactivate", "nobody"), "there is nobody"),
        (("organisation", "Kreis!", "--name", "x", "--kind", "kreis", "--kreis", "99001"), "a slug is"),
        (("organisation", "amt", "--name", "x", "--kind", "counselling", "--kreis", "99001"), "on this side"),
        (("organisation", KREIS, "--name", "x", "--kind", "provider", "--kreis", "99001"), "stays one"),
    ],
)
async def test_what_cannot_be_done_is_a_sentence(
    made: Database, arguments: tuple[str, ...], sentence: str
) -> None:
    async with stand_on(made):
        result = await run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output


@pytest.mark.usefixtures("commands")
async def test_invented_people_never_enter_a_real_installation(made: Database) -> None:
    async with stand_on(made) as stand:
        assert "invented people" in await told("load-demo", str(STAFF))
        people = await stand.value("SELECT count(*) FROM accounts.person")
        assert await told("load-demo", str(STAFF))  # twice is once
        assert await stand.value("SELECT count(*) FROM accounts.person") == people
        await stand.conn.execute("ALTER TABLE runtime.installation DISABLE TRIGGER installation_stays")
        await stand.conn.execute("UPDATE runtime.installation SET kind = 'real'")
        await stand.conn.execute("DELETE FROM accounts.person")
        result = await run("load-demo", str(STAFF))
        assert (result.exit_code, "this installation is a real one" in result.output) == (2, True)
        assert await stand.value("SELECT count(*) FROM accounts.person") == 0
        assert (
            await stand.browser().http.post("/demo/sign-in", json={"person": "jana-vogt"})
        ).status_code == 404


@pytest.mark.usefixtures("commands")
async def test_who_adds_others_is_said_by_command_and_stays(made: Database) -> None:
    async with stand_on(made) as stand:
        school = ("organisation", "schule", "--name", "Schule", "--kind", "provider", "--kreis", "99001")
        await told(*school, "--publisher", "schule", "--founding")
        await told(*school, "--publisher", "schule")
        assert await stand.value("SELECT founding FROM accounts.organisation WHERE slug = 'schule'")
        assert "99001; founding" in await told("list", "-o", "schule")
        other = await run(
            "organisation",
            "zweite",
            "--name",
            "Zweite",
            "--kind",
            "provider",
            "--kreis",
            "99001",
            "--publisher",
            "schule",
        )
        assert other.exit_code == 2
        assert "another organisation speaks for schule already" in other.output


@pytest.mark.usefixtures("commands")
async def test_the_first_administrator_s_link_is_printed_while_nobody_is_there(made: Database) -> None:
    async with stand_on(made) as stand:
        before = await told("first")
        link = await told("first")
        assert before != link
        gone = before.splitlines()[0].removeprefix(ADDRESS)
        assert (await stand.browser().http.get(gone)).status_code in {404, 410}
        ada = stand.browser()
        assert (await ada.enrol(link.splitlines()[0].removeprefix(ADDRESS), ADA)).status_code == 303
        refused = await run("first")
        assert refused.exit_code == 2
        assert "somebody has an account already" in refused.output
