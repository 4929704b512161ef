"""A counsellor's day and a team lead's week at the inbox, with the keyboard and without scripts."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from services.notifications.alerts import handlers as alerts
from services.notifications.alerts.domain import AlertCommand, RiskVerdict
from services.notifications.delivery.domain import reference_of
from services.notifications.people.domain import Contact
from services.notifications.risk.evaluate.daily import DailyEvaluation
from tests.browser.support_side import SupportSide, support_side
from tests.browser.visits import answered, sign_in, violations
from tests.databases import Templates
from tests.notifications.pages import further
from tests.notifications.world import JMD, MBE, PUBLISHERS, TODAY, World, school_days

pytestmark = pytest.mark.browser
LEAD, COLLEAGUE = "leitung", "kollegin"
PEOPLE = further((LEAD, MBE, "team_lead"), (COLLEAGUE, MBE, "counsellor"))
ENROLLED, MISSING = 44, 6
MOST_PIXELS = 6_000
"""Of the page with fifty alerts at 1280 pixels; as cards it took 10,000 and more."""


async def _fill(world: World) -> None:
    """Forty-four people begin a course, six of them are missing at once: fifty alerts."""
    await world.announce()
    people = []
    for number in range(1, ENROLLED + 1):
        reference = f"a-{number:02}"
        people.append(await world.register(reference))
        contact = Contact(
            family_name=f"Muster{number:02}", given_name="Ada", phone="0000 12", languages=("ar",)
        )
        await world.keep(reference, contact)
        await world.consent(reference, "enrolment_notice", "dropout_support")
        await world.enrol(people[-1])
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, dict.fromkeys(people[:MISSING], "U"))
    await world.settle()


@pytest.fixture
def support(templates: Templates, prefix: str) -> Iterator[SupportSide]:
    with support_side(templates, prefix, PEOPLE) as running:
        running.do(_fill)
        yield running


def small(page: Page, *addresses: str) -> None:
    """Nothing runs out of a small screen."""
    page.set_viewport_size({"width": 320, "height": 700})
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address


def test_a_counsellors_day(
    support: SupportSide, page: Page, browser_without_scripts: BrowserContext, pictures: Path
) -> None:
    """With the keyboard alone; then the same without scripts on a small screen."""
    sign_in(page, support.url, MBE)
    page.goto(f"{support.url}/inbox")
    expect(page.locator("#alerts tbody tr")).to_have_count(50)
    expect(page.locator("#alerts tbody tr").first).to_contain_text("nicht gekommen")
    height = page.evaluate("document.documentElement.scrollHeight")
    (pictures / "inbox-height.txt").write_text(f"{height}\n", "utf-8")
    assert height <= MOST_PIXELS
    assert violations(page) == []
    page.screenshot(path=pictures / "counsellor-inbox.png", full_page=True)

    page.locator("#narrow > summary").press("Enter")
    page.locator("#kind").select_option("risk")
    page.locator("#narrow button").press("Enter")
    expect(page.locator("#alerts tbody tr")).to_have_count(MISSING)
    narrowed = page.url
    references = page.locator("#alerts th a").all_inner_texts()
    taken = UUID(str(page.locator("#alerts input[name=alert]").nth(1).get_attribute("value")))
    page.locator("#several > summary").press("Enter")
    for number in range(3):
        page.locator("#alerts input[name=alert]").nth(number).press("Space")
    page.locator("#do").select_option("accept")
    page.locator("#reason").fill("Sprechstunde heute")

    async def a_colleague_is_quicker(world: World) -> None:
        async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
            await alerts.answer(conn, taken, AlertCommand.ACCEPT, world.now, person=COLLEAGUE)

    support.do(a_colleague_is_quicker)
    page.locator("#reason").press("Enter")
    told = answered(page)
    assert "2 Hinweise sind angenommen." in told
    assert f"Nicht erledigt: {reference_of(taken)} ist schon in Arbeit." in told
    assert "kind=risk" in page.url
    assert violations(page) == []

    page.locator("#alerts th a", has_text=references[0]).press("Enter")
    page.locator("button", has_text="Name und Kontakt zeigen").press("Enter")
    expect(page.locator("[dir=rtl]")).to_contain_text("مرحباً")
    expect(page.locator("main")).to_contain_text("Warum Ihre Stelle")
    expect(page.locator("main")).to_contain_text("hat es keiner anderen Stelle erlaubt")
    assert violations(page) == []
    page.screenshot(path=pictures / "counsellor-alert.png", full_page=True)
    one = page.url.removesuffix("/contact")
    page.goto(one)
    page.locator("#verdict").select_option("useful")
    page.locator("form[action$='/done'] button").press("Enter")
    assert "Es ist erledigt." in answered(page)

    page.locator("#name").fill("Muster07")
    page.locator("#name").press("Enter")
    expect(page.locator("#alerts tbody tr").first).to_contain_text("Muster07, Ada")
    assert violations(page) == []

    without_scripts(support, browser_without_scripts.new_page(), narrowed, one)


def without_scripts(support: SupportSide, plain: Page, *addresses: str) -> None:
    """A colleague on a small screen without scripts ticks one and hands it over."""
    sign_in(plain, support.url, COLLEAGUE)
    small(plain, f"{support.url}/inbox", *addresses)
    plain.goto(f"{support.url}/inbox?kind=enrolment")
    plain.locator("#several > summary").press("Enter")
    plain.locator("#alerts input[name=alert]").first.press("Space")
    plain.locator("#do").select_option("hand-over")
    plain.locator("#several button").press("Enter")
    expect(plain.locator("#person-error")).to_contain_text("Kollegin")
    expect(plain.locator("#ticked, #alerts input[name=alert]").first).to_be_checked()
    plain.locator("#person").select_option(MBE)
    plain.locator("#several button").press("Enter")
    assert "1 Hinweis ist übergeben." in answered(plain)


def test_a_team_leads_week(support: SupportSide, page: Page, pictures: Path) -> None:
    """Who has what, handed over anew; then, a week later, what is overdue and how the office stands."""

    async def monday(world: World) -> None:
        rows = await world.rows("SELECT alert_id FROM alert WHERE kind = 'risk' ORDER BY alert_id")
        async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
            for row in rows[:4]:
                await alerts.answer(conn, row["alert_id"], AlertCommand.ACCEPT, world.now, person=MBE)

    support.do(monday)
    sign_in(page, support.url, LEAD)
    page.goto(f"{support.url}/inbox/team")
    expect(page.locator(".kl-sentence")).to_contain_text("50 offene Hinweise von höchstens 50")
    expect(page.locator("#caseload tr", has_text=f"Person {MBE}")).to_contain_text("4")
    assert violations(page) == []
    page.locator("#caseload a", has_text=f"Person {MBE}").press("Enter")
    expect(page.locator("#alerts tbody tr")).to_have_count(4)
    assert MBE not in page.url
    page.locator("#several > summary").press("Enter")
    page.locator("#all").press("Space")
    page.locator("#do").select_option("hand-over")
    page.locator("#person").select_option(COLLEAGUE)
    page.locator("#reason").fill("Urlaub")
    page.locator("#several button").press("Enter")
    assert "4 Hinweise sind übergeben." in answered(page)

    async def friday(world: World) -> None:
        rows = await world.rows("SELECT alert_id FROM alert WHERE taken_by = $1", COLLEAGUE)
        for row, verdict in zip(rows, ("useful", "useful", "not_needed", None), strict=True):
            async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
                await alerts.answer(
                    conn,
                    row["alert_id"],
                    AlertCommand.DONE,
                    world.now,
                    verdict=RiskVerdict(verdict) if verdict else None,
                )
        world.now += timedelta(days=4)
        while await world.escalate():
            pass

    support.do(friday)
    page.goto(f"{support.url}/inbox")
    first = page.locator("#alerts tbody tr").first
    expect(first).to_contain_text("Wartet auf eine Antwort, bisher 4 Tage.")
    expect(first).to_contain_text("Leitung")
    page.goto(f"{support.url}/inbox/team")
    expect(page.locator("#verdicts tbody tr")).to_contain_text("67 % von 3")
    expect(page.locator("main")).to_contain_text("Die Hälfte der Antworten kam innerhalb von (Stunden)")
    assert violations(page) == []
    page.screenshot(path=pictures / "lead-team.png", full_page=True)

    async def on_the_phone(world: World) -> None:
        await world.consent("a-44", "enrolment_notice", office_=JMD)
        await world.settle()

    support.do(on_the_phone)
    page.locator("#caseload a", has_text="noch niemand").press("Enter")
    page.locator("#alerts th a").last.press("Enter")
    expect(page.locator("h1")).to_contain_text("KL-")
    page.locator("form[action$='/assign'] select").select_option(COLLEAGUE)
    page.locator("form[action$='/assign'] button").press("Enter")
    assert "Bitte sagen Sie" in answered(page)
    small(page, f"{support.url}/inbox/team", page.url)


def test_a_team_lead_changes_when_there_is_a_notice(support: SupportSide, page: Page, pictures: Path) -> None:
    """Tried on the past, put in force, and looked at: how well the notices warned."""

    async def computed(world: World) -> None:
        await DailyEvaluation(world.worker, world.books).next(world.now)

    support.do(computed)
    sign_in(page, support.url, LEAD)
    page.goto(f"{support.url}/inbox/rules/change")
    page.locator("#consecutive-days").fill("vier")
    page.locator("#reason").fill("Wir haben mehr Zeit")
    page.locator("button[value=try]").press("Enter")
    expect(page.locator("#consecutive-days-error")).to_contain_text("von 1 bis 40")
    assert violations(page) == []
    page.locator("#consecutive-days").fill("6")
    page.locator("button[value=try]").press("Enter")
    expect(page.locator("#trial-table")).to_contain_text("Mit diesen Werten")
    assert violations(page) == []
    page.screenshot(path=pictures / "lead-trial.png", full_page=True)
    page.locator("button[value=decide]").press("Enter")
    expect(page.locator("main")).to_contain_text("Grund: Wir haben mehr Zeit")
    page.locator("details summary").press("Enter")
    assert violations(page) == []
    page.screenshot(path=pictures / "lead-rules.png", full_page=True)
    page.goto(f"{support.url}/inbox/evaluation")
    expect(page.locator("#worth")).to_contain_text("Alle Regeln zusammen")
    assert violations(page) == []
    page.screenshot(path=pictures / "lead-evaluation.png", full_page=True)
    small(page, *(f"{support.url}/inbox/{one}" for one in ("rules", "rules/change", "evaluation")))
