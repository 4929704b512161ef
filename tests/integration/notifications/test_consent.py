"""What is kept rests on consent, and ends with it."""

from datetime import timedelta
from uuid import UUID, uuid4

from schemas.envelope import decode_attributes
from schemas.placements import ParticipantsMerged
from schemas.support import (
    AttendanceRecorded,
    ConsentGranted,
    ConsentRevoked,
    ExamResultRecorded,
    SectionResultRecorded,
)
from services.notifications import revocation
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Parked, Problem
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World, attendance, school_days

DROPOUT, ENROLMENT = "dropout_support", "enrolment_notice"


async def places_of(world: World, person: UUID) -> set[str]:
    """Name every table in which a person's id stands anywhere."""
    tables = await world.rows(
        "SELECT table_schema || '.' || quote_ident(table_name) AS name FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'runtime')"
    )
    found = set()
    for table in tables:
        if await world.value(
            f"SELECT EXISTS (SELECT FROM {table['name']} AS t"
            " WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%')",
            str(person),
            str(person).encode().hex(),
        ):
            found.add(table["name"])
    return found


async def test_marks_without_consent_leave_no_row_but_totals(world: World) -> None:
    await world.announce()
    strangers = {uuid4(): mark for mark in "XXXEU"}

    verdicts = await world.attend("k-1", TODAY, strangers)

    (verdict,) = verdicts
    assert isinstance(verdict, Applied)
    assert {problem.code for problem in verdict.warnings} == {"participant_not_in_course"}
    for person in strangers:
        assert await places_of(world, person) == set()
    day = (await world.rows("SELECT listed, present, excused, unexcused FROM course_day"))[0]
    assert tuple(day) == (5, 3, 1, 1)


async def test_totals_of_a_tiny_class_are_not_kept(world: World) -> None:
    await world.announce()
    await world.attend("k-1", TODAY, {uuid4(): "U", uuid4(): "X"})
    assert tuple((await world.rows("SELECT listed, present, unexcused FROM course_day"))[0]) == (
        2,
        None,
        None,
    )


async def test_consent_in_the_same_batch_counts_from_its_place_on(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.enrol(person)
    granted = ConsentGranted(reference="a-1", office=MBE, purposes=(DROPOUT,), given_on=TODAY)
    days = school_days(TODAY, 3)
    await world.read(
        world.incoming(PROVIDER, attendance("k-1", days[0], {person: "U"})),
        world.incoming(DESK, granted),
        world.incoming(PROVIDER, attendance("k-1", days[1], {person: "X"})),
        world.incoming(DESK, ConsentRevoked(reference="a-1", revoked_on=TODAY)),
        world.incoming(PROVIDER, attendance("k-1", days[2], {person: "U"})),
        world.incoming(DESK, granted),
    )
    assert await world.value("SELECT count(*) FROM attendance") == 0

    await world.attend("k-1", days[2], {person: "E"})
    assert await world.value("SELECT mark FROM attendance") == "E"


async def test_parked_attendance_holds_no_mark_without_consent(world: World) -> None:
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person, "k-9")
    stranger = uuid4()

    verdict = (await world.attend("k-9", TODAY, {person: "X", stranger: "U", uuid4(): "Krank"}))[0]

    assert isinstance(verdict, Parked)
    assert verdict.waits_for.startswith("course:")
    assert verdict.keep is not None
    assert str(stranger).encode() not in verdict.keep
    assert b"Krank" not in verdict.keep
    attributes = {"specversion": "1.0", "id": "x", "source": "/p", "type": AttendanceRecorded.type_}
    kept = decode_attributes(attributes, verdict.keep)
    assert not isinstance(kept, list)
    assert isinstance(kept.event.data, AttendanceRecorded)
    assert [entry.mark for entry in kept.event.data.entries] == ["X", "U", "other"]
    assert kept.event.data.entries[0].participant == person


async def test_a_revocation_erases_parked_marks_too(world: World) -> None:
    person, other = await world.register("a-1"), await world.register("a-2")
    for reference in ("a-1", "a-2"):
        await world.consent(reference, DROPOUT)
    for one in (person, other):
        await world.enrol(one, "k-9")
    verdict = (await world.attend("k-9", TODAY, {person: "U", other: "X"}))[0]
    assert isinstance(verdict, Parked)
    attributes = {"specversion": "1.0", "id": "x", "source": "/p", "type": AttendanceRecorded.type_}
    await world.rows(
        'INSERT INTO runtime.parked (reader, cluster, topic, partition, "offset", identity, subject,'
        " waits_for, attributes, data, code, params)"
        " VALUES ('support', 'c', 't', 0, 0, $1, 's', $2, $3, $4, 'c', '{}')",
        uuid4(),
        verdict.waits_for,
        attributes,
        verdict.keep,
    )
    assert "runtime.parked" in await places_of(world, person)

    await world.revoke("a-1")

    assert "runtime.parked" not in await places_of(world, person)
    kept = decode_attributes(attributes, await world.value("SELECT data FROM runtime.parked"))
    assert not isinstance(kept, list)
    assert isinstance(kept.event.data, AttendanceRecorded)
    assert [entry.mark for entry in kept.event.data.entries] == ["U", "X"]
    assert kept.event.data.entries[1].participant == other


async def test_unknown_signs_are_asked_about_and_never_stored(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)

    verdict = (await world.attend("k-1", TODAY, {uuid4(): "X", person: "Krank", uuid4(): "Krank"}))[0]

    assert isinstance(verdict, Applied)
    assert [(p.code, p.field) for p in verdict.warnings if p.code == "mark_unknown"] == [
        ("mark_unknown", "entries.1.mark"),
        ("mark_unknown", "entries.2.mark"),
    ]
    assert await world.value("SELECT count(*) FROM attendance") == 0


async def test_of_results_the_latest_is_stored_and_strangers_are_asked_about(world: World) -> None:
    await world.announce()
    person, stranger = await world.register("a-1"), uuid4()
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    before = await places_of(world, person)
    asked = {}
    for participant in (person, stranger):
        asked[participant] = await world.say(
            PROVIDER,
            SectionResultRecorded(
                course="k-1", participant=participant, section=1, grade="as_expected", tested_on=TODAY
            ),
            ExamResultRecorded(
                course="k-1", participant=participant, exam="dtz", result="B1", taken_on=TODAY
            ),
        )
    assert asked[person] == [Applied(), Applied()]
    finding = Problem("participant_not_in_course", field="participant")
    assert asked[stranger] == [Applied((finding,)), Applied((finding,))]
    assert await world.value("SELECT count(*) FROM section_result") == 1
    assert await world.value("SELECT count(*) FROM exam_result") == 1
    assert {place.split(".")[1] for place in await places_of(world, person) - before} == {
        "section_result",
        "exam_result",
    }
    assert await places_of(world, stranger) == set()


async def test_revocation_withdraws_ends_and_erases_at_once(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Muster", given_name="Mina", phone="0123"))
    await world.consent("a-1", DROPOUT, ENROLMENT)
    await world.enrol(person)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    assert {tuple(row) for row in await world.rows("SELECT kind, state FROM alert")} == {
        ("enrolment", "new"),
        ("risk", "new"),
    }
    assert await world.value("SELECT count(*) FROM person_key") == 3  # desk, counselling, provider's roster
    await world.deliver()

    await world.revoke("a-1")

    assert await world.value("SELECT count(*) FROM attendance") == 0
    assert await world.value("SELECT count(*) FROM risk") == 0
    assert {
        tuple(row) for row in await world.rows("SELECT state, withdrawn_for, participant_id FROM alert")
    } == {("withdrawn", "consent_ended", None)}
    keys = {row["organisation"] for row in await world.rows("SELECT organisation FROM person_key")}
    assert keys == {"treff", "vhs"}
    assert (
        await world.value("SELECT count(*) FROM disclosure WHERE office = $1 AND ended_at IS NULL", MBE) == 0
    )
    assert await world.value("SELECT count(*) FROM person") == 1  # the desk's own record stays
    await world.settle()
    await world.deliver()
    assert "2 Hinweise wurden zurückgenommen" in [str(mail["Subject"]) for mail in world.server.mails]
    assert not [mail for mail in world.server.mails if "Muster" in mail.as_string()]
    assert "public.alert" not in await places_of(world, person)


async def test_revoking_one_office_leaves_what_rests_on_the_other(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.consent("a-1", DROPOUT, office_=JMD)
    await world.enrol(person)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    assert await world.value("SELECT office FROM alert") == MBE

    await world.revoke("a-1", office_=MBE)
    assert await world.value("SELECT count(*) FROM attendance") == 2
    await world.settle()

    assert tuple((await world.rows("SELECT office, state, opening FROM alert"))[0]) == (JMD, "new", 2)


async def test_consent_lapses_like_a_revocation(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT, given=TODAY - timedelta(days=360))
    await world.attend("k-1", TODAY, {person: "X"})
    assert await world.value("SELECT valid_until FROM consent") == TODAY + timedelta(days=5)

    world.now += timedelta(days=6)
    async with transaction(world.worker) as conn:
        assert await revocation.end_lapsed(conn, world.secrets, world.now) == 1

    assert await world.value("SELECT count(*) FROM attendance") == 0
    assert await world.value("SELECT step FROM consent_step ORDER BY recorded_at DESC LIMIT 1") == "lapsed"


async def test_a_retracted_grant_is_a_revocation(world: World) -> None:
    await world.register("a-1")
    granted = ConsentGranted(reference="a-1", office=MBE, purposes=(DROPOUT,), given_on=TODAY)
    await world.read(world.incoming(DESK, granted, id_="grant-1"))
    await world.read(world.incoming(DESK, granted, id_="grant-2", retracts="grant-1"))
    assert await world.value("SELECT revoked_on FROM consent") == TODAY


async def test_a_merged_person_revokes_under_all_ids(world: World) -> None:
    first, second = await world.register("a-1"), await world.register("a-2")
    await world.consent("a-1", DROPOUT)
    await world.consent("a-2", ENROLMENT)
    merged = ParticipantsMerged(merged=first, into=second, kreis="99001", decided_at=world.now)
    await world.say(None, merged)
    await world.revoke("a-1")
    assert await world.value("SELECT count(*) FROM consent WHERE ended_at IS NULL") == 0
