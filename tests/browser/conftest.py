"""Starts an installation with its real processes, fills a Kreis, and starts a Chromium."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from services.embedded.servers.launch import launched
from services.simulator.world.kreis import PUBLISHERS
from tests.browser.chromium import ARGUMENTS, found
from tests.browser.day.mails import Mails, mail_server
from tests.browser.kreis import Kreis
from tests.cleaning import clean
from tests.serving import Servers


@pytest.fixture(scope="session")
def kreis(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kreis]:
    """Services of their own on the tests' servers, with the demo's publishers and no simulator."""
    home = tmp_path_factory.mktemp("kreis")
    prefix = f"b{secrets.token_hex(3)}-"
    with launched(
        home,
        "up",
        "--demo",
        "--own-servers",
        KURSLOTSE_PREFIX=prefix,
        KURSLOTSE_DATABASE_URL=servers.database_url,
        KURSLOTSE_KAFKA=servers.kafka,
    ) as facts:
        made = Kreis(facts, home)
        try:
            made.live_a_little()
            yield made
        finally:
            made.close()
    clean(servers, prefix, [publisher["slug"] for publisher in PUBLISHERS])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one the tests fail and say what to do."""
    path = found()
    assert path is not None, "no Chromium: run make test-browser, or set CHROMIUM"
    executable = shutil.which(path) or path
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser window with cookies of its own."""
    made = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def browser_without_scripts(browser: Browser) -> Iterator[BrowserContext]:
    """A browser window that runs no script."""
    made = browser.new_context(java_script_enabled=False)
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: errors of scripts and of the content policy fail the test."""
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on(
        "console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None
    )
    yield made
    assert wrong == []


@pytest.fixture
def mails() -> Iterator[tuple[Mails, str]]:
    """A mail server that keeps what it takes, and its address."""
    with mail_server() as running:
        yield running


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures of the pages go: KURSLOTSE_PICTURES, or beside the tests' other output."""
    folder = Path(os.environ.get("KURSLOTSE_PICTURES", "build/pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
