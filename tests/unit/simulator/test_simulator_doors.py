import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx
import orjson
import pytest

from services.notifications.alerts.domain import RiskVerdict
from services.simulator.actors.coordinators import ConsoleCoordinators
from services.simulator.actors.counsellors import VERDICTS, InboxCounsellors
from services.simulator.doors.control import HttpControl, NeverQuietError, NoDemoError
from services.simulator.doors.gateway import HttpGateway
from services.simulator.doors.http import PatientClient, Unanswered
from services.simulator.doors.protocols import Rejected, Taken
from services.simulator.doors.session import DemoSession
from services.simulator.settings import SimulatorSettings
from services.simulator.world.kreis import JMD, MBE_NORTH
from services.simulator.world.state import Planned

DAY = date(2025, 10, 6)
OPENS = date(2025, 11, 24)
"""The Monday on which the demo opens."""
NOW = datetime(2025, 10, 6, 6, 30, tzinfo=UTC)
URL = "http://doors.invalid"


def patient(
    answer: Callable[[httpx.Request], httpx.Response], stopped: asyncio.Event | None = None
) -> PatientClient:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return PatientClient(client, stopped or asyncio.Event())


def event(id_: str, **more: object) -> Planned:
    fields: dict[str, object] = {
        "publisher": "vhs-musterland",
        "id": id_,
        "type": "de.kurslotse.course-cancelled.v1",
        "time": NOW,
        "data": {"course": "IK-1", "cancelled_on": "2025-10-06"},
    }
    return Planned.model_validate(fields | more)


async def test_a_door_that_is_away_gets_the_same_words_again_until_it_answers() -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if len(bodies) == 1:
            raise httpx.ConnectError("refused", request=request)
        if len(bodies) == 2:
            return httpx.Response(503, headers={"Retry-After": "1"})
        return httpx.Response(202, json={"accepted": ["a"], "results": [{"id": "a", "accepted": True}]})

    client = patient(answer)
    gateway = HttpGateway(URL, {"vhs-musterland": "key"}, client)
    (taken,) = await gateway.send("vhs-musterland", [event("a")])
    assert isinstance(taken, Taken)
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert client.repeats == 2


async def test_a_game_that_is_stopped_does_not_wait_for_a_door() -> None:
    stopped = asyncio.Event()
    stopped.set()
    gateway = HttpGateway(URL, {"vhs-musterland": "key"}, patient(lambda _: httpx.Response(503), stopped))
    with pytest.raises(Unanswered):
        await gateway.send("vhs-musterland", [event("a")])


async def test_a_game_that_is_stopped_waits_for_no_rest() -> None:
    stopped = asyncio.Event()
    busy = patient(lambda _: httpx.Response(200, json={"quiet": False, "why": ["outbox"]}), stopped)
    waiting = asyncio.create_task(HttpControl(URL, "token", busy).quiet())
    stopped.set()
    with pytest.raises(Unanswered):
        await waiting


async def test_each_event_of_a_batch_has_its_own_answer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        sent = orjson.loads(request.content)
        assert [item["id"] for item in sent] == ["a", "b"]
        assert request.headers["authorization"] == "Bearer key"
        assert sent[1]["corrects"] == "a"
        problem = {"code": "field_missing", "field": "course"}
        results = [
            {"id": "a", "accepted": True, "problems": []},
            {"id": "b", "accepted": False, "problems": [problem]},
        ]
        return httpx.Response(207, json={"accepted": ["a"], "results": results})

    gateway = HttpGateway(URL, {"vhs-musterland": "key"}, patient(answer))
    one, other = await gateway.send("vhs-musterland", [event("a"), event("b", corrects="a")])
    assert isinstance(one, Taken)
    assert other == Rejected(event("b", corrects="a"), "field_missing", "course")


async def test_a_person_with_an_official_number_is_registered_without_a_reference() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        assert "reference" not in body["event"]
        assert body["official_number"] == {"scheme": "bg", "number": "99001BG1"}
        assert body["contact"] == {"family_name": "Kanarienvogel"}
        return httpx.Response(202, json={"accepted": ["reg"], "reference": "K1"})

    gateway = HttpGateway(URL, {"jobcenter-musterland": "key"}, patient(answer))
    registration = event(
        "reg",
        publisher="jobcenter-musterland",
        door="registration",
        data={"reference": "BG-1"},
        contact={"family_name": "Kanarienvogel"},
        official_number={"scheme": "bg", "number": "99001BG1"},
    )
    assert await gateway.send("jobcenter-musterland", [registration]) == [Taken(registration, "K1")]


async def test_broken_json_is_sent_as_it_is_and_refused() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.content == b'{"id": '
        return httpx.Response(400, json={"code": "json_malformed", "problems": []})

    gateway = HttpGateway(URL, {"vhs-musterland": "key"}, patient(answer))
    raw = event("x", door="raw", body='{"id": ')
    assert await gateway.send("vhs-musterland", [raw]) == [Rejected(raw, "json_malformed")]


async def test_the_feed_is_read_on_from_where_it_was() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["after"] == "7"
        written = {"type": "de.kurslotse.place-reserved.v1", "data": {"placement": "p"}}
        return httpx.Response(200, json={"events": [{"number": 8, "event": written}], "next": 8})

    gateway = HttpGateway(URL, {"vhs-musterland": "key"}, patient(answer))
    page = await gateway.addressed("vhs-musterland", 7)
    assert (page.entries, page.next, page.more) == (
        [("de.kurslotse.place-reserved.v1", {"placement": "p"})],
        8,
        False,
    )


async def test_a_system_that_never_rests_is_reported_with_what_was_under_way() -> None:
    busy = patient(lambda _: httpx.Response(200, json={"quiet": False, "why": ["allocation has 3 outbox"]}))
    control = HttpControl(URL, "token", busy, longest=0.0)
    with pytest.raises(NeverQuietError, match="3 outbox"):
        await control.quiet()


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, json={"kind": "real"}), httpx.Response(404), httpx.Response(401)]
)
async def test_nobody_plays_on_an_installation_for_people(answer: httpx.Response) -> None:
    with pytest.raises(NoDemoError, match="is not a demo"):
        await HttpControl(URL, "token", patient(lambda _: answer)).require_demo()
    demo = patient(lambda _: httpx.Response(200, json={"kind": "demo"}))
    await HttpControl(URL, "token", demo).require_demo()


async def test_a_clock_that_is_further_on_is_no_fault() -> None:
    control = HttpControl(URL, "token", patient(lambda _: httpx.Response(409)))
    await control.set_clock(NOW)


async def test_the_coordinator_signs_in_and_confirms_by_post_and_in_the_room() -> None:
    asked: list[str] = []
    here: list[bool] = []
    sent: list[list[str]] = []
    confirmed: list[list[str]] = []
    proposals = [
        {
            "placement": f"p{n}",
            "participant": f"x{n}",
            "course": f"c{n}",
            "own_course": "IK-1",
            "alternatives": [],
        }
        for n in range(50)
    ]

    def answer(request: httpx.Request) -> httpx.Response:  # noqa: PLR0911 -- one a path
        asked.append(request.url.path)
        if request.url.path == "/demo/sign-in":
            assert orjson.loads(request.content) == {"person": "jana-vogt"}
            return httpx.Response(
                200, json={"csrf": "token"}, headers={"Set-Cookie": "kurslotse_allocation=s; Path=/"}
            )
        assert request.headers["x-csrf"] == "token"
        assert request.headers["cookie"] == "kurslotse_allocation=s"
        if request.method == "GET":
            state = request.url.params["state"]
            known = [
                {**one, "state": state, "placement": f"{state[0]}-{one['placement']}"} for one in proposals
            ]
            return httpx.Response(200, json={"proposals": known, "next": None})
        if request.url.path == "/api/v1/authority/export":
            return httpx.Response(200, json={"export": "e", "proposals": []})
        if request.url.path.endswith("/authority-refused"):
            assert request.url.path.startswith("/api/v1/proposals/s-")
            return httpx.Response(200, json={"ok": True})
        if request.url.path.endswith("/withdraw"):
            return httpx.Response(200, json={})
        if request.url.path == "/api/v1/travel":
            assert b"99001001,99001002," in request.content
            return httpx.Response(200)
        if request.url.path.endswith(("/hold", "/exclusions")):
            return httpx.Response(200, json={"ok": True})
        body = orjson.loads(request.content)
        placements = body["placements"]
        (sent if request.url.path.endswith("/send") else confirmed).append(placements)
        here.extend([body["present"]] if "present" in body else [])
        return httpx.Response(
            200, json={"results": [{"placement": p, "ok": p != "p-p0"} for p in placements]}
        )

    client = patient(answer)
    coordinators = ConsoleCoordinators(
        1, DemoSession(URL, "jana-vogt", client), DemoSession(URL, "peter-lindner", client), DAY
    )
    done = await coordinators.work(DAY)
    assert 40 < done["coordinators.approved"] < 80
    assert 0 < done["coordinators.asked_bamf"] == len(sent[0]) < 10
    assert all(one.startswith("p-") for one in sent[0])
    agreed = [one for one in confirmed[0] if one.startswith("s-")]  # with what was sent before
    assert 8 < len(agreed) < 30
    assert 0 < done["coordinators.bamf_refused"] < 10
    assert asked.index("/api/v1/authority/export") > asked.index("/api/v1/proposals/send")
    assert done["coordinators.loaded_travel_times"] == 1
    assert asked[0] == "/demo/sign-in"
    assert asked.count("/api/v1/proposals/approve") == 2
    assert here == [False, True]
    assert await coordinators.work(date(2025, 10, 5)) == {}


async def test_counsellors_see_accept_and_finish_and_overlook_some() -> None:
    acted: list[str] = []
    verdicts: list[str] = []
    alerts = [
        {
            "alert": f"a{n}",
            "state": "new" if n % 2 else "accepted",
            "kind": "enrolment" if n % 4 else "risk",
        }
        for n in range(120)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/demo/sign-in":
            return httpx.Response(200, json={"csrf": "token"})
        if request.method == "GET":
            return httpx.Response(200, json={"alerts": alerts})
        acted.append(request.url.path)
        if "verdict" in (body := orjson.loads(request.content)):
            verdicts.append(body["verdict"])
        return httpx.Response(200, json={})

    client = patient(answer)
    counsellors = InboxCounsellors(
        1,
        {MBE_NORTH: DemoSession(URL, "sara-demir", client), JMD: DemoSession(URL, "tim-albers", client)},
    )
    done = await counsellors.work(DAY)
    assert done["inbox.seen"] > done["inbox.accepted"] > done["inbox.declined"]
    assert 0 < len(verdicts) < done["inbox.done"] < 30  # what a notice was worth is said of risks only
    assert set(verdicts) <= VERDICTS.keys() <= set(RiskVerdict)
    assert sum(done.values()) == len(acted) < 200


@pytest.mark.parametrize(
    ("day", "decided"),
    [
        (OPENS - timedelta(days=7), {"old", "new"}),
        (OPENS, {"old"}),
        (OPENS + timedelta(days=4), {"old", "new"}),
    ],
)
async def test_while_somebody_watches_the_proposals_of_the_last_days_are_theirs(
    day: date, decided: set[str]
) -> None:
    confirmed: set[str] = set()
    made = {"old": day - timedelta(days=4), "new": min(day, OPENS) - timedelta(days=3 if day == OPENS else 0)}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/demo/sign-in":
            return httpx.Response(200, json={"csrf": "token"})
        if request.method == "GET":
            proposals = [
                {
                    "placement": f"{name} {n}",
                    "participant": f"{name} {n}",
                    "own_course": "IK",
                    "proposed_at": f"{when}T07:00:00+00:00",
                    "alternatives": [],
                }
                for name, when in made.items()
                for n in range(40)
            ]
            wanted = proposals if request.url.params["state"] == "proposed" else []
            return httpx.Response(200, json={"proposals": wanted, "next": None})
        body = orjson.loads(request.content)
        if request.url.path.endswith("/approve"):
            confirmed.update(one.split()[0] for one in body["placements"])
        return httpx.Response(200, json={"results": [{"ok": True} for _ in body.get("placements", ())]})

    client = patient(answer)
    both = DemoSession(URL, "jana-vogt", client)
    await ConsoleCoordinators(1, both, both, None, opens_on=OPENS).work(day)
    assert confirmed == decided


async def test_the_demo_opens_on_a_monday_unless_nobody_watches() -> None:
    env = dict.fromkeys(
        (
            "KURSLOTSE_GATEWAY_URL",
            "KURSLOTSE_SIM_KEYS",
            "KURSLOTSE_CONSOLE_URL",
            "KURSLOTSE_SUPPORT_URL",
            "KURSLOTSE_CONTROL_URL",
            "KURSLOTSE_SMTP_SINK",
            "KURSLOTSE_SIM_STATE",
        ),
        "x",
    )
    assert SimulatorSettings.from_env(env).opens_on == OPENS
    assert OPENS.weekday() == 0
    assert SimulatorSettings.from_env(env | {"KURSLOTSE_SIM_SPEED": "max"}).opens_on is None
