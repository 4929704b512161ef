"""The wall: columns and event fields of the steering side are on an allow-list; tenants stay apart."""

from collections.abc import Mapping

import asyncpg
import pytest
from pydantic import BaseModel

from schemas.topics import EVENT_TYPES, Family
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import open_pool, web_transaction
from tests.allocation.builders import KREIS, NOW, OFFICE, PROVIDER, announced, registered
from tests.allocation.world import World, refusal

COLUMNS: Mapping[str, str] = {
    "course": "course kreis provider own_course own_number title course_type course_kind town"
    " capacity minimum"
    " taken_elsewhere target_level lessons times_of_day venue barrier_free online childcare women_only"
    " registration_until state cancel_reason ended_on version stated stated_as",
    "course_section": "course number kreis starts_on ends_on ue capacity taken removed completed_on",
    "participant": "participant kreis office reference status registered_on first_registered_on"
    " returns town standing"
    " route granted_on valid_until cooperation_plan hours_left course_types available earliest_start"
    " needs_childcare needs_women_only needs_barrier_free youth_until max_travel_minutes tested_on"
    " level section"
    " tested_type withdrawn_on withdraw_reason merged_into version available_days family asylum_phase stated"
    " stated_as registered_again_on last_course_ended_on",
    "placement_test": "event kreis participant place tested_on level section course_type stands",
    "placement": "placement kreis participant course provider office course_kind entry_section"
    " seats state version"
    " published run reason reasons alternatives proposed_at expires_at own_number started_on"
    " ended_on exit_kind"
    " exit_event past_exits changed_at",
    "placement_step": "placement version kreis from_state to_state reason params actor note decided_at",
    "progress": "publisher until offsets",
    "expiry": "placement kreis publisher partition due_at until heard_to read_to",
    "erasure_task": "erasure participants asked_at erased done_at",
    "published_figure": "kreis figure quarter part low high k counted_on",
    "published_counts": "kreis week name value suppressed_below",
    "outside_count": "kreis source day population people imported_by imported_at",
    "outcome": "course kreis completed_on started finished sat b1 a2 below lid qualified version",
    "level_deviation": "id kreis participant section level reason actor decided_at lifted_at lifted_by",
    "course_decision": "id kreis course decision reason actor decided_at lifted_at lifted_by",
    "authority_export": "export placement kreis format actor exported_at",
    "entitlement_followup": "id kreis participant kind reason actor noted_on decided_at",
    "expiry_order": "placement kreis actor ordered_at",
    "remedy": "participant kreis run code params changes course section town gives_way found_at",
    "remedy_sum": "kreis run code people together",
    "analysis_task": "id kreis kind question asked_by asked_at place state attempts token held_until"
    " snapshot result failed_code finished_at begun_at took_seconds saved_as saved_by saved_at",
    "pooled_kreis": "kreis neighbour",
    "pooling_decision": "id kreis host host_provider closed gave_up reason actor decided_at",
    "policy_version": "id kreis valid_from document sha256 state based_on written_by written_at"
    " submitted_at activated_by activated_at holds_from withdrawn_by withdrawn_at",
    "policy_event": "id kreis version what actor at reason",
    "policy_consultation": "version kreis link until sent_by sent_at",
    "policy_comment": "id version kreis sha256 organisation publisher said said_on actor at",
    "policy_preview": "version kreis sha256 result tried_at",
    "measure": "measure kreis need agreed course begins_on decided_by decided_at ended_on ended_by told",
    "travel_table": "id kreis name sha256 content rows skipped loaded_by loaded_at active",
    "travel_time": "kreis from_town to_town minutes filled travel_table",
}
"""No name, birth date, attendance, result, risk or consent of a person; `outcome` holds totals of courses."""

STEERING = "steering_"
FORBIDDEN = ("birth", "attend", "absen", "risk", "consent", "phone", "mail", "grade", "surname", "first_name")

FIELDS = frozenset(
    [
        "course_type",
        "right_until",
        "venue",
        "venue.name",
        "venue.street",
        "venue.postcode",
        "venue.town",
        "lessons",
        "lessons.weekday",
        "lessons.starts_at",
        "lessons.ends_at",
        "childcare",
        "online",
        "placement",
        "version",
        "participant",
        "course",
        "provider",
        "own_course",
        "office",
        "kreis",
        "entry_section",
        "starts_on",
        "ends_on",
        "from_state",
        "to_state",
        "reason",
        "reason.code",
        "reason.params",
        "decided_at",
        "reasons",
        "reasons.code",
        "reasons.params",
        "alternatives",
        "alternatives.course",
        "alternatives.provider",
        "alternatives.starts_on",
        "alternatives.reason",
        "alternatives.reason.code",
        "alternatives.reason.params",
        "expires_at",
        "own_number",
        "ended_on",
        "run",
        "merged",
        "into",
        "into_provider",
        "into_own_course",
        "holds",
        "completed_on",
        "started",
        "finished",
        "qualified",
        "title",
        "town",
        "sections",
        "sections.number",
        "sections.starts_on",
        "sections.ends_on",
        "sections.ue",
        "cancelled_on",
        "youth_until",
        "asylum_phase",
        "registered_on",
        "withdrawn_on",
        "measure",
        "need",
        "agreed",
        "begins_on",
    ]
)


async def test_columns_are_those_of_the_list(world: World) -> None:
    rows = await world.rows(
        """
        SELECT table_name, column_name, table_type = 'VIEW' AS view FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public'
        """
    )
    views = {row["table_name"] for row in rows if row["view"]}
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    own = {
        name: names
        for name, names in found.items()
        if name not in views and not name.startswith((STEERING, "main_reason"))
    }
    assert own == {name: set(names.split()) for name, names in COLUMNS.items()}
    for table, names in found.items():
        assert not [name for name in names if any(part in name for part in FORBIDDEN)], table


async def test_a_planted_column_is_found(world: World) -> None:
    async with world.pool.acquire() as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("ALTER TABLE participant ADD COLUMN birth_date date")
    admin = await asyncpg.connect(world.database.admin)
    try:
        await admin.execute("ALTER TABLE participant ADD COLUMN birth_date date")
    finally:
        await admin.close()
    with pytest.raises(AssertionError):
        await test_columns_are_those_of_the_list(world)


def _paths(model: type[BaseModel], before: str = "") -> set[str]:
    found = set()
    for name, info in model.model_fields.items():
        found.add(before + name)
        for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= _paths(part, f"{before}{name}.")
    return found


def test_event_fields_are_those_of_the_list() -> None:
    said = [kind.payload for kind in EVENT_TYPES.values() if kind.family == Family.PLACEMENTS]
    assert set().union(*(_paths(payload) for payload in said)) == FIELDS


async def test_every_table_with_a_tenant_is_forced_to_keep_it(world: World) -> None:
    rows = await world.rows(
        """
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS kept,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'kreis'
                       AND a.attnotnull) AS tenant
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind = 'r'
        """
    )
    without = {row["relname"] for row in rows if not row["tenant"]}
    assert without == {"progress", "erasure_task"}
    assert all(row["kept"] for row in rows if row["tenant"])


async def test_the_web_role_commands_its_own_kreis_only(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    (placement,) = await world.propose("p1")
    web = await open_pool(world.database.web, name="web-test", max_size=2)
    try:
        async with web_transaction(web, kreise=["99002"]) as conn:
            outcome = await world.placements.approve_proposal(conn, DecidedBy("peter", NOW), placement)
            assert refusal(outcome) == "placement_unknown"
            assert await conn.fetchval("SELECT count(*) FROM participant") == 0
        async with web_transaction(web, kreise=[KREIS]) as conn:
            outcome = await world.placements.approve_proposal(conn, DecidedBy("jana", NOW), placement)
            assert isinstance(outcome, Done)
        async with web_transaction(web, kreise=[KREIS]) as conn:
            for table in ("progress", "runtime.parked", "runtime.quarantine"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with conn.transaction():
                        await conn.fetch(f"SELECT FROM {table}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with conn.transaction():
                    await conn.execute("UPDATE placement_step SET note = 'rewritten'")
            outcome = await world.placements.give_up(
                conn, DecidedBy("jana", NOW, "Termin passt nicht"), placement
            )
            assert isinstance(outcome, Done)
    finally:
        await web.close()
    assert await world.taken() == [0, 0, 0]
    # What a coordinator writes stays in the history and is told to nobody.
    (row,) = await world.rows("SELECT note FROM placement_step WHERE note IS NOT NULL")
    assert row["note"] == "Termin passt nicht"
    assert not any("Termin" in str(data) for _, data, _ in await world.told())
    await world.check()
