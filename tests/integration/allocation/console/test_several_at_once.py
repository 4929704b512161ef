"""Several rows of a list decided at once, for one reason, also by two people at the same time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from tests.allocation.builders import NOW, OFFICE, PROVIDER, announced, course, person, registered, sections
from tests.integration.allocation.console.client import WHY, ConsoleClient
from tests.rejected import check

SAID = re.compile(r'role="(?:status|alert)">.*?<span class="kern-title">(.*?)</span>', re.DOTALL)


@asynccontextmanager
async def beside(client: ConsoleClient, who: str) -> AsyncIterator[ConsoleClient]:
    """Open a second browser on the same console."""
    transport = client.http._transport  # noqa: SLF001 - the same application
    async with httpx.AsyncClient(transport=transport, base_url=str(client.http.base_url)) as http:
        other = ConsoleClient(client.world, http, client.watch)
        await other.sign_in(who)
        yield other


async def _people(client: ConsoleClient, count: int) -> None:
    await client.world.must(PROVIDER, announced("big", title="Der große", own_number="G-1", capacity=40))
    for number in range(count):
        await client.world.must(OFFICE, registered(f"r{number}"))


async def _proposals(client: ConsoleClient, count: int) -> list[UUID]:
    await _people(client, count)
    return [(await client.world.propose(f"r{number}", own="big"))[0] for number in range(count)]


async def _reservations(client: ConsoleClient, count: int) -> list[UUID]:
    await _people(client, count)
    return [await client.world.reserved(f"r{number}", "big") for number in range(count)]


async def _notes(client: ConsoleClient, placements: list[UUID]) -> list[tuple[str, str]]:
    rows = await client.world.rows(
        "SELECT note, actor FROM placement_step WHERE placement = ANY($1) AND note IS NOT NULL", placements
    )
    return [(row["note"], row["actor"]) for row in rows]


async def test_several_proposals_are_taken_back_for_one_reason(client: ConsoleClient) -> None:
    ids = await _proposals(client, 4)
    assert "3 Plätze sind zurückgenommen" in await client.done(
        "/proposals/withdraw?type=integration_general&size=50",
        placement=[str(one) for one in ids[:3]],
        reason=WHY,
    )
    assert [await client.world.state(one) for one in ids] == ["superseded"] * 3 + ["proposed"]
    assert await _notes(client, ids) == [(WHY, "jana-vogt")] * 3
    excluded = await client.world.rows("SELECT DISTINCT course FROM steering_exclusion")
    assert [row["course"] for row in excluded] == [course("big")]
    await client.done("/proposals/withdraw", placement=[str(ids[3])], reason=WHY, again="1")
    assert len(await client.world.rows("SELECT FROM steering_exclusion")) == 3


async def test_after_an_act_the_list_is_as_it_was(client: ConsoleClient) -> None:
    ids = await _proposals(client, 2)
    query = "?type=integration_general&office=jobcenter&sort=-start&size=50&page=2"
    page = await client.page("/proposals?type=integration_general&sort=-start&size=50")
    assert 'action="/proposals/approve?type=integration_general&amp;sort=-start&amp;size=50"' in page
    answers = [
        await client.form(f"/proposals/approve{query}", one=str(ids[0])),
        await client.form(f"/proposals/approve{query}"),
        await client.form(f"/proposals/withdraw{query}", placement=str(ids[1]), reason=WHY),
        await client.form(f"/authority/send{query}"),
    ]
    for answer in answers:
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/proposals{query}"
    hostile = await client.form("/proposals/approve?type=%0d%0aX:1&next=//evil.example&sort=%27")
    assert hostile.headers["location"] == "/proposals?type=X%3A1&sort=%27"
    assert "weggelassen" in await client.page(hostile.headers["location"])


async def test_half_a_form_comes_back_with_ticks_reason_and_filters(client: ConsoleClient) -> None:
    ids = await _proposals(client, 3)
    ticked = [str(one) for one in ids[:2]]
    address = "/proposals/withdraw?type=integration_general&size=100"
    for values, said in (
        ({"placement": ticked, "reason": "kurz"}, "mindestens zehn Zeichen"),
        ({"placement": ticked, "reason": WHY * 20}, "höchstens 500"),
        ({"reason": WHY}, "mindestens einen Vorschlag"),
        ({"placement": ["x", "' OR 1=1"], "reason": WHY}, "mindestens einen Vorschlag"),
    ):
        answer = await client.form(address, **values)
        assert check(address, answer) == []
        assert said in answer.text
        assert str(values["reason"]) in answer.text
        checked = re.findall(r'value="([0-9a-f-]{36})" checked', answer.text)
        assert sorted(checked) == (sorted(ticked) if values.get("placement") == ticked else [])
        assert 'action="/proposals/approve?type=integration_general&amp;size=100"' in answer.text
    assert {await client.world.state(one) for one in ids} == {"proposed"}
    answer = await client.form("/courses/rulings?below=1", reason=WHY, course=str(course("k1")))
    assert "ob die Kurse beginnen" in answer.text


async def test_what_could_not_be_done_is_named_and_the_rest_is_done(client: ConsoleClient) -> None:
    ids = await _reservations(client, 4)
    await client.world.rows(
        "UPDATE placement SET state = 'started', started_on = $2, expires_at = NULL WHERE placement = $1",
        ids[1],
        NOW.date(),
    )
    foreign = uuid4()
    ticked = [str(one) for one in (ids[0], ids[1], ids[1], foreign, ids[2])]
    said = await client.done("/reservations/give-up", placement=ticked, reason=WHY)
    assert "2 Plätze sind zurückgenommen" in said
    assert "Der Kurs hat schon begonnen; einen Austritt meldet der Kursträger. Nicht erledigt: r1. |" in said
    assert f"Nicht erledigt: {str(foreign)[:8]}." in said
    assert [await client.world.state(one) for one in ids] == ["released", "started", "released", "reserved"]
    assert await _notes(client, ids) == [(WHY, "jana-vogt")] * 2
    assert await client.world.taken("big") == [2, 2, 2]
    await client.world.check()


async def test_the_message_fits_into_the_cookie_whatever_fails(client: ConsoleClient) -> None:
    ticked = [str(uuid4()) for _ in range(200)]
    answer = await client.form("/reservations/give-up", placement=ticked, reason=WHY)
    cookie = max(answer.headers.get_list("set-cookie"), key=len)
    assert len(cookie) < 4_000
    said = SAID.findall(await client.page(answer.headers["location"]))
    assert len(said) == 1
    assert "weitere" in said[0]


async def test_two_coordinators_at_once_do_each_once(client: ConsoleClient) -> None:
    ids = await _reservations(client, 6)
    ticked = [str(one) for one in ids]
    async with beside(client, "peter-lindner") as other:
        said = await asyncio.gather(
            client.done("/reservations/give-up", placement=ticked[:4], reason=f"{WHY} 1"),
            other.done("/reservations/give-up", placement=ticked[2:], reason=f"{WHY} 2"),
        )
    assert {await client.world.state(one) for one in ids} == {"released"}
    assert await client.world.taken("big") == [0, 0, 0]
    notes = await _notes(client, ids)
    assert len(notes) == 6
    done = [int(found[1]) if (found := re.search(r"(\d+) Pl[aä]tz", one)) else 0 for one in said]
    assert sum(done) == 6
    refused = [one for text in said for one in re.findall(r"Nicht erledigt: ([^.]+)\.", text)]
    assert sorted(name for one in refused for name in one.split(", ")) == ["r2", "r3"]
    await client.world.check()


async def test_two_coordinators_decide_differently_about_the_same_proposals(client: ConsoleClient) -> None:
    ids = await _proposals(client, 5)
    ticked = [str(one) for one in ids]
    async with beside(client, "peter-lindner") as other:
        await asyncio.gather(
            client.done("/proposals/approve", placement=ticked),
            other.done("/proposals/withdraw", placement=ticked[::-1], reason=WHY),
        )
    states = [await client.world.state(one) for one in ids]
    assert set(states) <= {"reserved", "superseded"}
    assert await client.world.taken("big") == [states.count("reserved")] * 3
    await client.world.check()


async def test_several_courses_are_ruled_for_one_reason(client: ConsoleClient) -> None:
    await client.world.must(
        PROVIDER,
        announced("runs", title="Der laufende", sections=sections(2, NOW.date() - timedelta(days=9))),
    )
    page = await client.page("/courses")
    assert f'name="course" value="{course("k1")}"' in page
    assert f'name="course" value="{course("runs")}"' not in page
    ticked = [str(course(own)) for own in ("k1", "runs", "k2")]
    said = await client.done("/courses/rulings?sort=start", course=ticked, reason=WHY, decision="close")
    assert "2 Kurse beginnen nicht" in said
    assert "Nicht erledigt: Der laufende (runs)." in said
    rows = await client.world.rows("SELECT course, decision, reason FROM course_decision")
    assert {tuple(row) for row in rows} == {(course(own), "close", WHY) for own in ("k1", "k2")}
    said = await client.done("/courses/rulings", course=ticked[0], reason=WHY, decision="start")
    assert "1 Kurs beginnt auch unter der Mindestzahl" in said


@pytest.mark.parametrize("who", ["p1", "p2"])
async def test_a_select_of_courses_searches_and_puts_the_permitted_first(
    client: ConsoleClient, who: str
) -> None:
    address = f"/people/{person(who)}"
    await client.world.must(
        PROVIDER, announced("w1", title="Nur für Frauen", own_number="FRAU-7", women_only=True)
    )
    await client.world.must(
        PROVIDER,
        announced("land1", title="Landeskurs", course_type="land", target_level="A2", own_number="L-1"),
    )
    page = await client.page(address)
    select = re.findall(r'<select [^>]*id="place-entry".*?</select>', page, re.DOTALL)[0]
    labels = [" ".join(one.split()) for one in re.findall(r'<optgroup label="([^"]*)"', select)]
    assert labels
    assert all(one.startswith(("Zulässig", "Dagegen: ")) for one in labels)
    assert labels == sorted(labels, key=lambda one: (not one.startswith("Zulässig"), one.count(",")))
    (land,) = [one for one in select.split("<optgroup")[1:] if "L-1" in one]
    assert "Kursart" in land.split(">")[0]
    assert "Landeskurs (Nr. L-1)" in " ".join(land.split())
    found = await client.form(f"{address}/place", do="find", find="frau-7", reason="half a reason", entry="")
    assert found.status_code == 200
    select = re.findall(r'<select [^>]*id="place-entry".*?</select>', found.text, re.DOTALL)[0]
    assert "FRAU-7" in select
    assert "N-k1" not in select
    assert "half a reason" in found.text
    assert await client.world.rows("SELECT FROM placement") == []
    chosen = f"{course('k1')}/1"  # what was chosen before stays, whatever is searched
    kept = await client.form(f"{address}/place", do="find", find="frau-7", entry=chosen)
    assert re.search(rf'value="{chosen}" selected', kept.text)
    for hostile in ("%", "_", "' OR '1'='1", "\x00", "<script>alert(1)</script>", "9" * 500, "\u202e"):
        answer = await client.form(f"{address}/place", do="find", find=hostile)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "Kurs suchen" in answer.text
    nothing = await client.form(f"{address}/exclude", do="find", find="gibt es nicht")
    assert "Kein Kurs mit freiem Platz passt zu" in nothing.text


async def test_another_course_is_searched_on_the_page_of_a_proposal(client: ConsoleClient) -> None:
    (proposal,) = await client.world.propose("p1")
    page = await client.page(f"/placements/{proposal}")
    assert "N-k2" in page
    found = await client.form(f"/placements/{proposal}/override", do="find", find="o1", reason="not yet")
    assert found.status_code == 200
    select = re.findall(r'<select [^>]*id="entry".*?</select>', found.text, re.DOTALL)[0]
    assert "(Nr. o1)" in " ".join(select.split())
    assert "N-k2" not in select
    assert "not yet" in found.text
    assert await client.world.state(proposal) == "proposed"
