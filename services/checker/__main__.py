"""Runs the checker on files: `python -m services.checker snapshot.json result.json [certificate.json]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from services.checker.run import findings


def main() -> int:
    """Write the findings; return 1 if there are any."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("snapshot", type=Path)
    options.add_argument("result", type=Path)
    options.add_argument("certificate", type=Path, nargs="?")
    files = options.parse_args()
    certificate = None if files.certificate is None else files.certificate.read_bytes()
    found = findings(files.snapshot.read_bytes(), files.result.read_bytes(), certificate)
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
