"""Lives the stranger's first day through the compose files, in a browser; then stops and starts everything.

`python -m tests.containers.day` (`make containers-day`); images and their names as in tests.containers.smoke.
"""

import base64
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, found
from tests.browser.day.day import TOWNS, Day, live
from tests.containers.engine import SmokeError, memory
from tests.containers.smoke import PORTS, PROJECTS, Smoke, tried

_LINK = "/invitation/"


def key_of(certificate: Path) -> str:
    """Return the hash of a certificate's public key as Chromium takes it for one that it is to trust."""
    own, *_ = x509.load_pem_x509_certificates(certificate.read_bytes())
    key = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key)
    return base64.b64encode(digest.finalize()).decode()


def first_link(smoke: Smoke, side: str, service: str, site: str) -> str:
    """Return the first administrator's link of a side, as the container of its service prints it."""
    project = smoke.steering if side == "steering" else smoke.support
    said = project.execute(service, "kurslotse", "account", "--service", service, "first")
    line = next(line for line in said.splitlines() if _LINK in line)
    return f"{site}{_LINK}{line.partition(_LINK)[2].strip()}"


def mails(smoke: Smoke) -> Sequence[str]:
    """Return what the mail sink has taken, as text."""
    said = smoke.support.execute("mail", "sh", "-c", "cat /tmp/mails.jsonl 2>/dev/null || true")
    lines = [json.loads(line) for line in said.splitlines() if line.strip()]
    return ["\n".join([*one["to"], one["subject"], one["text"]]) for one in lines]


def through(smoke: Smoke, pictures: Path, prefix: str) -> None:
    """Live the day, stop everything, start it, and find the alert again."""
    smoke.start()
    steering, support = (f"https://localhost:{PORTS[name]}" for name in ("CONSOLE", "SUPPORT"))
    trusted = [
        key_of(path)
        for name in ("allocation", "notifications")
        for path in smoke.secrets.glob(f"*/{name}.pem")
    ]
    with tempfile.TemporaryDirectory(prefix="kurslotse-day-") as place, sync_playwright() as playwright:
        towns = Path(place) / "towns.csv"
        towns.write_text(TOWNS, "utf-8")
        path = found()
        if path is None:
            raise SmokeError("no Chromium: run make test-browser, or set CHROMIUM")
        chromium = playwright.chromium.launch(
            executable_path=shutil.which(path) or path,
            args=[*ARGUMENTS, f"--ignore-certificate-errors-spki-list={','.join(trusted)}"],
        )
        day = Day(
            browser=chromium,
            steering=steering,
            support=support,
            pictures=pictures,
            mails=lambda: mails(smoke),
            towns=towns,
            prefix=prefix,
        )
        links = {
            "steering": first_link(smoke, "steering", "allocation", steering),
            "support": first_link(smoke, "support", "notifications", support),
        }
        live(day, links)
        smoke.note("the day, seconds", day.seconds)
        smoke.note("memory", memory("kurslotse-smoke"))
        smoke.note("down, seconds", round(sum(project.down() for project in smoke.projects), 1))
        smoke.start()
        eda = day.people["Eda Ehrlich"]
        eda.goes("/inbox")
        eda.page.locator("#alerts th a").first.click()
        if "Berta" not in eda.page.content():
            eda.page.click('button:has-text("Name und Kontakt zeigen")')
        if "Beispiel, Berta" not in eda.page.locator("main").inner_text():
            raise SmokeError("the alert is not there any more after down and up")
        smoke.note("after down and up", "signed in as before, the alert and the name are there")
        day.close()
        chromium.close()


def main() -> int:
    """Live it with both sides together, then apart."""
    pictures = Path(os.environ.get("KURSLOTSE_PICTURES", "build/pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    whole: dict[str, Any] = {}
    for name, make in PROJECTS.items():
        with tried(name, make, whole) as smoke:
            through(smoke, pictures, f"containers-{name}-")
    sys.stdout.write(json.dumps(whole, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
