"""The directory of towns by page: read in a process of its own, shown, and taken by who has seen it."""

from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent / "templates"
LOCALE = Path(__file__).resolve().parent.parent / "locale"
