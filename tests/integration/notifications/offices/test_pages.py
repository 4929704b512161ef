"""The directory's pages: an organisation keeps its own offices by the rules of the file, others read."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.notifications.retention import Retention
from services.runtime.data.db import transaction
from tests.notifications.pages import Browser, Pages, further, pages_on, said
from tests.notifications.world import DESK, JMD, MBE, OTHER, PROVIDER, World, office
from tests.places.invented import invented_places

LEAD, ADMIN, OPERATOR = "leitung", "verwaltung", "betrieb"
STRANGER, SCHOOL_ADMIN = "fern-leitung", "schul-verwaltung"
KEEPERS = further(
    (LEAD, MBE, "team_lead"),
    (ADMIN, MBE, "administrator"),
    (OPERATOR, MBE, "operator"),
    (STRANGER, OTHER, "team_lead"),
    (SCHOOL_ADMIN, PROVIDER, "administrator"),
)
PATH = f"/offices/{MBE}"
SECRET = "geheim@wohlfahrt.example"


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    everybody = (LEAD, ADMIN, OPERATOR, STRANGER, SCHOOL_ADMIN, MBE, DESK)
    async with pages_on(world, *everybody, people=KEEPERS, places=invented_places()) as pages:
        yield pages


def form(page: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a form
    """Read the form of an office as a browser would send it, with changes."""
    (inner,) = re.findall(r'<form class="kl-form" method="post" action="/offices.*?</form>', page, re.DOTALL)
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", inner):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name is None or (('type="checkbox"' in tag or 'type="radio"' in tag) and " checked" not in tag):
            continue
        found.setdefault(name[1], []).append(value[1] if value else "")
    for name, body in re.findall(r'<select.*?name="([^"]*)".*?>(.*?)</select>', inner, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = [chosen[1] if chosen else ""]
    for name, text in re.findall(r'<textarea.*?name="([^"]*)".*?>(.*?)</textarea>', inner, re.DOTALL):
        found[name] = [text]
    return {name: values for name, values in (found | changes).items() if name != "csrf"}


async def saved(browser: Browser, path: str = PATH, **changes: Any) -> str:  # noqa: ANN401
    """Open a form, send it with changes, and return the page that follows."""
    answer = await browser.post(path, **form(await browser.page(path), **changes))
    assert answer.status_code == 303, said(answer.text)
    return await browser.page(answer.headers["location"])


async def refused(browser: Browser, path: str = PATH, **changes: Any) -> str:  # noqa: ANN401
    answer = await browser.post(path, **form(await browser.page(path), **changes))
    assert answer.status_code == 422, answer.text[:2000]
    return answer.text


async def of(world: World, slug: str = MBE) -> asyncpg.Record:
    (row,) = await world.rows("SELECT * FROM office WHERE slug = $1", slug)
    return row


@pytest.mark.parametrize("who", [LEAD, ADMIN, OPERATOR])
async def test_an_organisation_changes_its_own_office(world: World, pages: Pages, who: str) -> None:
    page = await saved(
        pages[who],
        **{"hours-mon": "9-12, 14:00 bis 18:00", "hours-tue": "08:30-12:00"},
        closed_days="24.12.2026\n31.12.2026",
        age_from="",
        capacity="7",
        languages=["de", "ar"],
        language="kmr",
        asylum_phases=["none", "recognised"],
        stand_in=JMD,
        mail="neu@wohlfahrt.example",
        place="Musterstadt",
    )
    assert "Die Stelle ist gespeichert." in page
    assert "Kurmandschi" in page
    row = await of(world)
    assert row["hours"] == {"mon": [["09:00", "12:00"], ["14:00", "18:00"]], "tue": [["08:30", "12:00"]]}
    assert [day.isoformat() for day in row["closed_days"]] == ["2026-12-24", "2026-12-31"]
    assert (row["age_from"], row["capacity"], row["stand_in"], row["version"]) == (None, 7, JMD, 2)
    assert row["languages"] == ["de", "ar", "kmr"]
    assert row["asylum_phases"] == ["none", "recognised"]
    assert (row["mail"], row["slug"], row["organisation"]) == ("neu@wohlfahrt.example", MBE, "wohlfahrt")
    assert row["catchment"] == ["99001", "99001001"]
    (change,) = await world.rows("SELECT * FROM office_change")
    assert (change["changed_by"], change["office"], change["changed_at"]) == (who, MBE, world.now)
    assert change["changed"]["capacity"] == [50, 7]
    assert change["changed"]["mail"] is None
    assert "name" not in change["changed"]
    # Saved again as it stands, nothing is changed but the version.
    await saved(pages[who])
    assert dict(await of(world)) | {"version": 2} == dict(row)
    last = await world.value("SELECT changed FROM office_change ORDER BY version DESC LIMIT 1")
    assert last == {}


async def test_places_are_removed_and_whole_kreise_added(world: World, pages: Pages) -> None:
    await saved(pages[LEAD], place="99001001")
    page = await refused(pages[LEAD], remove=["99001", "99001001"])
    assert "mindestens einen Ort oder Kreis" in page
    await saved(pages[LEAD], remove="99001")
    assert (await of(world))["catchment"] == ["99001001"]
    page = await refused(pages[LEAD], place="Muster")
    assert "welchen Ort oder Kreis Sie meinen" in page
    assert 'value="99001"' in page
    page = await refused(pages[LEAD], place="Muster", remove="99001001")
    assert "mindestens einen Ort" not in page  # the first one is being chosen
    await saved(pages[LEAD], place="Muster", place_asked="Muster", place_choice="99001")
    assert (await of(world))["catchment"] == ["99001001", "99001"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x\x07y"}, "name"),
    ({"name": "x" * 5000}, "name"),
    ({"kind": "Mbe'--"}, "kind"),
    ({"place": "Atlantis an der Weser"}, "place"),
    ({"place": "12345678"}, "place"),
    ({"place": "Muster", "place_asked": "Muster", "place_choice": "99002001"}, "place"),
    ({"catchment": "99001 99001999"}, "catchment"),
    ({"catchment": "99001 <script>"}, "catchment"),
    ({"hours-mon": "16:00-09:00"}, "hours-mon"),
    ({"hours-mon": "09:00-09:00"}, "hours-mon"),
    ({"hours-wed": "09:00-25:00"}, "hours-wed"),
    ({"hours-wed": "09:00-24:00"}, "hours-wed"),
    ({"hours-sun": "vormittags"}, "hours-sun"),
    ({"hours-sun": ", ".join(f"{n:02}:00-{n:02}:30" for n in range(21))}, "hours-sun"),
    ({"closed_days": "31.02.2026"}, "closed_days"),
    ({"closed_days": "24.12.1026"}, "closed_days"),
    ({"closed_days": "24.12.9026"}, "closed_days"),
    ({"age_from": "30", "age_below": "27"}, "age_from"),
    ({"age_from": "-1"}, "age_from"),
    ({"age_below": "٢٧"}, "age_below"),
    ({"capacity": ""}, "capacity"),
    ({"capacity": "10001"}, "capacity"),
    ({"capacity": "9" * 5000}, "capacity"),
    ({"mail": "a@b.example, c@d.example"}, "mail"),
    ({"mail": "a@b.example\r\nBcc: x@y.example"}, "mail"),
    ({"lead_mail": "Leitung"}, "lead_mail"),
    ({"language": "klingonisch"}, "languages"),
    ({"languages": ["de", "'; DROP TABLE office"]}, "languages"),
    ({"asylum_phases": ["waiting"]}, "asylum_phases"),
    ({"stand_in": MBE}, "stand_in"),
    ({"stand_in": "nirgends"}, "stand_in"),
    ({"stand_in": "Groß Süd"}, "stand_in"),
    ({"seat": "Atlantis"}, "seat"),
]


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(world: World, pages: Pages) -> None:
    before = await of(world)
    for changes, field in WRONG:
        page = await refused(pages[LEAD], **changes)
        assert f'id="{field}-error"' in page, changes
        (anchor,) = re.findall(r'href="#([^"]*)">', page.partition('<form class="kl-form"')[0])[1:2]
        assert f'id="{anchor}"' in page, changes
        assert "<script>" not in page.partition("</head>")[2]
    assert await of(world) == before
    assert await world.value("SELECT count(*) FROM office_change") == 0


async def test_offices_of_several_laender_need_a_seat(world: World) -> None:
    async with pages_on(world, LEAD, people=KEEPERS) as pages:  # without a directory: keys
        page = await refused(pages[LEAD], place="09161000")
        assert 'id="seat-error"' in page
        await saved(pages[LEAD], place="09161000", seat="09161")
    assert (await of(world))["seat"] == "09161"


async def test_a_closed_circle_is_refused(world: World, pages: Pages) -> None:
    await world.load_offices(office(JMD, active=False, stand_in=MBE))
    page = await refused(pages[LEAD], active="0", stand_in=JMD)
    assert "die sich hier vertreten, sind alle geschlossen" in page
    assert (await of(world))["active"] is True
    await saved(pages[LEAD], active="0", stand_in=OTHER)
    assert (await of(world))["active"] is False


async def test_the_second_of_two_who_edit_at_once_is_told(world: World, pages: Pages) -> None:
    seen = form(await pages[ADMIN].page(PATH))
    await saved(pages[LEAD], capacity="11")
    answer = await pages[ADMIN].post(PATH, **seen | {"capacity": "12"})
    page = await pages[ADMIN].page(answer.headers["location"])
    assert "Jemand anderes hat diese Stelle geändert" in page
    assert 'name="capacity" type="text" value="11"' in page
    assert (await of(world))["capacity"] == 11
    # A file that is loaded meanwhile counts like a person.
    seen = form(await pages[ADMIN].page(PATH))
    await world.load_offices(office(MBE, capacity=13))
    await pages[ADMIN].post(PATH, **seen | {"capacity": "14"})
    assert (await of(world))["capacity"] == 13
    for hostile in ("", "-1", "1e3", "9" * 40, "٢"):
        answer = await pages[ADMIN].post(PATH, **seen | {"version": hostile})
        assert answer.status_code == 422


async def test_another_organisation_reads_and_changes_nothing(world: World, pages: Pages) -> None:
    await world.load_offices(office(MBE, mail=SECRET, lead_mail=SECRET))
    before = await of(world)
    seen = form(await pages[LEAD].page(PATH))
    assert SECRET in str(seen)
    for who in (STRANGER, SCHOOL_ADMIN, MBE, DESK):
        page = await pages[who].page(PATH)
        assert SECRET not in page
        assert 'name="capacity"' not in page
        assert SECRET not in await pages[who].page("/offices")
        answer = await pages[who].post(PATH, **seen)
        assert answer.status_code == (404 if who in {STRANGER, SCHOOL_ADMIN} else 403), who
    assert await of(world) == before
    # A provider's or a desk's administration keeps no offices at all.
    assert (await pages[SCHOOL_ADMIN].get("/offices/new")).status_code == 404
    new = seen | {"name": "Stelle der Schule"}
    assert (await pages[SCHOOL_ADMIN].post("/offices/new", **new)).status_code == 404
    assert await world.value("SELECT count(*) FROM office WHERE organisation = 'vhs'") == 0


async def test_a_new_office_gets_a_slug_of_its_name(world: World, pages: Pages) -> None:
    new = {"name": "Beratung Süd", "kind": "mbe", "mail": "s@w.example", "lead_mail": "l@w.example"}
    new |= {"capacity": "5", "active": "1", "place": "99001"}
    answer = await pages[LEAD].post("/offices/new", **new)
    assert answer.headers["location"] == "/offices/beratung-sued"
    assert "Noch kann niemand den Eingang dieser Stelle öffnen." in await pages[LEAD].page(
        "/offices/beratung-sued"
    )
    assert (await of(world, "beratung-sued"))["organisation"] == "wohlfahrt"
    answer = await pages[LEAD].post("/offices/new", **new)
    assert "hat schon eine Stelle mit diesem Namen" in answer.text
    answer = await pages[STRANGER].post("/offices/new", **new)  # another organisation may call one so
    assert answer.headers["location"] == "/offices/beratung-sued-2"
    await saved(pages[LEAD], "/offices/beratung-sued", name="Beratung Nord")
    assert (await of(world, "beratung-sued"))["name"] == "Beratung Nord"


async def test_the_first_office_is_the_one_for_which_its_people_speak(world: World, pages: Pages) -> None:
    await world.forget("office")
    new = {"name": "Ganz anders", "kind": "mbe", "mail": "s@w.example", "lead_mail": "l@w.example"}
    answer = await pages[LEAD].post("/offices/new", **new, capacity="5", active="1", place="99001")
    assert answer.headers["location"] == PATH
    assert "Noch kann niemand" not in await pages[LEAD].page(PATH)


async def test_saving_has_alerts_reconciled_and_tells_the_page_nothing(world: World, pages: Pages) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice", office_=MBE)
    await world.load_offices(office(MBE, active=False, stand_in=OTHER))
    await world.enrol(person)
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0
    await saved(pages[LEAD], active="1")
    assert await world.value("SELECT count(*) FROM reconsider") == 1
    await world.settle()
    assert await world.value("SELECT office FROM alert") == MBE


async def test_the_database_admits_exactly_that(world: World, pages: Pages) -> None:
    """Whatever a page would ask: own rows of a counselling organisation, and mailboxes of one's own."""
    assert pages
    change = "UPDATE office SET capacity = 1 WHERE slug = $1 RETURNING 1"
    add = (
        "INSERT INTO office (slug, organisation, name, kind, catchment, capacity, mail, lead_mail, hours)"
        " VALUES ('x', $1, 'x', 'mbe', '{99001}', 1, 'a@b.example', 'a@b.example', '{}')"
    )
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await conn.fetchval(change, MBE) == 1
        assert await conn.fetchval(change, OTHER) is None
        assert [row["slug"] for row in await conn.fetch("SELECT slug FROM own_mailbox")] == [MBE]
    for statement, argument in (
        ("SELECT mail FROM office WHERE slug = $1", MBE),
        ("UPDATE office SET organisation = 'fern' WHERE slug = $1", MBE),
        ("UPDATE office SET slug = 'y' WHERE slug = $1", MBE),
        ("DELETE FROM office WHERE slug = $1", MBE),
        ("DELETE FROM office_change WHERE office = $1", MBE),
        (add, "fern"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with world.visiting("wohlfahrt", MBE) as conn:
                await conn.execute(statement, argument)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.visiting("vhs", PROVIDER) as conn:  # no counselling organisation
            await conn.execute(add, "vhs")
    async with world.visiting("vhs", PROVIDER) as conn:
        await conn.execute("SELECT reconsider_consenting()")
    assert await world.value("SELECT count(*) FROM reconsider") == 0
    async with transaction(world.worker) as conn:
        await conn.execute("INSERT INTO office_change VALUES ('x', 1, 'fern', now(), 'a', '{}')")
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await conn.fetchval("SELECT count(*) FROM office_change WHERE organisation = 'fern'") == 0


async def test_changes_are_kept_for_three_years(world: World) -> None:
    kept = "INSERT INTO office_change VALUES ($1, 1, 'wohlfahrt', $2, 'a', '{}')"
    await world.rows(kept, "old", world.now - timedelta(days=1096))
    await world.rows(kept, "young", world.now - timedelta(days=1094))
    await Retention(world.worker, world.policy, world.secrets).clean(world.now)
    assert [row["office"] for row in await world.rows("SELECT office FROM office_change")] == ["young"]


async def test_phases_and_neighbours_are_kept_and_removed(world: World, pages: Pages) -> None:
    lead = pages[LEAD]
    neighbour = {
        "neighbour": "99002",
        "neighbour_from": "01.03.2026",
        "neighbour_until": "31.12.2026",
        "neighbour_source": "Vereinbarung 4/2026",
    }
    page = await saved(lead, phases=["before", "during"], target_groups=["women", "literacy"], **neighbour)
    assert "Frauenkursen, Alphabetisierungskursen" in await pages[MBE].page(PATH)
    assert "ist auch für" in page
    assert "01.03.2026 bis 31.12.2026; Vereinbarung 4/2026" in page
    (row,) = await world.rows("SELECT phases, agreements, target_groups FROM office WHERE slug = $1", MBE)
    assert row["target_groups"] == ["women", "literacy"]
    assert row["phases"] == ["before", "during"]
    assert row["agreements"] == [
        {
            "what": "neighbour",
            "place": "99002",
            "valid_from": "2026-03-01",
            "valid_until": "2026-12-31",
            "source": "Vereinbarung 4/2026",
        }
    ]
    assert "Vereinbarung 4/2026" in await pages[MBE].page(PATH)  # everybody reads it
    await saved(lead, remove_agreement=["0"])
    assert await world.value("SELECT agreements FROM office WHERE slug = $1", MBE) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"neighbour": "99002"}, "neighbour_from"),
        ({"neighbour_from": "01.03.2026", "neighbour_source": "x"}, "neighbour"),
        ({"neighbour": "Nirgendwo", "neighbour_from": "01.03.2026", "neighbour_source": "x"}, "neighbour"),
        ({"neighbour": "99002", "neighbour_from": "bald", "neighbour_source": "x"}, "neighbour_from"),
        ({"neighbour": "99002", "neighbour_from": "01.03.0001", "neighbour_source": "x"}, "neighbour_from"),
        ({"neighbour": "99002", "neighbour_from": "01.03.2026"}, "neighbour_source"),
        (
            {
                "neighbour": "99002",
                "neighbour_from": "01.03.2026",
                "neighbour_until": "01.02.2026",
                "neighbour_source": "x",
            },
            "neighbour_until",
        ),
        ({"phases": ["nie"]}, "phases"),
        ({"target_groups": ["alle"]}, "target_groups"),
        ({"target_groups": ["'; DROP TABLE office"]}, "target_groups"),
    ],
)
async def test_what_is_wrong_with_an_agreement_is_said_at_its_field(
    world: World, pages: Pages, changes: dict[str, Any], field: str
) -> None:
    answer = await pages[LEAD].post(PATH, **form(await pages[LEAD].page(PATH), **changes))
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert await world.value("SELECT agreements FROM office WHERE slug = $1", MBE) == []


async def test_no_office_promotes_itself_before_free_organisations(world: World, pages: Pages) -> None:
    forged = {"agreements": '[{"what": "before_free"}]', "what": "before_free", "before_free": "1"}
    await saved(pages[LEAD], kind="municipal", **forged)
    assert await world.value("SELECT agreements FROM office WHERE slug = $1", MBE) == []
