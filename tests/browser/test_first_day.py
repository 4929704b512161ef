"""A stranger's day on a real installation: from `kurslotse up` in an empty folder to an alert by mail."""

import json
import re
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser

from services.embedded.machine.home import Home
from services.embedded.servers.launch import launched
from tests.allocation.process import free_port
from tests.browser.day.day import TOWNS, Day, live
from tests.browser.kreis import wait_for

pytestmark = pytest.mark.browser
_LINK = re.compile(r"http://localhost:\d+/invitation/[\w-]{43}")


class Mails:
    """A mail server that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        raw = envelope.original_content  # type: ignore[attr-defined]
        message = message_from_bytes(raw, policy=policy.default)
        body = message.get_body()
        self.taken.append(f"{message['To']}\n{message['Subject']}\n{body.get_content() if body else ''}")
        return "250 OK"


@pytest.fixture(scope="module")
def mails() -> Iterator[tuple[Mails, str]]:
    box = Mails()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"smtp://127.0.0.1:{port}"
    controller.stop()


def test_a_stranger_s_day(browser: Browser, mails: tuple[Mails, str], pictures: Path, tmp_path: Path) -> None:
    box, smtp = mails
    towns = tmp_path / "towns.csv"
    towns.write_text(TOWNS, "utf-8")
    home = Home(tmp_path / "real")
    with launched(home.root, "up", KURSLOTSE_SMTP=smtp) as facts:
        log = home.root / "launched.log"

        def printed() -> list[str]:
            found = _LINK.findall(log.read_text(encoding="utf-8"))
            return found if len(found) == 2 else []

        steering, support = wait_for(printed, "two links")
        day = Day(
            browser=browser,
            steering=steering.partition("/invitation")[0],
            support=support.partition("/invitation")[0],
            pictures=pictures,
            mails=lambda: box.taken,
            towns=towns,
        )
        try:
            live(day, {"steering": steering, "support": support})
        finally:
            day.close()
        assert facts["addresses"]
    sys.stdout.write(json.dumps(day.seconds, indent=1) + "\n")
    (pictures / "day-seconds.json").write_text(json.dumps(day.seconds, indent=1), "utf-8")
