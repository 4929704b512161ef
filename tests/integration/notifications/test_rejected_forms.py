"""Each form of the support side comes back from rubbish with a summary that leads to the fields."""

from datetime import timedelta
from uuid import uuid4

from schemas.placements import PlacementAdvanced, PlaceReserved
from services.notifications.people.domain import Contact
from tests.notifications.pages import further, pages_on
from tests.notifications.world import DESK, MBE, PROVIDER, TODAY, World, enrolment, step
from tests.places.invented import invented_places
from tests.rejected import check

TRIED = {
    "/register", "/people/{participant}/change", "/people/{participant}/withdraw",
    "/people/{participant}/consent", "/classes/{course}/consent", "/roster/{course}/consents", "/letterhead",
    "/people/{participant}/erase", "/offers/{placement}/decline",
    "/roster/{course}/attendance", "/roster/{course}/{placement}/confirm",
    "/roster/{course}/{placement}/refuse", "/offices/new", "/offices/{office}", "/mail/test",
    "/inbox/{alert}/assign", "/people/search", "/offices/{office}/telling", "/offices/{office}/webhooks",
    "/offices/{office}/sent/{delivery}/again", "/offices/{office}/silences",
    "/inbox/{alert}/{command}", "/inbox/{alert}/snooze", "/inbox/{alert}/take-back",
    "/inbox/several", "/inbox/search", "/inbox/rules/change", "/needs",
}  # fmt: skip
LEAD, OPERATOR = "leitung", "betrieb"
PEOPLE = further((LEAD, MBE, "team_lead"), (OPERATOR, MBE, "operator"))


async def test_each_form_of_the_support_side(world: World) -> None:
    course = await world.announce()
    person, seated, offered = [await world.register(one) for one in ("a-1", "a-2", "a-3")]
    for reference in ("a-1", "a-2", "a-3"):
        await world.keep(reference, Contact(family_name="Beispiel", given_name=reference))
    reserved = step(PlaceReserved, offered, from_state="proposed", to_state="reserved", version=2)
    accepted = step(PlacementAdvanced, person, from_state="reserved", to_state="accepted", version=3)
    await world.say(None, enrolment(seated), reserved, accepted)
    await world.consent("a-2", "enrolment_notice")
    await world.settle()
    alert = await world.value("SELECT alert_id FROM alert")
    failed = await world.value("UPDATE delivery SET state = 'failed' RETURNING delivery_id")
    forms: list[tuple[str, str, dict[str, str]]] = [
        (DESK, "/register", {"birth_date": "31.02.1990"}),
        (DESK, "/people/search", {"name": " "}),
        (DESK, f"/people/{person}/change", {"birth_date": "nie"}),
        (DESK, f"/people/{person}/withdraw", {"reason": "x"}),
        (DESK, f"/people/{person}/consent", {}),
        (DESK, f"/classes/{course}/consent", {"form_id": str(uuid4())}),
        (PROVIDER, f"/roster/{course}/consents", {"form_id": str(uuid4())}),
        (DESK, "/letterhead", {"address": "x\n" * 9, "phone": "Tel. unbekannt"}),
        (DESK, f"/people/{person}/erase", {}),
        (DESK, f"/offers/{reserved.placement}/decline", {"reason": "x"}),
        (PROVIDER, f"/roster/{course}/attendance", {"day": "nie", "units": "99"}),
        (PROVIDER, f"/roster/{course}/attendance", {"day": (TODAY + timedelta(days=1)).isoformat()}),
        (PROVIDER, f"/roster/{course}/{accepted.placement}/confirm", {"own_number": "Berta Beispiel"}),
        (PROVIDER, f"/roster/{course}/{accepted.placement}/refuse", {}),
        (LEAD, "/offices/new", {"capacity": "viele", "hours-mon": "immer"}),
        (LEAD, f"/offices/{MBE}", {"version": "1", "mail": "x", "languages": "xx"}),
        (
            LEAD,
            f"/offices/{MBE}/telling",
            {"version": "0", "digest_at": "acht", "hold": "immer", "by_mail": ""},
        ),
        (LEAD, f"/offices/{MBE}/webhooks", {"url": "http://fach.example/"}),
        (LEAD, f"/offices/{MBE}/sent/{failed}/again", {"reason": " "}),
        (LEAD, f"/offices/{MBE}/silences", {"about": "x", "until": "nie", "reason": "x" * 501}),
        (LEAD, f"/offices/{MBE}/silences", {"about": "risk", "until": TODAY.isoformat(), "reason": " "}),
        (OPERATOR, "/mail/test", {"to": ""}),
        (LEAD, f"/inbox/{alert}/assign", {"person": "nobody"}),
        (LEAD, f"/inbox/{alert}/hand-over", {"office": "nobody"}),
        (LEAD, f"/inbox/{alert}/hand-over", {"person": "nobody"}),
        (LEAD, "/inbox/several", {"reason": "x" * 201, "do": "hand-over"}),
        (LEAD, "/inbox/several", {"do": "x", "alert": str(alert)}),
        (LEAD, "/inbox/several", {"do": "put-off", "days": "nie", "alert": str(alert)}),
        (LEAD, f"/inbox/{alert}/snooze", {"days": "nie"}),
        (LEAD, f"/inbox/{alert}/take-back", {"said_on": "nie", "how": "gar nicht", "purpose": "x"}),
        (LEAD, "/inbox/search", {"name": " "}),
        (LEAD, "/inbox/rules/change", {"consecutive-days": "viele", "share-raise_at": "NaN"}),
        (LEAD, "/needs", {"need": "x", "town": "nirgendwo", "month": "nie"}),
    ]
    everybody = (DESK, PROVIDER, LEAD, OPERATOR)
    found = []
    async with pages_on(
        world, *everybody, people=PEOPLE, places=invented_places(), smtp="smtp://127.0.0.1:9"
    ) as pages:
        for who, path, values in forms:
            found += check(path, await pages[who].post(path, form=str(uuid4()), **values))
        assert pages.gateway.taken == []
    assert found == []


async def test_what_was_typed_stays_beside_what_is_wrong(world: World) -> None:
    course = await world.announce()
    person = await world.register("a-1")
    accepted = step(PlacementAdvanced, person, from_state="reserved", to_state="accepted", version=3)
    await world.say(None, accepted)
    async with pages_on(world, PROVIDER) as pages:
        path = f"/roster/{course}/{accepted.placement}/confirm"
        answer = await pages[PROVIDER].post(path, form=str(uuid4()), own_number="Berta Beispiel")
    assert answer.status_code == 422
    assert 'value="Berta Beispiel"' in answer.text
    assert f'href="#n-{accepted.placement}"' in answer.text
