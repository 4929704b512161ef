"""Tests the batch loop on real servers, with good and bad records."""

from datetime import date

import pytest

from schemas.envelope import encode_data, encode_headers
from schemas.identity import event_uuid
from schemas.offices import ParticipantWithdrawn
from schemas.providers import CourseCancelled, CourseChanged
from tests.stand import SLUG, Stand, announcement, completed, event
from tests.waiting import wait_until


def cancelled(course: str, reason: str = "other") -> CourseCancelled:
    return CourseCancelled(course=course, cancelled_on=date(2026, 1, 1), reason=reason)


async def test_events_have_their_effect_in_order_and_are_acknowledged_by_a_watermark(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        said = await stand.say(announcement("a"), *(completed("a", n) for n in range(3)))
        await stand.read_up_to(4)
    assert [cause for cause, _, _ in await stand.effects()] == [
        event_uuid(SLUG, "in", one.id) for one in said
    ]
    marks = [finding for finding in await stand.findings() if finding["kind"] == "accepted"]
    assert marks[-1]["offset"] == 3
    assert sum(mark["params"]["applied"] for mark in marks) == 4
    assert await stand.verdicts() == []


async def test_bad_records_are_refused_with_a_finding_and_good_ones_beside_them_are_not(stand: Stand) -> None:
    await stand.know()
    good = event(announcement("a"))
    headers = encode_headers(good)
    async with stand.consuming():
        name = stand.in_topic()
        await stand.produce(name, headers, encode_data(good.data))
        await stand.produce(name, headers, b'{"course": "a", "title": ')
        await stand.produce(name, [("ce_id", b"\xff\xfe")], b"{}")
        await stand.produce(name, [(key, value) for key, value in headers if key != "ce_id"], b"{}")
        await stand.produce(
            name, [("ce_type", b"de.kurslotse.nonsense.v1"), *_without(headers, "ce_type")], b"{}"
        )
        await stand.produce(name, _as(headers, "m5"), b'{"course": "a", "capacity": "viele Erika"}')
        await stand.produce(name, _as(headers, "m6"), b"")
        await stand.say(completed("a", 7))
        await stand.read_up_to(8)
    assert [n for _, _, n in await stand.effects()] == [0, 7]
    codes = [code for _, code in await stand.verdicts()]
    assert codes[:4] == ["json_malformed", "header_not_utf8", "attribute_missing", "type_unknown"]
    assert {"field_missing", "field_invalid", "data_missing"} <= set(codes)
    refused = await stand.fetch("SELECT * FROM runtime.quarantine ORDER BY id")
    assert [row["offset"] for row in refused] == [1, 2, 3, 4, 5, 6]
    everything = str(refused) + str(await stand.findings())
    assert "Erika" not in everything
    assert "viele" not in everything


async def test_an_unknown_field_warns_and_does_not_refuse(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        good = event(announcement("a"))
        data = encode_data(good.data)[:-1] + b',"capazity": 3}'
        await stand.produce(stand.in_topic(), encode_headers(good), data)
        await stand.read_up_to(1)
    assert len(await stand.effects()) == 1
    assert await stand.verdicts() == [("warning", "field_unknown")]


async def test_a_publisher_may_send_only_what_it_was_registered_for(stand: Stand) -> None:
    await stand.know(types=[announcement("a").type_])
    async with stand.consuming():
        await stand.say(announcement("a"), completed("a", 1))
        withdrawn = event(ParticipantWithdrawn(reference="R-1", withdrawn_on=date(2026, 1, 1)))
        await stand.say(withdrawn)
        await stand.read_up_to(3)
    assert len(await stand.effects()) == 1
    assert await stand.verdicts() == [("rejected", "not_allowed")] * 2


async def test_the_same_again_is_a_duplicate_and_another_content_is_refused(stand: Stand) -> None:
    await stand.know()
    first = event(announcement("a"), "e-1")
    other = event(announcement("a", title="Deutsch am Abend"), "e-1")
    async with stand.consuming():
        await stand.say(first, first, other, first)
        await stand.read_up_to(4)
    assert len(await stand.effects()) == 1
    assert await stand.verdicts() == [("rejected", "id_reused")]
    counts = await stand.fetch("SELECT outcome, n FROM runtime.event_count WHERE reader = 'in' ORDER BY 1")
    assert [tuple(row) for row in counts] == [("applied", 1), ("duplicate", 2), ("refused", 1)]


async def test_what_is_not_yet_known_is_parked_and_applied_in_order_when_it_arrives(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        await stand.say(completed("a", 1), completed("a", 2), completed("b", 3))
        await stand.read_up_to(3)
        assert await stand.effects() == []
        assert await stand.value("SELECT count(*) FROM runtime.parked") == 3
        await stand.say(completed("a", 4), announcement("a"), completed("a", 5))
        await stand.read_up_to(6)
    assert [n for _, _, n in await stand.effects()] == [0, 1, 2, 4, 5]
    assert await stand.value("SELECT count(*) FROM runtime.parked") == 1
    assert await stand.value("SELECT violations FROM status.one_fate") == 0
    kinds = await stand.verdicts()
    assert kinds[:3] == [
        ("parked", "course_unknown"),
        ("parked", "course_unknown"),
        ("parked", "course_unknown"),
    ]


async def test_out_of_order_within_one_poll(stand: Stand) -> None:
    await stand.know()
    await stand.say(
        completed("a", 1), completed("b", 2), announcement("a"), completed("a", 3), announcement("b")
    )
    async with stand.consuming():
        await stand.read_up_to(5)
    by_course: dict[str, list[int]] = {}
    for _, subject, n in await stand.effects():
        by_course.setdefault(subject, []).append(n)
    assert sorted(by_course.values()) == [[0, 1, 3], [0, 2]]
    assert await stand.value("SELECT count(*) FROM runtime.parked") == 0


async def test_events_of_a_publisher_not_yet_announced_wait_for_it(stand: Stand) -> None:
    async with stand.consuming():
        await stand.say(announcement("a"), completed("a", 1))
        await stand.read_up_to(2)
        assert await stand.verdicts() == [("parked", "publisher_unknown")] * 2
        await stand.announce(SLUG)
        await wait_until(lambda: _count(stand, "effect", 2))
    assert [n for _, _, n in await stand.effects()] == [0, 1]
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


async def test_what_waited_too_long_is_refused_and_frees_what_waited_behind(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming() as consumers:
        await stand.say(completed("a", 1), completed("a", 2))
        await stand.read_up_to(2)
        await stand.execute(
            "UPDATE runtime.parked SET parked_at = now() - interval '30 days' WHERE \"offset\" = 0"
        )
        assert await consumers.maintenance.expire_parked() == 1
    kinds = await stand.verdicts()
    assert kinds == [("parked", "course_unknown")] * 2 + [("rejected", "course_unknown")]
    assert await stand.value("SELECT count(*) FROM runtime.parked") == 1
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


async def test_parking_has_room_for_so_many(stand: Stand) -> None:
    stand.with_loop(parked_limit=3)
    await stand.know()
    async with stand.consuming():
        await stand.say(*(completed("a", n) for n in range(5)))
        await stand.read_up_to(5)
    assert await stand.value("SELECT count(*) FROM runtime.parked") == 3
    assert (await stand.verdicts())[3:] == [("rejected", "parking_full")] * 2


async def test_the_record_that_the_database_refuses_is_found_and_the_others_go_on(stand: Stand) -> None:
    await stand.know()
    await stand.say(announcement("a"), *(completed("a", n) for n in range(40)))
    async with stand.consuming():
        await stand.read_up_to(41)
    assert [n for _, _, n in await stand.effects()] == [0, *(n for n in range(40) if n != 13)]
    assert await stand.verdicts() == [("rejected", "refused_by_database")]
    assert (await stand.fetch("SELECT params FROM runtime.quarantine"))[0]["params"] == {"sqlstate": "23514"}


async def test_a_constraint_that_complains_only_at_the_commit_finds_its_culprit_too(stand: Stand) -> None:
    await stand.know()
    await stand.say(announcement("a"), completed("a", 150), completed("a", 7), completed("a", 150))
    async with stand.consuming():
        await stand.read_up_to(4)
    assert [n for _, _, n in await stand.effects()] == [0, 150, 7]
    assert await stand.verdicts() == [("rejected", "refused_by_database")]


async def test_a_refused_record_is_read_back_from_kafka_and_tried_again(stand: Stand) -> None:
    await stand.know(types=[announcement("a").type_])
    async with stand.consuming() as consumers:
        await stand.say(announcement("a"), completed("a", 5))
        await stand.read_up_to(2)
        await stand.execute(
            "UPDATE runtime.publisher SET event_types = event_types || $1", [completed("a", 5).type_]
        )
        await stand.execute("UPDATE runtime.quarantine SET replay_requested_at = now()")
        assert await consumers.maintenance.replay() == 1
        assert await consumers.maintenance.replay() == 0
    assert [n for _, _, n in await stand.effects()] == [0, 5]
    assert await stand.value("SELECT replay_result FROM runtime.quarantine") == "applied"
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


@pytest.mark.parametrize("course_first", [True, False])
async def test_other_cuts_of_the_same_input_give_the_same_effects(stand: Stand, course_first: bool) -> None:
    await stand.know()
    stand.with_loop(max_records=1)
    events = [completed("a", 1), announcement("a"), CourseChanged(course="a", capacity=12), completed("a", 2)]
    if course_first:
        events = [events[1], events[0], *events[2:]]
    await stand.say(*events)
    async with stand.consuming():
        await stand.read_up_to(4)
    assert [n for _, _, n in await stand.effects()] == [0, 1, 0, 2]


async def _count(stand: Stand, table: str, n: int) -> bool:
    return bool(await stand.value(f"SELECT count(*) FROM {table}") >= n)


def _without(headers: list[tuple[str, bytes]], name: str) -> list[tuple[str, bytes]]:
    return [(key, value) for key, value in headers if key != name]


def _as(headers: list[tuple[str, bytes]], id_: str) -> list[tuple[str, bytes]]:
    return [*_without(headers, "ce_id"), ("ce_id", id_.encode())]
