"""A stranger's day on a real installation: from `kurslotse up` in an empty folder to an alert by mail."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from services.embedded.machine.home import Home
from services.embedded.servers.launch import launched
from tests.browser.day.day import TOWNS, Day, live
from tests.browser.day.links import printed_links
from tests.browser.day.mails import Mails

pytestmark = pytest.mark.browser


@pytest.mark.timeout(900)
def test_a_stranger_s_day(browser: Browser, mails: tuple[Mails, str], pictures: Path, tmp_path: Path) -> None:
    box, smtp = mails
    towns = tmp_path / "towns.csv"
    towns.write_text(TOWNS, "utf-8")
    home = Home(tmp_path / "real")
    with launched(home.root, "up", KURSLOTSE_SMTP=smtp):
        links = printed_links(home)
        day = Day(
            browser=browser,
            steering=links["steering"].partition("/invitation")[0],
            support=links["support"].partition("/invitation")[0],
            pictures=pictures,
            mails=lambda: box.taken,
            towns=towns,
        )
        try:
            live(day, links)
        finally:
            day.close()
    (pictures / "day-seconds.json").write_text(json.dumps(day.seconds, indent=1), "utf-8")
