"""Fuzzes readers of files: python -m tests.fuzz csv --seconds 600 [--seed 1] [--keep FOLDER]."""

import argparse
import hashlib
import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.running import run
from tests.fuzz.targets import TARGETS

_MEMORY = 1024 * 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("reader", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files on which the reader failed")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    found = run(asked.reader, asked.seed, seconds=asked.seconds)
    for raw, why in found.failures[:20]:
        name = hashlib.sha256(raw).hexdigest()[:12]
        sys.stdout.write(f"  {name} ({len(raw)} bytes) {why[:300]}\n")
        if asked.keep is not None:
            asked.keep.mkdir(parents=True, exist_ok=True)
            (asked.keep / name).write_bytes(raw)
    if found.failures and asked.keep is None:
        try:
            TARGETS[asked.reader].read(found.failures[0][0])
        except Exception:  # noqa: BLE001 - shown
            traceback.print_exc()
    sys.stdout.write(
        f"{asked.reader}: {found.files} files in {asked.seconds:.0f} s, {len(found.failures)} failures, "
        f"slowest {found.slowest:.2f} s of processor time, at most {found.peak_mb} MB\n"
    )
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
