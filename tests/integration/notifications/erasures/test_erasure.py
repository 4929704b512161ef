"""Somebody is erased on the support side; what is read later brings nothing back; the report says it all."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.base import Payload
from schemas.erasures import Erased, ErasureAcknowledged, Kept, ParticipantErased
from schemas.identity import participant_id
from schemas.placements import ParticipantsMerged
from schemas.support import ExamResultRecorded, SectionResultRecorded
from services.notifications.alerts import forgetting
from services.notifications.alerts.domain import AlertCommand
from services.notifications.alerts.handlers import answer
from services.notifications.consumer import subscriptions
from services.notifications.erasures import store
from services.notifications.erasures.handlers import Erasures
from services.notifications.erasures.report import as_text, desk_report_of, report_of
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.runtime.data.db import connect, transaction
from services.runtime.events.subscription import Applied, Incoming, Verdict
from tests.erasure.search import Needles, Trace, in_database
from tests.identity import IDENTITY_KEY
from tests.notifications.locks import advisory_lock_awaited
from tests.notifications.world import (
    DESK,
    JOBCENTER,
    MBE,
    NOW,
    PROVIDER,
    TODAY,
    World,
    attendance,
    enrolment,
    registration,
    school_days,
)
from tests.serving import REPOSITORY
from tests.waiting import wait_until

MINA = Contact("Rahimi-Probe", "Mina", TODAY.replace(year=1990), "0151 4711", "mina@post.kurslotse.invalid")
MIGRATIONS = REPOSITORY / "services" / "notifications" / "migrations"
REFERENCE = "B-47110815"
TYPED = "kennt Frau Rahimi vom Frauenfrühstück"
BOTH = ("enrolment_notice", "dropout_support")


@dataclass
class Scene:
    """The support side with its readers as the loop calls them."""

    world: World

    @property
    def erasures(self) -> Erasures:
        return Erasures(self.world.secrets, self.world.policy.retention)

    async def read(self, name: str, *events: Incoming) -> Sequence[Verdict]:
        world = self.world
        found = {one.name: one for one in subscriptions("", world.secrets, world.policy, self.erasures)}
        async with transaction(world.worker) as conn:
            return await found[name].handler(conn, events, world.now)

    async def erase(self, *people_: UUID, desk: str = DESK) -> UUID:
        said = erasing(*people_, desk=desk)
        await self.read("erasures", self.world.incoming(None, said))
        return said.erasure

    async def traces(self, **texts: str) -> list[Trace]:
        conn = await connect(self.world.database.admin, name="looking")
        try:
            return await in_database(conn, Needles(texts))
        finally:
            await conn.close()


def erasing(*people_: UUID, desk: str = DESK) -> ParticipantErased:
    return ParticipantErased(
        erasure=uuid4(),
        tombstones=tuple(sorted(IDENTITY_KEY.tombstone(one).hex() for one in people_)),
        office=desk,
        erased_on=TODAY,
        decided_at=NOW,
    )


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


async def somebody_with_everything(world: World) -> dict[str, str]:
    """Register somebody who consents, misses days, has results, alerts and mails; name what to find."""
    person = await world.keep(REFERENCE, MINA)
    await world.register(REFERENCE)
    async with transaction(world.worker) as conn:
        await conn.execute(
            "INSERT INTO registration (id, participant_id, organisation, office, data, begun_at)"
            " VALUES (gen_random_uuid(), $1, 'treff', $2, $3, $4)",
            person,
            DESK,
            registration(REFERENCE).model_dump(mode="json"),
            NOW,
        )
    await world.consent(REFERENCE, *BOTH)
    await world.announce("k-1")
    placement = await world.enrol(person)
    for day in school_days(TODAY, 5):
        await world.attend("k-1", day, {person: "U", uuid4(): "X", uuid4(): "X", uuid4(): "X"})
    results: tuple[Payload, ...] = (
        SectionResultRecorded(course="k-1", participant=person, section=1, grade="below", tested_on=TODAY),
        ExamResultRecorded(course="k-1", participant=person, exam="dtz", taken_on=TODAY, result="A2"),
    )
    await world.say(PROVIDER, *results)
    await world.settle()
    await world.deliver()
    async with world.visiting("wohlfahrt", MBE) as conn:
        for row in await conn.fetch("SELECT alert_id FROM alert ORDER BY alert_id"):
            await answer(conn, row["alert_id"], AlertCommand.ACCEPT, NOW, reason=TYPED, person="ole")
        done = await conn.fetchval("SELECT min(alert_id::text)::uuid FROM alert")
        await answer(conn, done, AlertCommand.DONE, NOW, reason=f"{TYPED}, erledigt")
    async with world.visiting("wohlfahrt") as conn:
        reader = people.Reader("wohlfahrt", "ole", Purpose.ENROLMENT_NOTICE)
        assert await people.read(conn, world.secrets, reader, [person], NOW)
    return {
        "id": str(person),
        "reference": REFERENCE,
        "placement": str(placement),
        "phone": "0151 4711",
        "typed": TYPED,
    }


async def test_somebody_with_everything_leaves_no_trace(scene: Scene) -> None:
    world = scene.world
    needles = await somebody_with_everything(world)
    risks = await world.rows("SELECT risk_id FROM risk")
    needles |= {f"risk {n}": str(row["risk_id"]) for n, row in enumerate(risks)}
    places = {trace.place for trace in await scene.traces(**needles)}
    assert len(places) > 12
    assert risks
    days = await world.rows("SELECT course_id, day, listed FROM course_day ORDER BY day")
    alerts = await world.rows("SELECT alert_id, kind, organisation, raised_at FROM alert ORDER BY alert_id")
    assert len(alerts) == 3
    erasure = await scene.erase(UUID(needles["id"]))
    assert await scene.traces(**needles) == []
    assert await world.rows("SELECT course_id, day, listed FROM course_day ORDER BY day") == days
    after = await world.rows("SELECT alert_id, kind, organisation, raised_at FROM alert ORDER BY alert_id")
    assert after == alerts
    assert await world.value("SELECT count(*) FROM alert WHERE ended_at IS NULL") == 0
    assert await world.value("SELECT count(DISTINCT participant_id) FROM disclosure_log") == 1
    proofs = await world.rows("SELECT proof FROM consent_proof ORDER BY proof")
    assert [row["proof"] for row in proofs] == sorted(
        IDENTITY_KEY.of_consent(UUID(needles["id"]), MBE, purpose) for purpose in BOTH
    )
    await world.deliver()  # the office hears that it is over, and no more
    assert all(needles["id"] not in mail.as_string() for mail in world.server.mails)
    async with transaction(world.worker) as conn:
        report = await report_of(conn, erasure)
    assert report is not None
    rows = {one["table"]: one["rows"] for one in report["services"]["notifications"]["erased"]}
    assert {"person", "consent", "attendance", "alert", "placement", "registration", "risk"} <= rows.keys()
    assert report["missing"] == ["allocation", "gateway"]


async def test_what_was_typed_about_somebody_goes_with_whom_an_alert_was_about(scene: Scene) -> None:
    """However an alert is forgotten: by its age, with the consent, or when the person is erased."""
    world = scene.world
    needles = await somebody_with_everything(world)
    assert "alert_step" in {trace.place.split(".")[-2] for trace in await scene.traces(typed=TYPED)}
    async with transaction(world.worker) as conn:
        assert await forgetting.forget_old(conn, TODAY + timedelta(days=60)) == 1
    assert await world.value("SELECT count(*) FROM alert_step WHERE reason LIKE '%, erledigt'") == 0
    assert await world.value("SELECT count(*) FROM alert_step WHERE reason = $1", TYPED) > 0, "at work still"
    await world.revoke(REFERENCE)
    assert await scene.traces(typed=TYPED) == []
    rows = await world.rows("SELECT participant_id, routing, chain, taken_by, snoozed_by FROM alert")
    assert {tuple(map(str, row)) for row in rows} == {("None", "{}", "[]", "None", "None")}
    await scene.erase(UUID(needles["id"]))
    assert await world.value("SELECT count(*) FROM alert_step WHERE to_state = 'accepted'") == 3


async def test_alerts_that_were_forgotten_before_tell_nothing_after_the_migration(scene: Scene) -> None:
    world = scene.world
    await somebody_with_everything(world)
    kept = await world.value("SELECT min(alert_id::text)::uuid FROM alert")
    forget = (
        "UPDATE alert SET participant_id = NULL, chain = '{x}', state = 'withdrawn', ended_at = raised_at"
        " WHERE alert_id <> $1 RETURNING alert_id"
    )
    assert len(await world.rows(forget, kept)) == 2
    before = await world.rows("SELECT * FROM alert WHERE alert_id = $1", kept)
    steps = "SELECT reason FROM alert_step WHERE alert_id {} $1 ORDER BY reason"
    steps_before = await world.rows(steps.format("="), kept)
    admin = await connect(world.database.admin, name="migrating")
    try:
        async with admin.transaction():
            await admin.execute((MIGRATIONS / "0033_forgotten_alerts.sql").read_text("utf-8"))
    finally:
        await admin.close()
    rows = await world.rows("SELECT routing, chain FROM alert WHERE alert_id <> $1", kept)
    assert [tuple(row) for row in rows] == [({}, [])] * 2
    assert {row["reason"] for row in await world.rows(steps.format("<>"), kept)} == {""}
    assert await world.rows("SELECT * FROM alert WHERE alert_id = $1", kept) == before
    assert await world.rows(steps.format("="), kept) == steps_before


async def test_what_is_read_later_brings_nothing_back(scene: Scene) -> None:
    world = scene.world
    needles = await somebody_with_everything(world)
    person = UUID(needles["id"])
    await scene.erase(person)
    later: list[tuple[str, str | None, Payload]] = [
        ("placements", None, registration(REFERENCE)),
        ("placements", None, enrolment(person, version=9)),
        ("placements", None, ParticipantsMerged(merged=uuid4(), into=person, kreis="99001", decided_at=NOW)),
        ("support", PROVIDER, attendance("k-1", TODAY, {person: "X", uuid4(): "X", uuid4(): "X"})),
        ("support", PROVIDER, attendance("k-2", TODAY, {person: "X", uuid4(): "X", uuid4(): "X"})),
    ]
    for name, slug, payload in later:
        await scene.read(name, world.incoming(slug, payload))
    await world.settle()
    assert await scene.traces(**needles) == []
    with pytest.raises(people.ErasedPersonError):
        await world.keep(REFERENCE, MINA)
    assert await scene.traces(**needles) == []
    await world.keep("B-neu-1", MINA)  # the same person under another reference


async def test_an_erasure_repeated_changes_nothing(scene: Scene) -> None:
    world = scene.world
    needles = await somebody_with_everything(world)
    said = erasing(UUID(needles["id"]))
    for _ in range(2):
        assert await scene.read("erasures", world.incoming(None, said)) == [Applied()]
    async with transaction(world.worker) as conn:
        report = await report_of(conn, said.erasure)
    assert report is not None
    rows = {one["table"]: one["rows"] for one in report["services"]["notifications"]["erased"]}
    assert rows["person"] == 1


async def test_contact_data_alone_are_erased(scene: Scene) -> None:
    person = await scene.world.keep(REFERENCE, MINA)
    await scene.erase(person)
    assert await scene.traces(id=str(person), reference=REFERENCE) == []


async def test_both_ids_of_somebody_merged_are_erased(scene: Scene) -> None:
    world = scene.world
    one = await world.keep(REFERENCE, MINA)
    other = participant_id(JOBCENTER, "J-1")
    await world.register("J-1", desk=JOBCENTER)
    await world.say(None, ParticipantsMerged(merged=one, into=other, kreis="99001", decided_at=NOW))
    await scene.erase(one, other)
    assert await scene.traces(one=str(one), other=str(other)) == []


async def test_who_comes_back_with_a_backup_is_found_by_the_tombstone(scene: Scene) -> None:
    world = scene.world
    needles = await somebody_with_everything(world)
    before = await world.rows("SELECT * FROM person")
    consents = await world.rows("SELECT * FROM consent")
    await scene.erase(UUID(needles["id"]))
    conn = await connect(world.database.admin, name="restoring")
    for table, rows in (("person", before), ("consent", consents)):
        columns = [*rows[0].keys()]
        await conn.copy_records_to_table(table, records=[tuple(row) for row in rows], columns=columns)
    await conn.close()
    assert await scene.traces(**needles) != []
    assert await scene.erasures.again(world.worker, NOW) == 1
    assert await scene.traces(**needles) == []
    assert await scene.erasures.again(world.worker, NOW) == 0


def acknowledged(erasure: UUID, service: str, **changes: Any) -> ErasureAcknowledged:  # noqa: ANN401
    fields: dict[str, Any] = {
        "erasure": erasure,
        "service": service,
        "acknowledged_at": NOW,
        "erased": (Erased(table="participant", rows=1, how="deleted"),),
        "kept": (Kept(what="Thema kurslotse.in", basis="Art. 32 DSGVO", until=TODAY),),
    }
    return ErasureAcknowledged(**(fields | changes))


async def test_a_report_is_complete_when_every_service_has_acknowledged(scene: Scene) -> None:
    world = scene.world
    erasure = await scene.erase(await world.keep(REFERENCE, MINA))
    assert await world.value("SELECT count(*) FROM erasure WHERE completed_at IS NULL") == 1
    for service in ("gateway", "allocation"):
        await scene.read("erasures_done", world.incoming(None, acknowledged(erasure, service)))
    async with world.visiting("treff") as conn:
        report = await report_of(conn, erasure)
        seen = await desk_report_of(conn, erasure)
        assert [row["erasure"] for row in await store.erasures(conn, 10)] == [erasure]
    assert report is not None
    assert report["complete"]
    assert report["missing"] == []
    text = as_text(report)
    assert str(erasure) in text
    assert "participant: Zeilen: 1, gelöscht" in text
    assert REFERENCE not in text
    assert seen is not None
    assert seen["services"]["notifications"]["erased"] is None  # what was there tells of consent
    assert "person_key" not in as_text(seen)
    async with world.visiting("wohlfahrt") as conn:
        assert await report_of(conn, erasure) is None


async def test_last_reports_stored_at_the_same_time_complete_the_erasure(scene: Scene) -> None:
    """The service's own report is written by one reader, those of the others by another."""
    world, said = scene.world, erasing(uuid4())
    others = [acknowledged(said.erasure, service) for service in ("gateway", "allocation")]
    async with transaction(world.worker) as own:
        await store.add_erasure(own, said)
        await store.add_reports(own, [acknowledged(said.erasure, "notifications")])
        done = asyncio.create_task(
            scene.read("erasures_done", *(world.incoming(None, one) for one in others))
        )

        async def decided() -> bool:
            return done.done() or await advisory_lock_awaited(world)

        await wait_until(decided)
    await done
    assert await world.value("SELECT count(*) FROM erasure WHERE completed_at IS NOT NULL") == 1


async def test_an_acknowledgement_that_comes_before_the_erasure_is_kept(scene: Scene) -> None:
    world = scene.world
    said = erasing(await world.keep(REFERENCE, MINA))
    for service in ("gateway", "allocation"):
        await scene.read("erasures_done", world.incoming(None, acknowledged(said.erasure, service)))
    await scene.read("erasures", world.incoming(None, said))
    assert await world.value("SELECT count(*) FROM erasure WHERE completed_at IS NOT NULL") == 1
