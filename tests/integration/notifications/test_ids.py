"""Ids that leave the support side, in links and Message-IDs, tell nothing: they are random."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg
import pytest

from schemas.identity import NAMESPACE
from services.embedded.stack.apply import shared_migrations_of
from services.runtime.data import migrate, roles
from tests.databases import Templates
from tests.notifications.world import TODAY, World, school_days, world_on
from tests.serving import REPOSITORY, Servers

MIGRATIONS = REPOSITORY / "services" / "notifications" / "migrations"
IDS = """
    SELECT alert_id AS id FROM alert UNION SELECT matter FROM alert WHERE kind = 'risk'
    UNION SELECT risk_id FROM risk UNION SELECT delivery_id FROM delivery
"""


@pytest.fixture
async def two_worlds(templates: Templates, prefix: str) -> AsyncIterator[tuple[World, World]]:
    """Two installations."""
    databases = [await templates.copy("notifications", f"{prefix}{n}-") for n in (1, 2)]
    keys = [await templates.copy("keys", f"{prefix}{n}-") for n in (1, 2)]
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(world_on(*one)) for one in zip(databases, keys, strict=True)
        ]
        yield first, second
    await templates.drop(databases + keys)


async def play(world: World) -> None:
    """Let somebody miss two days, and be told of."""
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "dropout_support", "enrolment_notice")
    await world.enrol(person)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"}, id_=f"day-{day}")
    await world.settle()
    await world.deliver()


async def test_two_installations_with_the_same_inputs_have_no_id_in_common(
    two_worlds: tuple[World, World],
) -> None:
    ids = []
    for world in two_worlds:
        await play(world)
        ids.append({row["id"] for row in await world.rows(IDS)})
        assert len(ids[-1]) == 5  # two alerts, two mails, one risk
    assert not ids[0] & ids[1]


async def test_no_word_of_a_mail_is_derived_from_what_others_know(two_worlds: tuple[World, World]) -> None:
    first, second = two_worlds
    hidden = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|KL-[0-9A-F]{8}")
    said = []
    for world in (first, second):
        await play(world)
        said.append({word for mail in world.server.mails for word in hidden.findall(mail.as_bytes())})
        assert len(said[-1]) >= 4
    assert not said[0] & said[1]


async def test_the_same_cause_found_again_is_the_same_risk_alert_and_mail(
    two_worlds: tuple[World, World],
) -> None:
    world, _ = two_worlds
    await play(world)
    before = [tuple(row) for row in await world.rows(f"{IDS} ORDER BY 1")]
    await world.rows("UPDATE course_day SET assessed = false")
    await world.rows("INSERT INTO reconsider (participant_id) SELECT participant_id FROM participant_fact")
    await world.settle()
    assert [tuple(row) for row in await world.rows(f"{IDS} ORDER BY 1")] == before


async def test_an_upgrade_renews_ids_and_keeps_what_belongs_together(
    servers: Servers, templates: Templates, prefix: str, tmp_path: Path
) -> None:
    before = [file for file in sorted(MIGRATIONS.glob("*.sql")) if "judged" not in file.name]
    before = before[: 1 + next(n for n, file in enumerate(before) if "likeness" in file.name)]
    for file in before:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    database = roles.database_name(f"{prefix}old-", "notifications")
    for folder in (tmp_path, MIGRATIONS):
        await migrate.apply(
            servers.database_url,
            "notifications",
            prefix=f"{prefix}old-",
            passwords=templates.passwords,
            migrations=folder,
            shared=shared_migrations_of("notifications") if folder == MIGRATIONS else {},
        )
        conn = await asyncpg.connect(roles.address_of(servers.database_url, database))
        try:
            if folder == tmp_path:
                old = await _as_before(conn)
            else:
                await _is_renewed(conn, old)
        finally:
            await conn.close()
    admin = await asyncpg.connect(servers.database_url)
    await roles.drop_database(admin, database)
    await admin.close()


async def _as_before(conn: asyncpg.Connection) -> set[UUID]:
    """Write rows with the ids of the release before; return the ids."""
    person, course = uuid5(NAMESPACE, "person"), uuid5(NAMESPACE, "course")
    risk = uuid5(NAMESPACE, f"risk/{person}/{course}/no_show/2026-03-02")
    alert, forgotten = uuid5(risk, "alert/dropout_support"), uuid5(NAMESPACE, "an erased risk")
    delivery = uuid5(alert, "delivery/office:mbe/email/notice-1")
    await conn.execute(
        "INSERT INTO risk (risk_id, participant_id, course_id, rule, since, params, reported_until, state,"
        " raised_at) VALUES ($1, $2, $3, 'no_show', '2026-03-02', '{}', '2026-03-03', 'open', now())",
        risk,
        person,
        course,
    )
    for id_, matter, state, ended in ((alert, risk, "new", False), (forgotten, forgotten, "withdrawn", True)):
        await conn.execute(
            "INSERT INTO alert (alert_id, kind, matter, purpose, participant_id, course_id, organisation,"
            " office, chain, routing, reason, state, raised_at, ended_at) VALUES ($1, 'risk', $2,"
            " 'dropout_support', $3, $4, 'o', 'mbe', '{}', '{}', '{}', $5, now(),"
            " CASE WHEN $6 THEN now() END)",
            id_,
            matter,
            None if ended else person,
            course,
            state,
            ended,
        )
    await conn.execute("INSERT INTO alert_step VALUES ($1, 1, 'o', 'mbe', 'new', 'new', 'r', now())", alert)
    await conn.execute(
        "INSERT INTO escalation (alert_id, opening, office, organisation, step, due_at)"
        " VALUES ($1, 1, 'mbe', 'o', 1, now())",
        alert,
    )
    await conn.execute(
        "INSERT INTO delivery (delivery_id, alert_id, organisation, office, recipient, channel, step,"
        " created_at) VALUES ($1, $2, 'o', 'mbe', 'office:mbe', 'email', 'notice-1', now())",
        delivery,
        alert,
    )
    await conn.execute(
        "INSERT INTO delivery_attempt (delivery_id, attempt, token) VALUES ($1, 1, $1)", delivery
    )
    await conn.execute(
        "INSERT INTO disclosure VALUES ($1, 'o', 'mbe', 'dropout_support', $2, '2026-12-31', now(), NULL)",
        person,
        alert,
    )
    return {risk, alert, forgotten, delivery}


async def _is_renewed(conn: asyncpg.Connection, old: set[UUID]) -> None:
    now = {row["id"] for row in await conn.fetch(IDS)}
    assert len(now) == 5
    assert not now & old
    joined = await conn.fetchval(
        "SELECT count(*) FROM risk AS r JOIN alert AS a ON a.matter = r.risk_id"
        " JOIN alert_step USING (alert_id) JOIN escalation USING (alert_id) JOIN delivery USING (alert_id)"
        " JOIN delivery_attempt USING (delivery_id) JOIN disclosure AS d ON d.basis = a.alert_id"
    )
    assert joined == 1
