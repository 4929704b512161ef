"""The support side's page of organisations: the founding one adds the others, of whom none can."""

from collections.abc import AsyncIterator

import pytest

from schemas.gateway import PublisherAnnounced
from services.accounts.domain import Role, Side
from services.accounts.invitations.handlers import first_link
from services.accounts.people import store as people
from services.runtime.data.db import transaction
from tests.accounts.stand import Browser, Stand, link_on, stand_on
from tests.conftest import MakeDatabase
from tests.integration.accounts.registry import tell

FIRST = "registering-office"
CHEF, ANNA = "chef@amt.example", "anna@schule.example"


def announced(
    slug: str, *kinds: str, kreise: tuple[str, ...] = ("99001",), **more: str
) -> PublisherAnnounced:
    return PublisherAnnounced(
        slug=slug,
        name=f"{slug} (erfunden)",
        kinds=kinds,
        organisation=more.get("organisation", slug),
        kreise=kreise,
        event_types=(),
        version=1,
    )


PUBLISHERS = (
    announced("amt", "office"),
    announced("jobcenter", "office"),
    announced("schule", "provider"),
    announced("ferne-schule", "provider", kreise=("99002",)),
    announced("fernes-amt", "office", kreise=("99002",)),
    announced("mbe", "counselling", organisation="wohlfahrt"),
    announced("ferne-mbe", "counselling", kreise=("99002",)),
)


@pytest.fixture
async def stand(database: MakeDatabase) -> AsyncIterator[Stand]:
    """The support side without anybody, not even its demo's organisations; the Kreis has registered some."""
    async with stand_on(await database("notifications"), side=Side.SUPPORT) as made:
        await made.conn.execute("DELETE FROM accounts.organisation")
        await tell(made, *PUBLISHERS)
        yield made


async def founder(stand: Stand, *, speaks: bool = True) -> Browser:
    """Let the first administrator in by the first link, and say which Kreis."""
    async with transaction(stand.accounts.pool) as conn:
        token = await first_link(conn, Side.SUPPORT)
    chef = stand.browser()
    assert (await chef.enrol(f"/invitation/{token}", CHEF, "Chef")).status_code == 303
    await chef.page("/organisation")
    await chef.follow(await chef.form("/organisation", name="Amt", kreise="99001"))
    if speaks:
        await chef.follow(await chef.form("/organisation/publisher", publisher="amt"))
    await chef.page("/organisations")
    return chef


async def test_the_first_organisation_chooses_its_office_once(stand: Stand) -> None:
    chef = await founder(stand, speaks=False)
    page = await chef.page("/organisation")
    assert 'value="amt"' in page
    assert 'value="fernes-amt"' not in page
    for wrong in ("fernes-amt", "schule", "mbe", "x", ""):
        await chef.page("/organisation")
        assert (await chef.form("/organisation/publisher", publisher=wrong)).status_code == 409, wrong
    await chef.page("/organisation")
    page = await chef.follow(await chef.form("/organisation/publisher", publisher="amt"))
    assert "Für welche Stelle" not in page
    row = await stand.conn.fetchrow("SELECT publisher, tenant, founding FROM accounts.organisation")
    assert row is not None
    assert tuple(row) == ("amt", "amt", True)
    assert (await chef.form("/organisation/publisher", publisher="jobcenter")).status_code == 404
    assert await stand.value("SELECT count(*) FROM accounts.audit WHERE what = 'publisher_chosen'") == 1


async def test_an_office_for_which_others_speak_cannot_be_chosen(stand: Stand) -> None:
    chef = await founder(stand, speaks=False)
    await people.put_organisation(
        stand.conn,
        "anderes",
        name="Anderes",
        kind="registering_office",
        kreise=("99001",),
        tenant="amt",
        publisher="amt",
    )
    page = await chef.page("/organisation")
    assert 'value="amt"' not in page
    assert (await chef.form("/organisation/publisher", publisher="amt")).status_code == 409


@pytest.mark.parametrize(
    ("form", "slug", "tenant"),
    [
        ({"kind": "registering_office", "publisher": "jobcenter"}, "jobcenter", "jobcenter"),
        ({"kind": "provider", "publisher": "schule"}, "schule", "schule"),
        ({"kind": "counselling", "name": "Jugend (erfunden)"}, "jugend-erfunden", "jugend-erfunden"),
        ({"kind": "counselling", "name": "Beratung", "slug": "mbe"}, "mbe", "wohlfahrt"),
    ],
)
async def test_an_organisation_is_added_and_its_administrator_comes_in(
    stand: Stand, form: dict[str, str], slug: str, tenant: str
) -> None:
    chef = await founder(stand)
    assert (await chef.form("/organisations", **form, kreis="99001")).status_code == 200
    row = await stand.conn.fetchrow(
        "SELECT publisher, tenant, kreise, founding FROM accounts.organisation WHERE slug = $1", slug
    )
    assert row is not None
    assert tuple(row) == (slug, tenant, ["99001"], False)
    anna = stand.browser()
    assert (await anna.enrol(link_on(chef.seen), ANNA, "Anna")).status_code == 303
    page = await anna.page("/organisation")
    assert "/organisations" not in page
    assert "hat eine Organisation hinzugefügt" in page
    await anna.page("/organisations", 404)
    await anna.page("/organisation")
    for path in ("", "/amt/invitation", f"/{FIRST}/deactivate", f"/{slug}/activate"):
        assert (await anna.form(f"/organisations{path}", **form)).status_code == 404, path
    await chef.page(f"/organisations/{slug}")
    assert (await chef.form(f"/organisations/{slug}/invitation")).status_code == 409, "it is administered"
    await chef.page("/organisations")
    assert (await chef.form("/organisations", **form, kreis="99001")).status_code == 422, (
        "once for a publisher"
    )
    await chef.page(f"/organisations/{slug}")
    await chef.follow(await chef.form(f"/organisations/{slug}/deactivate"))
    assert (await anna.http.get("/organisation")).status_code == 303
    await chef.follow(await chef.form(f"/organisations/{slug}/activate"))
    said = await stand.conn.fetch("SELECT what FROM accounts.audit WHERE organisation = $1 ORDER BY id", slug)
    assert {"organisation_added", "organisation_deactivated", "organisation_activated"} <= {
        row["what"] for row in said
    }


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"kind": "registering_office", "publisher": "amt"}, "publisher"),
        ({"kind": "registering_office", "publisher": "schule"}, "publisher"),
        ({"kind": "provider", "publisher": "ferne-schule"}, "publisher"),
        ({"kind": "provider"}, "publisher"),
        ({"kind": "kreis", "publisher": "schule"}, "kind"),
        ({"kind": "provider", "publisher": "schule", "kreis": "99002"}, "kreis"),
        ({"kind": "counselling", "name": "Beratung", "slug": "jobcenter"}, "slug"),
        ({"kind": "counselling", "name": "Beratung", "slug": "wohlfahrt"}, "slug"),
        ({"kind": "counselling", "name": "Beratung", "slug": "ferne-mbe"}, "slug"),
        ({"kind": "counselling", "name": "Beratung", "slug": FIRST}, "slug"),
        ({"kind": "counselling", "name": ""}, "name"),
    ],
)
async def test_nobody_comes_by_rows_of_others(stand: Stand, form: dict[str, str], field: str) -> None:
    chef = await founder(stand)
    assert (await chef.form("/organisations", **{"kreis": "99001"} | form)).status_code == 422
    assert f'id="{field}-error"' in chef.seen
    assert await stand.value("SELECT count(*) FROM accounts.organisation") == 1


async def test_an_operator_adds_too_and_a_clerk_does_not(stand: Stand) -> None:
    await founder(stand)
    clerk = await stand.enrolled(Role.CLERK, organisation=FIRST, email="c@amt.example")
    await clerk.page("/organisations", 403)
    operator = await stand.enrolled(Role.OPERATOR, organisation=FIRST, email="o@amt.example")
    assert 'href="/organisations"' in await operator.page("/organisations")
    answer = await operator.form("/organisations", kind="provider", publisher="schule", kreis="99001")
    assert answer.status_code == 200


async def test_founders_of_two_kreise_do_not_meet(stand: Stand) -> None:
    chef = await founder(stand)
    await people.put_organisation(
        stand.conn,
        "fernes-amt",
        name="Fernes Amt",
        kind="registering_office",
        kreise=("99002",),
        tenant="fernes-amt",
        publisher="fernes-amt",
        founding=True,
    )
    assert "Fernes Amt" not in await chef.page("/organisations")
    await chef.page("/organisations/fernes-amt", 404)
    await chef.page("/organisations")
    for act in ("invitation", "deactivate", "activate"):
        assert (await chef.form(f"/organisations/fernes-amt/{act}")).status_code == 404
    assert (await chef.form(f"/organisations/{FIRST}/deactivate")).status_code == 409, "not oneself"


async def test_a_role_that_somebody_has_already_is_not_audited_again(stand: Stand) -> None:
    chef = await founder(stand)
    link = await stand.invitation(Role.ADMINISTRATOR, organisation=FIRST)
    await chef.page(link)
    await chef.form(f"{link}/join")
    assert await stand.value("SELECT count(*) FROM accounts.audit WHERE what = 'role_given'") == 1
    assert await stand.value("SELECT count(*) FROM accounts.audit WHERE what = 'invitation_accepted'") == 2
