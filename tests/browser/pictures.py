"""Takes the README's pictures of a running demo (`--home` of the demo, `--out` for the files)."""

import argparse
import json
import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import found
from tests.browser.visits import sign_in, visit

ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
WIDTH, HEIGHT = 1280, 860
PICTURES = (
    ("console", "jana-vogt", "/", "console-today", "light"),
    ("console", "jana-vogt", "/proposals", "console-proposals", "light"),
    ("console", "jana-vogt", "/waiting?deadline=1", "console-deadlines", "light"),
    ("console", "jana-vogt", "/courses", "console-courses-dark", "dark"),
    ("console", "jana-vogt", "/remedies", "console-remedies", "light"),
    ("console", "jana-vogt", "/policy", "console-policy", "light"),
    ("console", "jana-vogt", "/runs >> th a", "console-run", "light"),
    ("console", "jana-vogt", "/next-course", "console-next-course", "light"),
    ("console", "jana-vogt", "/forecast", "console-forecast", "light"),
    ("console", "jana-vogt", "/compare", "console-compare", "light"),
    ("desk", "ole-brandt", "/register", "desk-register", "light"),
    ("desk", "ole-brandt", "/desk", "desk-offers", "light"),
    ("desk", "ole-brandt", "/desk >> td a", "desk-offer-sheet", "light"),
    ("inbox", "sara-demir", "/inbox", "inbox", "light"),
    ("inbox", "sara-demir", "/inbox >> #alerts th a", "inbox-alert", "light"),
)
"""Address of the installation, person, address (`>>`: a link there), file, colours."""


def take(page: Page, doors: dict[str, str], out: Path) -> list[Path]:
    """Take every picture; the addresses' last part is the door's own path."""
    taken = []
    for door, person, address, name, theme in PICTURES:
        site = doors[door].removesuffix(f"/{door}").rstrip("/")
        sign_in(page, site, person)
        page.click(f'button[name="theme"][value="{theme}"]')
        visit(page, site, address)
        page.evaluate("document.fonts.ready.then(() => true)")
        path = out / f"{name}.png"
        page.screenshot(path=path)
        taken.append(path)
    return taken


def main() -> int:
    """Find the running demo and a Chromium, take the pictures, say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".kurslotse"), help="home of the running demo")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="where the pictures go")
    chosen = parser.parse_args()
    chromium = found()
    if chromium is None:
        sys.stderr.write("No Chromium: run make test-browser once, or set CHROMIUM.\n")
        return 1
    doors = json.loads((chosen.home / "run.json").read_text("utf-8"))["addresses"]
    chosen.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        env: dict[str, str | float | bool] = {**os.environ, "LANGUAGE": "de"}
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS), env=env)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="de-DE")
        for path in take(page, doors, chosen.out):
            sys.stdout.write(f"{path}\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
