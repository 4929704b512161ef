"""The consent rate is the support side's first figure: a span of what was published, and nothing else."""

from datetime import date

from services.notifications.pages.oversight.figures import consent_rate
from services.runtime.bookkeeping.publications import keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.figures import Publication, Value, publish
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import COUNSELLING
from tests.notifications.pages import pages_on
from tests.notifications.world import DESK, JOBCENTER, MBE, PROVIDER, World

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


def test_a_group_too_small_has_no_rate_whoever_consented() -> None:
    assert {consent_rate(counted("99001", 4, consented)) for consented in range(5)} == {None}
    rates = [consent_rate(counted("99001", 43, consented)) for consented in range(44)]
    assert all(rate is not None for rate in rates)
    assert rates[43] == rates[36]  # all and all but a few look alike
    assert rates[0] == rates[4]
