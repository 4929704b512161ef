"""Stores every page of an installation as its visitors see it, and compares two such stores.

To see whether a change of the code changes a page: stop a demo, copy its folder, start the same copy with
the old and with the new code (`kurslotse up --demo --home COPY`), store both, compare:

    python -m tests.benchmarks.pages store OLD --home COPY
    python -m tests.benchmarks.pages compare OLD NEW
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import httpx

CONSOLE = ("jana-vogt", "peter-lindner", "mira-kern")
SUPPORT = ("ole-brandt", "mira-kern", "sara-demir", "eva-lang", "tim-albers")
JSON_TWINS = (
    "/api/v1/figures",
    "/api/v1/proposals",
    "/api/v1/courses",
    "/api/v1/remedies",
    "/api/v1/policy",
)
EACH = 4
"""Pages of one shape (ids apart) that are kept for each visitor."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d{2}-\d{2}|[0-9a-f]{16,}|N-\d+|\d+")
_LINK = re.compile(r'href="(/[^"#]*)')
_VARYING = (
    re.compile(r'name="csrf" value="[^"]*"'),
    re.compile(r'nonce(="|-)[A-Za-z0-9_=+/-]+'),
    re.compile(r'name="(nonce|token|form)" value="[^"]*"'),
    re.compile(r"\?v=[0-9a-f]+"),
)


def shape(address: str) -> str:
    """Return an address with its ids and numbers taken out.

    >>> shape("/courses/12?page=3")
    '/courses/*?page=*'
    """
    return _ID.sub("*", address)


def crawl(site: str, person: str, into: Path) -> Counter[int]:
    """Sign in, follow every link, keep what comes back."""
    statuses: Counter[int] = Counter()
    shapes: Counter[str] = Counter()
    waiting, seen = ["/", *JSON_TWINS], {"/", *JSON_TWINS}
    with httpx.Client(base_url=site, timeout=120, follow_redirects=False, trust_env=False) as client:
        client.post("/demo/sign-in", json={"person": person}).raise_for_status()
        while waiting:
            address = waiting.pop(0)
            shapes[shape(address)] += 1
            if shapes[shape(address)] > EACH:
                continue
            answer = client.get(address)
            statuses[answer.status_code] += 1
            text = answer.text
            for pattern in _VARYING:
                text = pattern.sub("…", text)
            kept = into / quote(address, safe="")[:180]
            kept.write_text(f"{answer.status_code} {answer.headers.get('location', '')}\n{text}", "utf-8")
            links = [answer.headers["location"]] if answer.is_redirect else _LINK.findall(answer.text)
            for link in links:
                target = urlsplit(urljoin(site + address, link.replace("&amp;", "&")))
                path = target.path + (f"?{target.query}" if target.query else "")
                if path not in seen and not path.startswith(("/static", "/sign-out")):
                    seen.add(path)
                    waiting.append(path)
    return statuses


def store(into: Path, home: Path) -> None:
    """Store all pages of all visitors of the installation that runs in a home."""
    addresses = json.loads((home / "run.json").read_text("utf-8"))["addresses"]
    for name, persons in (("console", CONSOLE), ("desk", SUPPORT)):
        parts = urlsplit(addresses[name])
        for person in persons:
            folder = into / f"{name}-{person}"
            folder.mkdir(parents=True, exist_ok=True)
            found = crawl(f"{parts.scheme}://{parts.netloc}", person, folder)
            sys.stdout.write(f"{name} as {person}: {dict(found)}\n")


def one_space(text: str) -> str:
    """Return a page with a line for each tag and one space where HTML shows one."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?(/?>) ?", r"\1", text)
    return re.sub(r" ?(<)", r"\n\1", text)


def compare(old: Path, new: Path, *, loose: bool) -> int:
    """Print what differs; return how many pages do. `loose`: white space around tags does not count."""
    names = {path.relative_to(root) for root in (old, new) for path in root.rglob("*") if path.is_file()}
    different = 0
    for name in sorted(names):
        texts = [(root / name).read_text("utf-8") if (root / name).exists() else "" for root in (old, new)]
        if loose:
            texts = [one_space(text) for text in texts]
        if texts[0] != texts[1]:
            different += 1
            lines = list(difflib.unified_diff(texts[0].splitlines(), texts[1].splitlines(), lineterm="", n=0))
            sys.stdout.write(f"== {name}\n" + "\n".join(line[:300] for line in lines[:12]) + "\n")
    sys.stdout.write(f"{len(names)} pages, {different} differ\n")
    return different


def main() -> int:
    """Store or compare, as asked; exit status 1 if pages differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    storing = commands.add_parser("store")
    storing.add_argument("into", type=Path)
    storing.add_argument("--home", type=Path, default=Path(".kurslotse"))
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--loose", action="store_true", help="white space around tags does not count")
    wanted = parser.parse_args()
    if wanted.command == "store":
        store(wanted.into, wanted.home)
        return 0
    return int(compare(wanted.old, wanted.new, loose=wanted.loose) > 0)


if __name__ == "__main__":
    sys.exit(main())
