"""Heads of offices change the parameters of the rules: who may, what is refused, and for whom they hold."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from schemas.codes import ConsentPurpose
from services.notifications.pages.risk_rules.words import FIELDS
from services.notifications.retention import Retention
from services.notifications.risk import parameters
from services.notifications.risk.parameters import Parameters
from services.notifications.risk.parameters_store import RiskBookshelf
from services.notifications.risk.rounds import DailyRound
from services.runtime.data.db import transaction
from tests.notifications.pages import Browser, Pages, further, pages_on
from tests.notifications.rules import PATH, fields_of
from tests.notifications.world import JMD, MBE, OTHER, TODAY, World, school_days
from tests.rejected import check

DROPOUT = ConsentPurpose.DROPOUT_SUPPORT
LEAD, COUNSELLOR, FOREIGN, AUDITOR = "leitung", "beraterin", "jmd-leitung", "revision"
PEOPLE = further(
    (LEAD, MBE, "team_lead"),
    (COUNSELLOR, MBE, "counsellor"),
    (FOREIGN, JMD, "team_lead"),
    (AUDITOR, MBE, "auditor"),
)
USUAL = parameters.load().rules_on(TODAY).parameters


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    async with pages_on(world, LEAD, COUNSELLOR, FOREIGN, AUDITOR, people=PEOPLE) as pages:
        yield pages


async def decide(browser: Browser, **changed: str) -> str:
    """Try values, put them in force, and return the page of the parameters."""
    values = fields_of(await browser.page(PATH)) | {"reason": "Wir haben mehr Zeit."} | named(changed)
    tried = await browser.post(PATH, **values, do="try")
    assert tried.status_code == 200, tried.text
    answer = await browser.post(PATH, **fields_of(tried.text), do="decide")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox/rules")
    return await browser.page("/inbox/rules")


def named(changed: dict[str, str]) -> dict[str, str]:
    """Write `part__name` as the field is called."""
    return {name.replace("__", "-"): value for name, value in changed.items()}


async def stored(world: World) -> list[asyncpg.Record]:
    return await world.rows("SELECT office, valid_from, parameters FROM risk_parameters ORDER BY version")


async def risks(world: World) -> list[tuple[UUID, str, str]]:
    rows = await world.rows("SELECT participant_id, rule, state FROM risk ORDER BY raised_at, participant_id")
    return [tuple(row) for row in rows]


async def people(world: World, *consents: tuple[str, ...]) -> list[UUID]:
    """Seat people in a course; each consents to these offices."""
    await world.stated(course_type="integration_general")
    found = []
    for number, offices in enumerate(consents):
        person = await world.register(f"a-{number}")
        for office in offices:
            await world.consent(f"a-{number}", DROPOUT, office_=office)
        await world.enrol(person)
        found.append(person)
    return found


async def report(world: World, day: date, marks: dict[UUID, str]) -> None:
    await world.attend("k-1", day, marks)
    await world.settle()


async def test_the_page_says_what_each_value_does_and_who_decided_it(pages: Pages) -> None:
    page = await pages[LEAD].page("/inbox/rules")
    assert f"Stelle {MBE} verwendet die Werte, die Kurslotse mitbringt." in page
    assert "Nach so vielen unentschuldigten Kurstagen nacheinander gibt es einen Hinweis." in page
    assert page.count('<th scope="row"') == len(FIELDS)
    page = await decide(pages[LEAD], consecutive__days="6", share__raise_at="52,5", share__excused_counts="")
    assert f"Das hat Person {LEAD} entschieden." in page
    assert "Grund: Wir haben mehr Zeit." in page
    assert "Nach so vielen unentschuldigten Kurstagen nacheinander gibt es einen Hinweis. 4 → 6" in page
    assert "50 → 52,5" in page
    assert "<strong>52,5</strong>" in page
    await pages[LEAD].post("/preferences", language="en", back="/inbox/rules")
    assert "52.5" in await pages[LEAD].page("/inbox/rules")


async def test_only_the_head_of_the_very_office_sees_and_changes(world: World, pages: Pages) -> None:
    for path in ("/inbox/rules", PATH, "/inbox/evaluation"):
        assert (await pages[COUNSELLOR].get(path)).status_code == 403
    assert (await pages[COUNSELLOR].post(PATH, do="decide")).status_code == 403
    assert "Werte ändern" not in await pages[AUDITOR].page("/inbox/rules")
    assert (await pages[AUDITOR].get(PATH)).headers["location"] == "/inbox/rules"
    assert (await pages[AUDITOR].post(PATH, do="try")).status_code == 403
    await decide(pages[LEAD], consecutive__days="6")
    assert "Kurslotse mitbringt" in await pages[FOREIGN].page("/inbox/rules")
    assert "Wir haben mehr Zeit" not in await pages[FOREIGN].page("/inbox/rules")
    async with world.visiting("jugend", JMD) as conn:
        assert await conn.fetch("SELECT 1 FROM risk_parameters") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with world.visiting("jugend", JMD) as conn:
            await conn.execute(
                "INSERT INTO risk_parameters (office, organisation, valid_from, reason, decided_at,"
                " decided_by) VALUES ($1, 'wohlfahrt', '2026-03-02', 'x', $2, 'x')",
                MBE,
                world.now,
            )
    for statement in ("UPDATE risk_parameters SET reason = 'y'", "DELETE FROM risk_parameters"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with world.visiting("wohlfahrt", MBE) as conn:
                await conn.execute(statement)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "consecutive-days",
            ("NaN", "1e308", "\uff14", "-1", "", "4,5", "41", "0", "4 5", "0x4", "4" * 5000),
        ),
        ("share-raise_at", ("NaN", "inf", "1e308", "\uff10.\uff15", "-1", "", "101", "0", "0,5", "5e1")),
        ("pattern-raise_at", ("nan", "1e308", "\uff18", "0", "100,1", "8,0,0")),
        ("share-clear_below", ("50", "45", "99")),
        ("share-least_days", ("16",)),
        ("pattern-clear_below", ("4",)),
        ("pattern-leaving_excused", ("22", "98")),
        ("standing-right_days", ("61",)),
        ("standing-hours_left_ue", ("151",)),
        ("valid_from", ("", "2026-03-01", "31.02.2026", "gestern", "2028-01-01", "99999-01-01")),
        ("reason", ("", " \0 ", "x" * 10_000)),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    world: World, pages: Pages, name: str, values: tuple[str, ...]
) -> None:
    whole = fields_of(await pages[LEAD].page(PATH)) | {"reason": "Probe"}
    for value in values:
        for do in ("try", "decide"):
            answer = await pages[LEAD].post(PATH, **whole | {name: value}, do=do)
            assert answer.status_code == 422, (value, answer.text)
            assert f'href="#{name}"' in answer.text, value
            assert check(PATH, answer) == []
    assert await stored(world) == []


async def test_a_form_without_fields_names_each(pages: Pages) -> None:
    answer = await pages[LEAD].post(PATH, do="decide")
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == len(FIELDS) - 1 + 2, "but for one box to tick"


async def test_nothing_comes_into_force_that_was_not_tried_or_was_overtaken(
    world: World, pages: Pages
) -> None:
    values = fields_of(await pages[LEAD].page(PATH)) | {"reason": "Probe"}
    page = (await pages[LEAD].post(PATH, **values, do="decide")).text
    assert "Noch ist nichts geändert." in page
    other = fields_of(page) | {"consecutive-days": "7"}
    page = (await pages[LEAD].post(PATH, **other, do="decide")).text
    assert "Noch ist nichts geändert." in page, "just these values were not tried"
    assert await stored(world) == []
    tried = fields_of(page)
    await decide(pages[LEAD], consecutive__days="6")
    answer = await pages[LEAD].post(PATH, **tried, do="decide")
    assert "inzwischen geändert" in await pages[LEAD].page(answer.headers["location"])
    assert len(await stored(world)) == 1


async def test_the_values_hold_for_whoever_consents_to_the_office(world: World, pages: Pages) -> None:
    own, other, both, elsewhere = await people(world, (MBE,), (JMD,), (JMD, MBE), (OTHER,))
    days = school_days(TODAY, 4)
    for day in days[:3]:
        await report(world, day, dict.fromkeys((own, other, both, elsewhere), "X"))
    await decide(pages[LEAD], consecutive__early_days="1", reason="früher hören")
    await report(world, days[3], dict.fromkeys((own, other, both, elsewhere), "U"))
    rule = "consecutive_unexcused"
    assert sorted(await risks(world)) == sorted([(own, rule, "open"), (both, rule, "open")])


async def test_a_change_ends_no_notice_by_itself(world: World, pages: Pages) -> None:
    (person,) = await people(world, (MBE,))
    days = school_days(TODAY, 8)
    await decide(pages[LEAD], consecutive__early_days="1")
    for day, mark in zip(days[:4], "XXXU", strict=True):
        await report(world, day, {person: mark})
    world.now += timedelta(days=3)
    page = await decide(pages[LEAD], usual="1")
    assert "wieder die Werte, die Kurslotse mitbringt" in page
    assert (await stored(world))[-1]["parameters"] is None
    await report(world, days[4], {person: "X"})
    assert await risks(world) == [(person, "consecutive_unexcused", "open")]
    await report(world, days[5], {person: "X"})
    assert await risks(world) == [(person, "consecutive_unexcused", "cleared")]
    await report(world, days[6], {person: "U"})
    assert await risks(world) == [(person, "consecutive_unexcused", "cleared")], "the usual values hold"


async def test_tomorrows_values_raise_nothing_today_and_of_two_the_later_decided_wins(
    world: World, pages: Pages
) -> None:
    before, after = await people(world, (MBE,), (MBE,))
    days, tomorrow = school_days(TODAY, 4), (TODAY + timedelta(days=3)).isoformat()
    await decide(pages[LEAD], valid_from=tomorrow, no_show__days="5")
    page = await decide(pages[LEAD], valid_from=tomorrow, consecutive__early_days="1")
    assert page.count("Ab dem 05.03.2026 gelten andere Werte.") == 1
    for day, marks in zip(days[:3], ("XX", "XX", "UX"), strict=True):
        await report(world, day, dict(zip((before, after), marks, strict=True)))
    assert await risks(world) == []
    await report(world, days[3], {before: "X", after: "U"})
    assert await risks(world) == [(after, "consecutive_unexcused", "open")]


async def test_the_calendar_goes_by_the_offices_values(world: World, pages: Pages) -> None:
    await world.stated(course_type="integration_general")
    for number, office in enumerate((MBE, JMD)):
        await world.register(f"a-{number}")
        await world.consent(f"a-{number}", DROPOUT, office_=office)
    await world.settle()
    await decide(pages[LEAD], standing__waiting_days="10")
    await decide(pages[LEAD], standing__waiting_days="20")
    for days, waiting in ((12, 0), (20, 1), (149, 1), (150, 2)):
        world.now = world.now.replace(month=3, day=2) + timedelta(days=days)
        await DailyRound(world.worker).begin(world.now)
        await world.settle()
        assert len(await risks(world)) == waiting, days


async def test_values_of_today_hold_at_once(world: World, pages: Pages) -> None:
    await world.registered("a-0", registered_on=TODAY - timedelta(days=40))
    await world.consent("a-0", DROPOUT)
    await world.settle()
    assert await risks(world) == []
    await decide(pages[LEAD], standing__waiting_days="30")
    await world.settle()
    assert [rule for _, rule, _ in await risks(world)] == ["waits_long"]


async def test_a_version_is_kept_while_it_holds_and_forgotten_long_after(world: World, pages: Pages) -> None:
    for days in ("5", "6"):
        await decide(pages[LEAD], consecutive__days=days)
        world.now += timedelta(days=1)
    retention = Retention(world.worker, world.policy, world.secrets)
    await retention.clean(world.now + timedelta(days=1090))
    assert len(await stored(world)) == 2
    await retention.clean(world.now + timedelta(days=1100))
    assert [row["parameters"]["consecutive"]["days"] for row in await stored(world)] == [6]


async def test_what_an_older_release_stored_is_completed_or_replaced_by_the_packaged(world: World) -> None:
    older = USUAL.model_dump() | {"early_days": 7}
    del older["standing"]["cap_ue"]
    for organisation, office, values in (
        ("wohlfahrt", MBE, older),
        ("jugend", JMD, {"share": {"raise_at": 17}}),
    ):
        async with pages_on(world), world.visiting(organisation, office) as conn:
            await conn.execute(
                "INSERT INTO risk_parameters (office, organisation, valid_from, parameters, reason,"
                " decided_at, decided_by) VALUES ($1, $2, '2026-03-02', $3, 'x', $4, 'x')",
                office,
                organisation,
                values,
                world.now,
            )
    async with transaction(world.worker) as conn:
        books = await RiskBookshelf(parameters.load()).current(conn)
    of_mbe, of_jmd = (books.own[office].rules_on(TODAY).parameters for office in (MBE, JMD))
    assert of_mbe == Parameters.model_validate(USUAL.model_dump() | {"early_days": 7})
    assert of_jmd == USUAL
