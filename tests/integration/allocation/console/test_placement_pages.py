"""The pages of placements and courses, the list for BAMF, and the same steps for programs."""

import asyncio
import csv
import io
import re
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import openpyxl
import pytest

from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    after_section,
    completed,
    confirmed,
    course,
    person,
    registered,
)
from tests.allocation.world import World
from tests.integration.allocation.console.client import WHY, ConsoleClient, only_row, person_address


async def test_the_placement_page_shows_what_speaks_against_another_course(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    entry = f"{course('k2')}/1"
    answer = await client.form(f"/placements/{placement}/override", reason=WHY, entry=entry)
    assert "Gegen diesen Kurs sprechen Regeln" in answer.text
    assert "anderen Platz" in await client.done(
        f"/placements/{placement}/override", reason=WHY, entry=entry, known=entry
    )


@pytest.mark.parametrize(("present", "days"), [({}, 10), ({"present": "1"}, 3)])
async def test_whoever_is_in_the_room_has_three_days(
    client: ConsoleClient, present: dict[str, str], days: int
) -> None:
    first, second = await client.world.propose("p1", "p2")
    await client.done("/proposals/approve", placement=str(first), **present)
    one = {f"present-{second}": "1"} if present else {}
    await client.done("/proposals/approve", one=str(second), **one)
    rows = await client.world.rows("SELECT expires_at FROM placement")
    assert {row["expires_at"] for row in rows} == {NOW + timedelta(days=days)}


async def test_a_course_starts_below_its_minimum_or_does_not_start(client: ConsoleClient) -> None:
    address = f"/courses/{course()}"
    assert "Mindestzahl" in await client.done(f"{address}/ruling", reason=WHY, decision="start")
    await client.world.propose("p1")
    assert "beginnt nicht" in await client.done(f"{address}/ruling", reason=WHY, decision="close")
    page = await client.page(address)
    assert "Er beginnt nicht" in page
    assert page.count(WHY) == 3  # the notice, and twice in the history
    assert await only_row(client.world, "SELECT state FROM placement") == ("superseded",)
    assert "entscheidet wieder" in await client.done(f"{address}/ruling/end")
    answer = await client.form(f"{address}/ruling", reason="kurz", decision="close")
    assert (answer.status_code, "mindestens zehn Zeichen" in answer.text) == (422, True)
    answer = await client.form(f"{address}/ruling", reason=WHY)
    assert answer.status_code == 422


async def test_the_list_for_bamf(client: ConsoleClient) -> None:
    first, second = await client.world.propose("p1", "p2")
    assert "Kein Vorschlag liegt beim BAMF" in await client.page("/authority")
    assert "kreuzen Sie" in await client.done("/authority/send")
    assert "1 Vorschlag" in await client.done("/authority/send", placement=str(first))
    answer = await client.form("/authority/export", format="csv", scope="new")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows == [
        [
            "Aktenzeichen", "Anmeldestelle", "Kursnummer", "Kursträger", "Abschnitt", "Beginn",
            "Rechtsgrundlage", "Grund der Teilnahme",
        ],
        [
            "p1", OFFICE, "N-k1", PROVIDER, "1", "02.03.2026", "Verpflichtung (§ 44a AufenthG)",
            "verpflichtet durch das Jobcenter",
        ],
    ]  # fmt: skip
    assert await only_row(
        client.world, "SELECT placement, format, actor, exported_at FROM authority_export"
    ) == (
        first,
        "csv",
        "jana-vogt",
        NOW,
    )
    assert "kein Vorschlag" in await client.done("/authority/export", format="csv", scope="new")

    await client.done("/authority/send", placement=str(second))
    client.watch.at = NOW + timedelta(hours=1)
    answer = await client.form("/authority/export", format="xlsx", scope="all")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["Aktenzeichen", "p1", "p2"]
    page = await client.page("/authority")
    assert "Excel" in page
    assert "noch nicht" not in page

    said = await client.done(f"/placements/{first}/authority-refused", reason=WHY)
    assert "wartet wieder" in said
    # What was in which list can be taken out again, with what has become of it.
    lists = re.findall(r"/authority/lists/([0-9a-f-]+)\?format=(csv|xlsx)", await client.page("/authority"))
    assert [form for _, form in lists] == ["xlsx", "csv"]
    answer = await client.http.get(f"/authority/lists/{lists[1][0]}?format=csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row[0] for row in rows] == ["Aktenzeichen", "p1"]
    assert (rows[0][-1], rows[1][-1] != "") == ("Stand", True)
    told = (await client.http.get(f"/api/v1/authority/exports/{lists[0][0]}")).json()["proposals"]
    assert {one["reference"]: one["state"] for one in told} == {
        "p1": "superseded", "p2": "sent_to_authority",
    }  # fmt: skip
    assert (await client.http.get(f"/authority/lists/{first}")).status_code == 404
    # Two coordinators take out what is new at the same moment: it stands in one list only.
    await client.world.must(OFFICE, registered("p3"))
    (third,) = await client.world.propose("p3")
    await client.done("/authority/send", placement=str(third))
    both = await asyncio.gather(*(client.api("/authority/export", {"scope": "new"}) for _ in range(2)))
    assert sorted(len(one.json()["proposals"]) for one in both) == [0, 1]
    assert WHY in await client.page(person_address())
    assert "bestätigt" in await client.done("/proposals/approve", one=str(second))  # BAMF agrees
    short = await client.form(f"/placements/{second}/authority-refused", reason="kurz")
    assert short.status_code == 422


async def test_steps_that_the_policy_leaves_to_people(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    await client.done("/proposals/approve", one=str(placement))
    client.watch.at = NOW + timedelta(days=11)
    assert "vorbei" in await client.page("/reservations")
    assert "Reservierung enden lassen" in await client.page(f"/placements/{placement}")
    assert "vermerkt" in await client.done(f"/placements/{placement}/step", step="expire")
    assert await only_row(client.world, "SELECT placement, actor FROM expiry_order") == (
        placement,
        "jana-vogt",
    )

    await client.world.must(OFFICE, accepted(placement))
    await client.world.must(PROVIDER, confirmed(placement))
    assert "früh" in await client.done(f"/placements/{placement}/step", step="start")
    client.watch.at = NOW + timedelta(days=40)
    assert "Hat begonnen" in await client.page(f"/placements/{placement}")
    address = f"/courses/{course()}"
    assert "Hat begonnen" in await client.page(address)
    assert "Für 1 Person vermerkt" in await client.done(f"{address}/steps", step="start")
    assert "Für 0 Personen" in await client.done(f"{address}/steps", step="start")
    await client.world.must(PROVIDER, completed())
    assert "Hat abgeschlossen" in await client.page(address)
    assert "Für 1 Person vermerkt" in await client.done(f"{address}/steps", step="complete")
    assert await client.world.state(placement) == "completed"
    assert (await client.form(f"/placements/{placement}/step", step="dance")).status_code == 404


async def test_who_paused_when_the_course_ended_is_let_go_by_hand(client: ConsoleClient) -> None:
    placement = await client.world.enrolled()
    await client.world.must(PROVIDER, after_section(1, (person(), "pauses", None)))
    await client.world.must(PROVIDER, completed())
    assert await client.world.state(placement) == "interrupted"
    client.watch.at = NOW + timedelta(days=160)
    page = await client.page(f"/placements/{placement}")
    assert "Kurs ist zu Ende" in page
    assert "Hat den Kurs verlassen" in page
    assert "vermerkt" in await client.done(f"/placements/{placement}/step", step="complete")
    assert await client.world.state(placement) == "left"


async def test_taking_back_says_whether_it_may_come_again(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    await client.done(f"/placements/{placement}/withdraw", reason=WHY, again="1")
    assert await client.world.rows("SELECT FROM steering_exclusion") == []
    (placement,) = await client.world.propose("p1")
    await client.done(f"/placements/{placement}/withdraw", reason=WHY)
    assert len(await client.world.rows("SELECT FROM steering_exclusion")) == 1


async def test_the_json_twin(client: ConsoleClient) -> None:
    world, who = client.world, f"/people/{person()}"
    held = await client.api(f"{who}/hold", {"reason": WHY, "until": "2026-02-20"})
    assert held.json()["ok"]
    assert (await client.api(f"{who}/hold/end")).json() == {"ok": True, "ruling": None}
    excluded = await client.api(f"{who}/exclusions", {"reason": WHY, "provider": OTHER_PROVIDER})
    both = {"reason": WHY, "provider": OTHER_PROVIDER, "course": str(course())}
    assert (await client.api(f"{who}/exclusions", both)).status_code == 422
    assert (await client.api(f"/exclusions/{excluded.json()['ruling']}/end")).json()["ok"]
    assert (await client.api(f"/exclusions/{uuid4()}/end")).json()["code"] == "ruling_unknown"
    assert (await client.api(f"{who}/deviation", {"reason": WHY})).status_code == 422
    assert (await client.api(f"{who}/deviation", {"reason": WHY, "section": 2})).json()["ok"]
    assert (await client.api(f"{who}/deviation/end")).json()["ok"]
    listed = (await client.http.get(f"/api/v1{who}/rulings")).json()["rulings"]
    assert {(one["kind"], one["lifted_by"]) for one in listed} == {
        ("hold", "jana-vogt"), ("exclusion", "jana-vogt"), ("deviation", "jana-vogt"),
    }  # fmt: skip
    assert (await client.api(f"/courses/{course()}/ruling", {"reason": WHY, "decision": "start"})).json()[
        "ok"
    ]
    assert (await client.api(f"/courses/{course()}/ruling/end")).json()["ok"]

    body = {"reason": WHY, "course": str(course()), "section": 1, "present": True}
    placed = (await client.api(f"{who}/place", body)).json()
    assert (placed["state"], placed["against"]) == ("reserved", ["placement_test"])
    (proposal,) = await world.propose("p2")
    sent = (await client.api("/proposals/send", {"placements": [str(proposal)]})).json()["results"]
    assert [one["state"] for one in sent] == ["sent_to_authority"]
    listed = (await client.api("/authority/export", {"scope": "new"})).json()["proposals"]
    assert [one["reference"] for one in listed] == ["p2"]
    refused = await client.api(f"/proposals/{proposal}/authority-refused", {"reason": WHY, "again": True})
    assert refused.json()["state"] == "superseded"
    (proposal,) = await world.propose("p2")
    given = await client.api(f"/proposals/{proposal}/approve", {"present": True})
    assert given.json()["state"] == "reserved"
    assert await _expires(world, proposal) == NOW + timedelta(days=3)
    client.watch.at = NOW + timedelta(days=4)
    ended = await client.api(f"/placements/{proposal}/step", {"step": "expire"})
    assert ended.json()["ok"]


async def _expires(world: World, placement: UUID) -> datetime:
    (row,) = await world.rows("SELECT expires_at FROM placement WHERE placement = $1", placement)
    found: datetime = row["expires_at"]
    return found
