"""A school enters what its class has signed, on a small screen and with mistakes first."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from schemas.support import ConsentCollected
from services.notifications.people.domain import Contact
from tests.browser.support_side import SupportSide, support_side
from tests.browser.visits import answered, sign_in, violations
from tests.databases import Templates
from tests.notifications.world import MBE, PROVIDER, World, enrolment

pytestmark = pytest.mark.browser


async def _fill(world: World) -> None:
    await world.announce()
    for number in range(1, 13):
        person = await world.register(f"a-{number}")
        await world.keep(f"a-{number}", Contact(family_name=f"Muster{number:02}", given_name="Ada"))
        await world.say(None, enrolment(person))


@pytest.fixture
def support(templates: Templates, prefix: str) -> Iterator[SupportSide]:
    with support_side(templates, prefix) as running:
        running.do(_fill)
        yield running


def test_a_class_signs_and_its_school_enters_it(support: SupportSide, page: Page, pictures: Path) -> None:
    sign_in(page, support.url, PROVIDER)
    page.goto(f"{support.url}/roster")
    page.locator("table th a").first.click()
    page.get_by_role("link", name="Einwilligungen des Kurses eintragen").click()
    expect(page.locator("fieldset")).to_have_count(12)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 900})

    page.locator("button", has_text="Diese Einwilligungen eintragen").click()
    told = answered(page)
    assert "Bitte wählen Sie die Stelle" in told
    assert "wo die Blätter liegen" in told
    assert "Bitte kreuzen Sie an" in told
    assert violations(page) == []
    page.locator("#office").select_option(MBE)
    page.locator("#paper").fill("Akte Muster03")
    first = page.locator("fieldset", has_text="Muster03")
    first.get_by_label("Bescheid geben, wenn ein Kurs beginnt").check()
    first.get_by_label("Hilfe nach dem Kurs anbieten").check()
    page.locator("button", has_text="Diese Einwilligungen eintragen").click()
    assert "Name" in answered(page)  # what says where the papers lie names nobody
    expect(page.locator("fieldset", has_text="Muster03").locator("input:checked")).to_have_count(2)
    page.locator("#paper").fill("Schrank 2")
    page.locator("button", has_text="Diese Einwilligungen eintragen").press("Enter")
    assert "1 Person" in answered(page)
    (said,) = support.gateway.taken
    assert said["type"] == ConsentCollected.type_
    assert said["data"]["purposes"] == ["enrolment_notice", "after_course"]
    assert "Muster" not in str(said)
    expect(page.locator("fieldset", has_text="Muster03")).to_contain_text("Ihre Schule hat am")
    expect(page.locator("fieldset", has_text="Muster04")).not_to_contain_text("Ihre Schule hat am")
    assert violations(page) == []
    page.screenshot(path=pictures / "school-consents.png", full_page=True)
