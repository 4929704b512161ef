"""The Kreis' page of organisations at a real gateway and broker: what it can do, and what others cannot."""

import re
from collections.abc import AsyncIterator

import pytest

from services.accounts.domain import Role
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from tests.accounts.stand import KREIS, OTHER, Browser, link_on
from tests.conftest import MakeDatabase
from tests.fixtures.gateway.world import course, structured
from tests.integration.accounts.registry import Registry, registry_on
from tests.rejected import check
from tests.serving import Servers

CHEF, ANNA = "chef@kreis.example", "anna@schule.example"
PROVIDER = {"kind": "provider", "name": "Kurse Nord (erfunden)", "kreis": "99001"}
OFFICE = {"kind": "office", "name": "Amt Nord (erfunden)", "kreis": "99001", "authority": "yes"}
_KEY = re.compile(r'id="key"[^>]*>(kl_[^<]+)<')


@pytest.fixture
async def registry(database: MakeDatabase, prefix: str, servers: Servers) -> AsyncIterator[Registry]:
    async with registry_on(database, prefix, servers.kafka) as made:
        yield made
        admin = KafkaAdmin(parse_address(servers.kafka))
        admin.remove(topics=admin.topics(prefix))


async def administrator(registry: Registry, organisation: str = KREIS, email: str = CHEF) -> Browser:
    admin = await registry.stand.enrolled(Role.ADMINISTRATOR, organisation=organisation, email=email)
    await admin.page("/organisations")
    return admin


async def said(registry: Registry, organisation: str) -> list[str]:
    rows = await registry.stand.conn.fetch(
        "SELECT what FROM accounts.audit WHERE organisation = $1 AND what NOT IN ('signed_in', 'role_given',"
        " 'invitation_accepted', 'role_worn') ORDER BY id",
        organisation,
    )
    return [row["what"] for row in rows]


async def test_from_a_provider_by_page_to_its_first_event_and_its_end(registry: Registry) -> None:
    admin = await administrator(registry)
    answer = await admin.form("/organisations", **PROVIDER, supplier_id="990077")
    assert answer.status_code == 200
    announced = await registry.publisher("kurse-nord-erfunden")
    assert (announced.kinds, announced.kreise, announced.supplier_ids) == (
        ("provider",),
        ("99001",),
        ("990077",),
    )
    anna = registry.stand.browser()
    assert (await anna.enrol(link_on(admin.seen), ANNA, "Anna")).status_code == 303
    page = await anna.page("/keys")
    assert 'href="/keys"' in page
    assert (await anna.form("/keys")).status_code == 200
    (key,) = _KEY.findall(anna.seen)
    assert key not in await anna.page("/keys")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}
    event = structured("course-announced", "e-1", course())
    gateway = registry.gateway.client
    assert (await gateway.post("/v1/events", json=event, headers=headers)).status_code == 202
    address = "/organisations/kurse-nord-erfunden"
    assert "wird verwaltet" in await admin.page(address)
    assert (await admin.form(f"{address}/invitation")).status_code == 409, "somebody administers it"
    await admin.page(address)
    assert "deaktiviert" in await admin.follow(await admin.form(f"{address}/deactivate"))
    assert (await anna.http.get("/keys")).status_code == 303, "her session has ended at once"
    assert (await gateway.post("/v1/events", json=event, headers=headers)).status_code == 401
    assert not (await registry.publisher("kurse-nord-erfunden")).active
    await registry.stand.forget_codes()
    assert anna.app is not None
    assert (await registry.stand.browser().sign_in(ANNA, anna.app.now())).status_code == 403
    await admin.follow(await admin.form(f"{address}/activate"))
    assert (await registry.publisher("kurse-nord-erfunden")).active
    await registry.stand.forget_codes()
    again = registry.stand.browser()
    assert (await again.sign_in(ANNA, anna.app.now())).status_code == 303
    await again.page("/keys")
    own = await said(registry, "kurse-nord-erfunden")
    assert own == [
        "publisher_registered",
        "organisation_added",
        "invited",
        "key_made",
        "organisation_deactivated",
        "organisation_activated",
    ]
    kreis = await said(registry, KREIS)
    assert [one for one in own if one != "key_made"] == kreis[1:]  # the first one invited the Kreis' own
    assert "hat einen API-Schlüssel erstellt" in await again.page("/organisation")


async def test_a_key_ends_at_once_and_belongs_to_its_provider(registry: Registry) -> None:
    admin = await administrator(registry)
    await admin.form("/organisations", **PROVIDER)
    anna = registry.stand.browser()
    await anna.enrol(link_on(admin.seen), ANNA, "Anna")
    await anna.page("/keys")
    await anna.form("/keys")
    (key,) = _KEY.findall(anna.seen)
    prefix = key.split("_")[1]
    (theirs,) = await registry.gateway.rows("SELECT prefix FROM api_key WHERE publisher = 'schule'")
    await anna.page("/keys")
    for wrong in (theirs["prefix"], "0" * 12, "x"):
        assert (await anna.form(f"/keys/{wrong}/end")).status_code in {404, 409}
    await anna.page("/keys")
    await anna.follow(await anna.form(f"/keys/{prefix}/end"))
    headers = {"Authorization": f"Bearer {key}"}
    assert (await registry.gateway.client.get("/v1/findings", headers=headers)).status_code == 401
    school = registry.gateway.auth("schule")
    assert (await registry.gateway.client.get("/v1/findings", headers=school)).status_code == 200


async def test_what_asks_for_a_fresh_sign_in(registry: Registry) -> None:
    admin = await administrator(registry)
    await admin.form("/organisations", **OFFICE)
    await registry.stand.age("fresh_at", 301)
    for act in ("deactivate", "activate", "keys", "keys/000000000000/end"):
        await admin.page("/organisations/amt-nord-erfunden")
        answer = await admin.form(f"/organisations/amt-nord-erfunden/{act}")
        assert answer.headers["location"] == "/sign-in/again", act
    assert (await registry.publisher("amt-nord-erfunden")).active


async def test_an_offices_keys_are_made_by_the_kreis_and_whether_it_obliges_is_asked(
    registry: Registry,
) -> None:
    admin = await administrator(registry)
    answer = await admin.form("/organisations", **OFFICE | {"authority": ""})
    assert check("/organisations", answer) == []
    assert answer.status_code == 422
    assert "zur Teilnahme verpflichten kann" in admin.seen
    await admin.follow(await admin.form("/organisations", **OFFICE))
    announced = await registry.publisher("amt-nord-erfunden")
    assert (announced.kinds, announced.authority) == (("office",), True)
    made = "SELECT count(*) FROM accounts.organisation WHERE publisher = 'amt-nord-erfunden'"
    assert await registry.stand.value(made) == 0
    await admin.form("/organisations/amt-nord-erfunden/keys")
    assert _KEY.search(admin.seen)
    await admin.page("/organisations/amt-nord-erfunden")
    assert (await admin.form("/organisations/amt-nord-erfunden/invitation")).status_code == 404
    operator = await registry.stand.enrolled(Role.OPERATOR, email="op@kreis.example")
    assert "Schlüssel erstellen" not in await operator.page("/organisations/amt-nord-erfunden")
    assert (await operator.form("/organisations/amt-nord-erfunden/keys")).status_code == 403


@pytest.mark.parametrize(
    ("role", "organisation", "status"),
    [(Role.COORDINATOR, KREIS, 403), (Role.HEAD, KREIS, 403), (Role.AUDITOR, KREIS, 403), (None, KREIS, 404)],
)
async def test_nobody_else_adds_organisations(
    registry: Registry, role: Role | None, organisation: str, status: int
) -> None:
    """Other roles of the Kreis, and a provider's administrator (None)."""
    if role is None:
        admin = await administrator(registry)
        await admin.form("/organisations", **PROVIDER)
        browser = registry.stand.browser()
        await browser.enrol(link_on(admin.seen), ANNA, "Anna")
    else:
        browser = await registry.stand.enrolled(role, organisation=organisation)
    before = len(await registry.gateway.outbox())
    await browser.page("/organisations", status)
    await browser.page("/organisations/schule", status)
    await browser.page("/account")
    for path in ("", "/schule/deactivate", "/schule/activate", "/schule/invitation"):
        assert (await browser.form(f"/organisations{path}", **OFFICE)).status_code == status, path
    if role is not None:
        await browser.page("/keys", 403)
    assert len(await registry.gateway.outbox()) == before


async def test_the_kreis_has_no_page_of_keys(registry: Registry) -> None:
    admin = await administrator(registry)
    await admin.page("/keys", 404)
    await admin.page("/organisations")
    assert (await admin.form("/keys")).status_code == 404


async def test_another_kreis_sees_and_changes_nothing(registry: Registry) -> None:
    first = await administrator(registry)
    await first.form("/organisations", **PROVIDER)
    other = await administrator(registry, OTHER, "chef@zwei.example")
    page = await other.page("/organisations")
    assert "Kurse Nord" not in page
    assert "schule" not in page
    before = len(await registry.gateway.outbox())
    for slug in ("kurse-nord-erfunden", "schule", "amt"):
        await other.page(f"/organisations/{slug}", 404)
        await other.page("/organisations")
        for act in ("deactivate", "activate", "invitation", "keys", f"keys/{'0' * 12}/end"):
            assert (await other.form(f"/organisations/{slug}/{act}")).status_code == 404, (slug, act)
    assert len(await registry.gateway.outbox()) == before
    assert (
        await registry.stand.value(
            "SELECT count(*) FROM accounts.audit WHERE organisation = $1 AND what = 'invited'", OTHER
        )
        == 1
    )


async def test_a_publisher_of_another_kreis_is_joined_by_its_word_and_never_taken_over(
    registry: Registry,
) -> None:
    other = await administrator(registry, OTHER, "chef@zwei.example")
    asked = PROVIDER | {"name": "Unsere Schule", "slug": "schule", "kreis": "99002"}
    assert (
        await other.form("/organisations", **asked | {"kind": "office", "authority": "no"})
    ).status_code == 422
    assert "andere Aufgabe" in other.seen
    assert (await other.form("/organisations", **asked)).status_code == 422
    assert "arbeitet in einem anderen Kreis" in other.seen
    assert (await registry.gateway.rows("SELECT kreise FROM publisher WHERE slug = 'schule'"))[0][
        "kreise"
    ] == ["99001"]
    page = await other.follow(await other.form("/organisations", **asked, same="yes"))
    assert "schule (erfunden)" in page, "it keeps its name"
    announced = await registry.publisher("schule")
    assert (announced.name, announced.kreise, announced.supplier_ids) == (
        "schule (erfunden)",
        ("99001", "99002"),
        ("990011",),
    )
    for act in ("invitation", "activate"):
        await other.page("/organisations/schule")
        assert (await other.form(f"/organisations/schule/{act}")).status_code == 409, act
    await other.page("/organisations/schule")
    assert (await other.form("/organisations/schule/keys")).status_code == 404
    assert (await other.form("/organisations", **asked)).status_code == 422
    assert "steht schon in Ihrer Liste" in other.seen
    await other.page("/organisations/schule")
    await other.follow(await other.form("/organisations/schule/deactivate"))
    left = await registry.publisher("schule")
    assert (left.active, left.kreise) == (True, ("99001",))
    school = registry.gateway.auth("schule")
    assert (await registry.gateway.client.get("/v1/findings", headers=school)).status_code == 200
    assert await registry.stand.value("SELECT kreise FROM accounts.organisation WHERE slug = 'schule'") == [
        "99001"
    ]


async def test_a_new_link_replaces_the_one_before_until_somebody_administers(registry: Registry) -> None:
    admin = await administrator(registry)
    await admin.form("/organisations", **PROVIDER)
    first = link_on(admin.seen)
    await admin.page("/organisations/kurse-nord-erfunden")
    await admin.form("/organisations/kurse-nord-erfunden/invitation")
    second = link_on(admin.seen)
    await registry.stand.browser().page(first, 410)
    await admin.page("/organisations/kurse-nord-erfunden")
    await admin.form("/organisations/kurse-nord-erfunden/deactivate")
    await registry.stand.browser().page(second, 410)
    await admin.page("/organisations/kurse-nord-erfunden")
    await admin.form("/organisations/kurse-nord-erfunden/activate")
    assert (await registry.stand.browser().enrol(second, ANNA, "Anna")).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "counselling"}, "kind"),
        ({"kreis": "99002"}, "kreis"),
        ({"slug": "Kurse Nord!"}, "slug"),
        ({"name": "42"}, "slug"),
        ({"slug": KREIS}, "slug"),
        ({"slug": "wohlfahrt"}, "slug"),
        ({"slug": "schule"}, "slug"),
    ],
)
async def test_what_is_wrong_is_said_at_the_field(
    registry: Registry, wrong: dict[str, str], field: str
) -> None:
    admin = await administrator(registry)
    before = len(await registry.gateway.outbox())
    assert (await admin.form("/organisations", **PROVIDER | wrong)).status_code == 422
    assert f'id="{field}-error"' in admin.seen
    assert len(await registry.gateway.outbox()) == before


async def test_without_the_gateway_the_page_says_so(registry: Registry) -> None:
    admin = await administrator(registry)
    registry.stand.accounts.administration = None
    assert "nicht erreichbar" in await admin.page("/organisations", 503)
    await admin.page("/organisation")
    assert (await admin.form("/organisations", **PROVIDER)).status_code == 503
