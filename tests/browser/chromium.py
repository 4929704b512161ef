"""Finds a Chromium for the page tests, brings one if there is none, and prints where it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "No Chromium found, and none could be brought. Install one (Debian, Ubuntu: apt-get install chromium), "
    "or say where one is: make test-browser CHROMIUM=/path/to/chromium"
)

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""How the tests start it."""


def found() -> str | None:
    """Return the Chromium that is set, or installed, or was brought by Playwright."""
    given = os.environ.get("CHROMIUM")
    if given:
        return given if shutil.which(given) else None
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- slow, and often not needed

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def brought() -> bool:
    """Install one: Debian's package as root, else Playwright's own build."""
    attempts = []
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        attempts.append([[*quiet, "update"], [*quiet, "install", "--yes", "chromium"]])
    attempts.append([[sys.executable, "-m", "playwright", "install", "chromium"]])
    for commands in attempts:
        sys.stderr.write(f"Installing a Chromium: {' '.join(commands[-1])} ...\n")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        done = [
            subprocess.run(command, env=environment, stdout=sys.stderr, check=False) for command in commands
        ]
        if all(one.returncode == 0 for one in done):
            return True
    return False


def main() -> int:
    """Print the path, or say what to do."""
    path = found() or (found() if not os.environ.get("CHROMIUM") and brought() else None)
    if path is None:
        sys.stderr.write(MISSING + "\n")
        return 1
    sys.stdout.write(path + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
