"""The consent rate is the support side's first figure: a span of what was published, and nothing else."""

from collections import defaultdict
from datetime import date

from schemas.placements import PlacementAdvanced
from services.notifications.pages.oversight.figures import consent_rate, own_rate
from services.runtime.bookkeeping.publications import keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.figures import Publication, Value, publish
from services.runtime.disclosure.quarters import Quarter
from services.runtime.web.languages import NOTHING
from services.texts.figures import COUNSELLING, NEEDS, needs_with_towns
from tests.notifications.pages import further, pages_on
from tests.notifications.world import DESK, JMD, JOBCENTER, MBE, PROVIDER, SISTERS, World, office, step

QUARTER = Quarter(date(2025, 10, 1))


def counted(kreis: str, began: int, consented: int, quarter: Quarter = QUARTER) -> Publication:
    values: dict[str, Value] = {
        "began": began, "consented": consented, "announced": 0, "unsuited": 0, "at_risk": 0, "taken_up": 0
    }  # fmt: skip
    return publish(COUNSELLING, kreis, quarter, values, k=5, today=date(2026, 3, 1))


async def test_everybody_reads_the_rate_as_it_was_published(world: World) -> None:
    async with transaction(world.worker) as conn:
        await keep(conn, counted("99001", 43, 31))
        await keep(conn, counted("99001", 4, 4, Quarter(date(2025, 7, 1))))
        await keep(conn, counted("99002", 80, 20))
    async with pages_on(world, DESK, JOBCENTER, MBE, PROVIDER) as pages:
        for one in (DESK, JOBCENTER, MBE, PROVIDER):
            page = await pages[one].page("/figures")
            rates = page[page.index('id="rate"') : page.index("</section>", page.index('id="rate"'))]
            assert "2025/4" in rates
            assert "68 bis 85 %" in rates
            assert "zu klein" in rates
            assert page.index("Einwilligungsquote") < page.index("Beratung</h2>")
            assert " 43<" not in page  # only spans are published
            assert "80 bis" not in page  # another Kreis
            across = page[page.index("Beratung, nach Quartal") :]
            assert across.index("2025/4") < across.index("2025/3")
            assert across.index("Haben ihren ersten Kurs begonnen") < across.index("davon mit Einwilligung")
            assert across.count("Haben ihren ersten Kurs begonnen") == 1  # quarters stand side by side


async def test_towns_stand_where_something_is_told_of_them(world: World) -> None:
    needs = {"childcare": 40, "bus": 0, "evening_course": 0, "other_level": 0, "other": 0}
    figure = needs_with_towns(NEEDS, ["99001001", "99001002", "99001003"])
    values = defaultdict(int, {**needs, "town_99001001_childcare": 30})
    async with transaction(world.worker) as conn:
        await keep(conn, publish(figure, "99001", QUARTER, values, k=5, today=date(2026, 3, 1)))
        before = Quarter(date(2025, 7, 1))
        await keep(
            conn, publish(NEEDS, "99001", before, defaultdict(int, needs), k=5, today=date(2026, 3, 1))
        )
    async with pages_on(world, MBE) as pages:
        page = await pages[MBE].page("/figures")
    row = page[page.index("Kinderbetreuung, für ") :]
    row = row[: row.index("</tr>")]
    assert row.count("<td") == 2
    assert NOTHING in row  # nothing was told of the town a quarter before


async def test_a_team_lead_reads_the_rate_of_the_own_office(world: World) -> None:
    await world.load_offices(office(MBE), office(JMD))
    await world.announce()
    for number in range(12):  # eleven allow one office, three another one, one took it back
        reference = f"a-{number}"
        began = date(2025, 12, 1) if number < 11 else date(2025, 9, 30)
        person = await world.register(reference)
        started = step(
            PlacementAdvanced,
            person,
            from_state="confirmed",
            to_state="started",
            starts_on=began,
            office=DESK,
        )
        await world.say(None, started)
        await world.consent(reference, "enrolment_notice", "after_course")
        if number < 3:
            await world.consent(reference, "after_course", office_=JMD)
    await world.revoke("a-10", office_=MBE)
    async with transaction(world.worker) as conn:
        await keep(conn, counted("99001", 43, 31))
        await keep(conn, counted("99001", 4, 4, Quarter(date(2025, 7, 1))))
    leads = further(
        ("lead", MBE, "team_lead"), ("other", JMD, "team_lead"), ("east", SISTERS[MBE], "team_lead")
    )
    async with pages_on(world, "lead", "other", "east", MBE, DESK, people=leads) as pages:
        for who, people, rate in (
            ("lead", 10, "22 bis 25 %"),
            ("other", 3, "6 bis 8 %"),
            ("east", 0, "0 bis 0 %"),
        ):
            page = await pages[who].page("/figures")
            own = page[page.index('id="own-rate"') :]
            own = own[: own.index("</section>")]
            assert rate in own
            assert f">{people}<" in own
            assert "zu klein" in own  # four people, all of them with consent, are told of by nothing
        for who in (MBE, DESK):
            assert 'id="own-rate"' not in await pages[who].page("/figures")
    async with world.visiting("vhs") as conn:
        assert await conn.fetch("SELECT * FROM own_consenting_beginners($1)", world.now.date()) == []


def test_a_rate_stays_a_share_of_those_who_began() -> None:
    assert own_rate(counted("99001", 43, 31), 500) == (100, 100)
    assert {own_rate(counted("99001", 4, 4), own) for own in range(6)} == {None}


def test_a_group_too_small_has_no_rate_whoever_consented() -> None:
    assert {consent_rate(counted("99001", 4, consented)) for consented in range(5)} == {None}
    rates = [consent_rate(counted("99001", 43, consented)) for consented in range(44)]
    assert all(rate is not None for rate in rates)
    assert rates[43] == rates[36]  # all and all but a few look alike
    assert rates[0] == rates[4]
