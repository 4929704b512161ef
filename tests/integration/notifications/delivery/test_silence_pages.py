"""The head of an office lets its mails wait and ends that again; colleagues read who said why."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.notifications.pages import Pages, further, pages_on
from tests.notifications.world import MBE, OTHER, SISTERS, TODAY, World

LEAD, ADMIN, SISTER, STRANGER = "leitung", "verwaltung", "schwester", "fern-leitung"
PEOPLE = further(
    (LEAD, MBE, "team_lead"),
    (ADMIN, MBE, "administrator"),
    (SISTER, SISTERS[MBE], "team_lead"),
    (STRANGER, OTHER, "team_lead"),
)
SILENCES = f"/offices/{MBE}/silences"
USUAL: dict[str, str] = {
    "about": "everything",
    "until": (TODAY + timedelta(days=2)).isoformat(),
    "reason": "Betriebsausflug <b>",
}


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    async with pages_on(world, LEAD, ADMIN, STRANGER, MBE, people=PEOPLE) as pages:
        yield pages


async def owed(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()


async def test_a_silence_begins_is_read_by_the_office_and_ends(world: World, pages: Pages) -> None:
    answer = await pages[LEAD].post(SILENCES, **USUAL)
    assert (answer.status_code, answer.headers["location"]) == (303, SILENCES)
    (row,) = await world.rows("SELECT silence_id, office, author, ends_at FROM silence")
    assert tuple(row)[1:] == (MBE, LEAD, datetime(2026, 3, 4, 23, tzinfo=UTC))
    page = await pages[LEAD].page(SILENCES)
    for text in (
        "Die Stummschaltung hat begonnen.",
        "alle Hinweise",
        "Betriebsausflug &lt;b&gt;",
        ">04.03.2026<",
    ):
        assert text in page, text
    assert f"Person {LEAD}, 02.03.2026, 10:00" in page
    read = await pages[MBE].page(SILENCES)
    assert "Betriebsausflug" in read
    assert f'action="{SILENCES}' not in read
    inbox = " ".join(re.sub(r"<[^>]*>", " ", await pages[MBE].page("/inbox")).split())
    assert "warten bis einschließlich 04.03.2026: Betriebsausflug &lt;b&gt; (Person leitung)." in inbox
    assert SILENCES in await pages[LEAD].page("/inbox/team")
    assert SILENCES in await pages[LEAD].page(f"/offices/{MBE}/telling")
    assert SILENCES not in await pages[ADMIN].page(f"/offices/{MBE}/telling")

    await owed(world)
    await world.deliver()
    assert world.server.mails == []
    end = f"{SILENCES}/{row['silence_id']}/end"
    assert (await pages[LEAD].post(end)).status_code == 303
    assert "Was gewartet hat, geht jetzt hinaus." in await pages[LEAD].page(SILENCES)
    await pages[LEAD].post(end)
    assert "Diese Stummschaltung ist schon vorbei." in await pages[LEAD].page(SILENCES)
    await world.deliver()
    assert [str(mail["To"]) for mail in world.server.mails] == [f"post@{MBE}.kurslotse.invalid"]
    assert await world.value("SELECT ended_by FROM silence") == LEAD
    changes = re.sub(r"<[^>]*>", " ", await pages[LEAD].page(f"/offices/{MBE}/telling"))
    text = " ".join(changes.split())
    assert re.search(rf"02.03.2026, 10:00 Person {LEAD} Alle E-Mails warten bis: . → 04.03.2026", text)
    assert f"Person {LEAD} Alle E-Mails warten bis: 04.03.2026 → " in text
    assert text.count("Alle E-Mails warten bis") == 2, "ending it twice is one change"
    assert await world.value("SELECT count(*) FROM telling_change WHERE changed::text LIKE '%Betrieb%'") == 0


async def test_a_silence_is_over_by_itself(world: World, pages: Pages) -> None:
    await pages[LEAD].post(SILENCES, **(USUAL | {"until": "2.3.2026"}))
    world.now = datetime(2026, 3, 2, 22, 59, tzinfo=UTC)
    assert "Betriebsausflug" in await pages[LEAD].page(SILENCES)
    world.now += timedelta(minutes=1)
    assert "Betriebsausflug" not in await pages[LEAD].page(SILENCES)
    assert "Betriebsausflug" not in await pages[MBE].page("/inbox")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"about": "alles"}, "about"),
        ({"until": ""}, "until"),
        ({"until": "morgen"}, "until"),
        ({"until": (TODAY - timedelta(days=1)).isoformat()}, "until"),
        ({"until": (TODAY + timedelta(days=31)).isoformat()}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "0001-01-01"}, "until"),
        ({"reason": " \n"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    world: World, pages: Pages, changes: dict[str, Any], field: str
) -> None:
    answer = await pages[LEAD].post(SILENCES, **(USUAL | changes))
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "autofocus" in answer.text
    if field != "reason":
        assert 'value="Betriebsausflug &lt;b&gt;"' in answer.text
    assert await world.value("SELECT count(*) FROM silence") == 0


async def test_the_longest_silence_is_taken(world: World, pages: Pages) -> None:
    last = TODAY + timedelta(days=30)
    assert (await pages[LEAD].post(SILENCES, **(USUAL | {"until": last.isoformat()}))).status_code == 303
    assert (
        await pages[LEAD].post(SILENCES, **(USUAL | {"reason": "Nul\x00", "about": "risk"}))
    ).status_code == 303
    assert await world.value("SELECT count(*) FROM silence WHERE about = 'everything'") == 1


async def test_nobody_else_silences_an_office(world: World, pages: Pages) -> None:
    await pages[LEAD].post(SILENCES, **USUAL)
    silence = await world.value("SELECT silence_id FROM silence")
    async with pages_on(world, SISTER, people=PEOPLE) as others:
        for browser, status in (
            (pages[STRANGER], 404),
            (others[SISTER], 404),
            (pages[ADMIN], 403),
            (pages[MBE], 403),
        ):
            for path in (SILENCES, f"{SILENCES}/{silence}/end"):
                assert (await browser.post(path, **USUAL)).status_code == status, path
            assert (await browser.get(SILENCES)).status_code == (200 if browser is pages[MBE] else status)
        # Under the own office's address, too, a foreign silence is not found.
        own = f"/offices/{SISTERS[MBE]}/silences/{silence}/end"
        assert (await others[SISTER].post(own)).status_code in {303, 404}
    assert (await pages[LEAD].post(f"{SILENCES}/{uuid4()}/end")).status_code == 303
    assert await world.value("SELECT count(*) FROM silence WHERE ended_at IS NULL") == 1
