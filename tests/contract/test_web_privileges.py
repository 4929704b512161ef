"""Web roles hold exactly what their pages need, by the catalogue: nothing of the outbox, no key."""

from collections.abc import Mapping

import asyncpg
import pytest

from services.runtime.data import roles
from services.runtime.data.db import connect
from tests.conftest import MakeDatabase
from tests.databases import Database, Templates

SERVICES = ("gateway", "allocation", "notifications")
PLUMBING = {
    "runtime.erased": {"SELECT"},
    "runtime.installation": {"SELECT"},
    "runtime.publisher": {"SELECT"},
}
"""What every web role may do in schema runtime; its schema status is closed to it."""
ROWS = {"SELECT", "INSERT", "UPDATE", "DELETE"}
ACCOUNTS = {
    "accounts.audit": {"SELECT", "INSERT"},
    "accounts.challenge": {"SELECT", "INSERT", "DELETE"},
    "accounts.failed_sign_in": ROWS,
    "accounts.given_role": {"SELECT", "INSERT", "UPDATE"},
    "accounts.identity": {"SELECT", "INSERT"},
    "accounts.invitation": {"SELECT", "INSERT", "UPDATE"},
    "accounts.organisation": {"SELECT", "INSERT", "UPDATE"},
    "accounts.passkey": ROWS,
    "accounts.password": ROWS,
    "accounts.person": {"SELECT", "INSERT", "UPDATE"},
    "accounts.session": {"SELECT", "INSERT", "UPDATE"},
    "accounts.totp": ROWS,
}
"""What sign-in needs; the gateway has no people."""
PLACES = {"places.edition": {"SELECT"}, "places.town": {"SELECT"}}
"""The directory of towns, which is public."""
AS_OWNER: Mapping[str, Mapping[str, bool]] = {
    "allocation": {
        "erase_participant": False,
        "keep_last_course": False,
        "last_course_ended_on": False,
        "last_course_of_merged": False,
        "last_course_of_placement": False,
    },
    "notifications": {
        "erase_disclosure_log": False,
        "looks_at_names": True,
        "offices_to_hand_to": True,
        "own_consenting_beginners": True,
        "own_course_days": True,
        "own_course_marks": True,
        "own_course_reports": True,
        "own_risk_history": True,
        "pseudonymise_disclosure_log": False,
        "reconsider_consenting": True,
        "reconsider_own_consenting": True,
    },
}
"""Functions that act as the owner, and whether pages may call them: such look at the visitor themselves."""
SENDS = {"allocation"}
"""Services whose pages send events, through `runtime.put_outbox` only."""


async def of_web(database: Database, name: str) -> dict[str, set[str]]:
    """Read the web role's privileges on tables, whole or by column."""
    conn = await asyncpg.connect(database.admin)
    try:
        rows = await conn.fetch(
            """
            SELECT n.nspname || '.' || c.relname AS relation, p AS privilege
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, unnest($2::text[]) AS p
            WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_|^information_schema$'
                AND (has_table_privilege($1, c.oid, p)
                    OR p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                        AND has_any_column_privilege($1, c.oid, p))
            """,
            name,
            ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
        )
    finally:
        await conn.close()
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["relation"], set()).add(row["privilege"])
    return found


def web_role(templates: Templates, service: str) -> str:
    return roles.role_name(roles.database_name(templates.prefix, service), "web")


@pytest.mark.parametrize("service", SERVICES)
async def test_the_web_role_has_nothing_of_the_plumbing(
    service: str, database: MakeDatabase, templates: Templates
) -> None:
    found = await of_web(await database(service), web_role(templates, service))
    expected = PLUMBING | PLACES | (ACCOUNTS if service != "gateway" else {})
    assert {name: held for name, held in found.items() if not name.startswith("public.")} == expected
    assert all(held <= {"SELECT", "INSERT", "UPDATE", "DELETE"} for held in found.values())


async def test_the_gateways_web_role_reads_feeds(database: MakeDatabase, templates: Templates) -> None:
    found = await of_web(await database("gateway"), web_role(templates, "gateway"))
    assert {name: held for name, held in found.items() if name.startswith("public.")} == {
        "public.addressed": {"SELECT"},
        "public.finding": {"SELECT"},
        "public.judged": {"SELECT"},
    }


@pytest.mark.parametrize("service", SERVICES)
async def test_functions_that_act_as_the_owner_are_named(
    service: str, database: MakeDatabase, templates: Templates
) -> None:
    made = await database(service)
    conn = await asyncpg.connect(made.admin)
    rows = await conn.fetch(
        """
        SELECT p.oid::regproc::text AS name, has_function_privilege($1, p.oid, 'EXECUTE') AS web,
            has_function_privilege($2, p.oid, 'EXECUTE') AS status, p.proconfig
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname !~ '^pg_' ORDER BY p.proname
        """,
        web_role(templates, service),
        web_role(templates, service).removesuffix("web") + "status",
    )
    await conn.close()
    assert sorted((row["name"], row["web"], row["status"]) for row in rows) == [
        *((name, web, False) for name, web in AS_OWNER.get(service, {}).items()),
        ("runtime.put_outbox", service in SENDS, False),
    ]
    assert all(row["proconfig"] for row in rows), "each has a search path of its own"


async def test_the_console_adds_to_the_outbox_and_cannot_read_it(database: MakeDatabase) -> None:
    made = await database("allocation")
    conn = await connect(made.web, name="test")
    arguments = (
        "ARRAY[gen_random_uuid()], ARRAY['t'], ARRAY['k'], ARRAY['x'],"
        " ARRAY['\\x01'::bytea], ARRAY['{}'::jsonb]"
    )
    try:
        assert await conn.fetch(f"SELECT * FROM runtime.put_outbox({arguments})") == []
        for statement in (
            "SELECT count(*) FROM runtime.outbox",
            "SELECT payload FROM runtime.outbox",
            "DELETE FROM runtime.outbox",
            "INSERT INTO runtime.outbox SELECT",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
    finally:
        await conn.close()
