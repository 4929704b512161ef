"""People whose entitlement has expired: a list of their own, and what is noted about them."""

from __future__ import annotations

import random
from datetime import date, timedelta

import orjson
import pytest

from schemas.offices import Entitlement, ParticipantChanged
from services.allocation.law.rulebook import load_rulebook
from services.allocation.participants.waiting import WHO_WAITS, Entitlements
from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.entitlement_rules import entitlement_rules
from services.allocation.steering.matching.entries import Entry
from tests.allocation.builders import NOW, OFFICE, person, registered
from tests.integration.allocation.console.client import ConsoleClient, only_row

TODAY = NOW.date()
WHY = "asked by telephone, they apply for it"
EXPIRED = Entitlement(standing="entitled", route="aufenthg_44_4", valid_until=date(2026, 1, 20))
KINDS = (("integration_general", "integration"), ("vocational", "vocational"), ("land", "other"))
ENDS = {"entitlement_valid", *(clock.code for clock in load_rulebook().on(TODAY).deadlines.values())}


@pytest.fixture
async def expired(client: ConsoleClient) -> ConsoleClient:
    for number in range(1, 4):
        await client.world.must(OFFICE, registered(f"e{number}", entitlement=EXPIRED))
    return client


async def test_they_do_not_wait_and_have_their_own_list(expired: ConsoleClient) -> None:
    waiting, listed, first = [await expired.page(path) for path in ("/waiting", "/expired", "/")]
    assert ">e1<" not in waiting
    assert "Bei 3 weiteren Personen ist die Berechtigung abgelaufen" in waiting
    assert all(f">e{number}<" in listed for number in (1, 2, 3))
    assert "20.01.2026" in listed
    assert "2 Personen warten" in first
    assert "Bei 3 weiteren Personen" in first
    answer = await expired.http.get("/api/v1/expired?asked=no")
    assert {one["reference"] for one in answer.json()["people"]} == {"e1", "e2", "e3"}


async def test_several_are_marked_as_asked_for_with_one_reason(expired: ConsoleClient) -> None:
    ticked = [str(person("e1")), str(person("e2"))]
    assert "2 Personen" in await expired.done("/expired", participant=ticked, reason=WHY, what="ask")
    page = await expired.page("/expired?asked=yes")
    assert ">e1<" in page
    assert ">e3<" not in page
    assert "Am 01.02.2026 nach Verlängerung gefragt (Jana Vogt)" in page
    assert WHY in page
    assert "bei 2 davon" in await expired.page("/expired?asked=no")
    extended = EXPIRED.model_copy(update={"valid_until": date(2026, 9, 1)})
    await expired.world.must(OFFICE, ParticipantChanged(reference="e1", entitlement=extended))
    assert ">e1<" in await expired.page("/waiting")
    assert ">e1<" not in await expired.page("/expired")


async def test_several_are_taken_off_the_list_with_one_reason(expired: ConsoleClient) -> None:
    (proposal,) = await expired.world.propose("e1")
    ticked = [str(person("e1")), str(person("e2")), str(person("p1"))]
    said = await expired.done("/expired", participant=ticked, reason=WHY, what="close")
    assert "2 Personen sind von der Liste genommen" in said
    assert "nicht abgelaufen" in said  # p1
    rows = await expired.world.rows(
        "SELECT reference, withdraw_reason, withdrawn_on FROM participant WHERE status = 'withdrawn'"
    )
    assert {tuple(row) for row in rows} == {
        ("e1", "entitlement_expired", TODAY),
        ("e2", "entitlement_expired", TODAY),
    }
    assert await expired.world.state(proposal) == "superseded"
    kept = await expired.world.rows("SELECT kind, reason, actor FROM entitlement_followup")
    assert {tuple(row) for row in kept} == {("closed", WHY, "jana-vogt")}
    assert "participant_withdrawn" in await expired.world.reruns()
    stated = "SELECT payload FROM runtime.outbox WHERE type LIKE '%participant-stated.v1'"
    told = [orjson.loads(row["payload"]) for row in await expired.world.rows(stated)]
    assert {one["participant"] for one in told if one.get("withdrawn_on")} == set(ticked[:2])
    assert ">e1<" not in await expired.page("/expired")
    page = await expired.page(f"/people/{person('e1')}")
    assert "von der Liste genommen" in page
    assert WHY in page
    await expired.world.must(OFFICE, registered("e1"))  # the office registers anew
    assert ">e1<" in await expired.page("/waiting")
    answer = await expired.api("/expired/close", {"participants": ticked[:1], "reason": WHY})
    assert answer.json()["results"][0]["code"] == "entitlement_not_expired"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reason": WHY, "what": "ask"}, "mindestens eine Person"),
        ({"reason": "kurz", "what": "ask", "participant": str(person("e1"))}, "mindestens zehn Zeichen"),
        ({"reason": WHY, "participant": str(person("e1"))}, "was geschehen soll"),
    ],
)
async def test_half_a_form_comes_back(expired: ConsoleClient, values: dict[str, str], said: str) -> None:
    answer = await expired.form("/expired", **values)
    assert answer.status_code == 422
    assert said in answer.text
    assert await expired.world.rows("SELECT FROM entitlement_followup") == []


async def test_a_foreign_kreis_and_people_who_may_only_read_note_nothing(expired: ConsoleClient) -> None:
    await expired.world.rows("UPDATE participant SET kreis = '99002' WHERE reference = 'e1'")
    assert ">e1<" not in await expired.page("/expired")
    answer = await expired.api("/expired/close", {"participants": [str(person("e1"))], "reason": WHY})
    assert answer.json()["results"] == [
        {"participant": str(person("e1")), "ok": False, "code": "participant_unknown"}
    ]
    await expired.sign_in("mira-kern")
    assert (await expired.http.get("/expired")).status_code == 403


async def test_an_erased_person_leaves_no_note(expired: ConsoleClient) -> None:
    await expired.done("/expired", participant=[str(person("e1"))], reason=WHY, what="ask")
    erase = "SELECT * FROM erase_participant(ARRAY[$1]::uuid[], $2)"
    await expired.world.rows(erase, person("e1"), TODAY)
    assert await only_row(expired.world, "SELECT count(*) FROM entitlement_followup") == (0,)


def _by_steering(who: Person) -> bool:
    """Return whether the rules of steering let nobody place the person from today on, whatever is offered."""
    rules = load_rulebook().on(TODAY)
    ends = [rule for rule in entitlement_rules(TODAY, rules) if rule.name in ENDS]
    offered = [
        Entry(_course(course_type, kind), section, TODAY, 9, 9, late=False)
        for course_type, kind in KINDS
        for section in (Section(1, TODAY, TODAY + timedelta(days=30), 100, 9),)
    ]
    wanted = [one for one in offered if one.course.course_type in who.course_types]
    return not any(all(rule.allows(who, one) for rule in ends) for one in wanted)


def _course(course_type: str, kind: str) -> Course:
    section = Section(1, TODAY, TODAY + timedelta(days=30), 100, 9)
    return Course(person(course_type), 1, "vhs", course_type, kind, (section,))


async def test_who_is_expired_is_who_steering_can_place_nowhere(client: ConsoleClient) -> None:
    chance, rules = random.Random(5), load_rulebook().on(TODAY)
    people = []
    for number in range(400):
        routes = ("aufenthg_44_1", "aufenthg_44_4", "aufenthg_44a", "deufoev_4", "local")
        granted = TODAY - timedelta(
            days=chance.choice((0, 1, 30, 88, 89, 90, 91, 92, 93, 364, 365, 366, 367, 800))
        )
        people.append(
            Person(
                id=person(f"x{number}"),
                version=1,
                office=OFFICE,
                town="99001001",
                standing="entitled",
                route=chance.choice(routes),
                registered_on=TODAY,
                course_types=chance.choice(
                    (("integration_general",), ("vocational",), ("land",), ("integration_general", "land"))
                ),
                granted_on=chance.choice((None, granted)),
                valid_until=chance.choice(
                    (None, None, None, *(TODAY + timedelta(days=one) for one in (-40, -1, 0, 1, 40)))
                ),
            )
        )
    await client.world.rows(
        """
        INSERT INTO participant (participant, kreis, office, reference, registered_on, first_registered_on,
            town, standing, route, granted_on, valid_until, course_types)
        SELECT n.id, '99001', 'jobcenter', 'x', $6, $6, '99001001', 'entitled', n.route, n.granted, n.until,
            string_to_array(n.types, ',')
        FROM unnest($1::uuid[], $2::text[], $3::date[], $4::date[], $5::text[])
            AS n (id, route, granted, until, types)
        """,
        [one.id for one in people],
        [one.route for one in people],
        [one.granted_on for one in people],
        [one.valid_until for one in people],
        [",".join(one.course_types) for one in people],
        TODAY,
    )
    columns = Entitlements.of(rules).columns()
    rows = await client.world.rows(f"WITH {WHO_WAITS} SELECT participant FROM lapsed", *columns)
    found = {row["participant"] for row in rows}
    expected = {one.id for one in people if _by_steering(one)}
    assert 30 < len(expected) < 350
    assert found == expected
