"""Shows how far a long step is: moving bars on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]
_PLAIN_EVERY_SECONDS = 5.0


class Narrator(Protocol):
    """Whoever tells the person what happens."""

    def say(self, text: str) -> None:
        """Print one line."""

    def step(self, text: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show a step while it lasts; what it yields takes the amount done."""


class PlainNarrator:
    """One line when a step begins, one when it ends, one every few seconds between."""

    def say(self, text: str) -> None:
        """Print one line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[Advance]:
        """Show a step while it lasts."""
        begun = shown = time.monotonic()
        done = 0
        self.say(f"{text} ...")

        def advance(amount: int) -> None:
            nonlocal done, shown
            done += amount
            if total and time.monotonic() - shown >= _PLAIN_EVERY_SECONDS:
                shown = time.monotonic()
                self.say(f"{text}: {100 * done // total} %")

        yield advance
        self.say(f"{text}: done in {time.monotonic() - begun:.1f} s")


class TerminalNarrator:
    """A spinner and a bar for each step that is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[Advance]:
        """Show a step while it lasts."""
        begun = time.monotonic()
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            *([BarColumn(), TextColumn("{task.percentage:>3.0f} %")] if total else []),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        with bar:
            task = bar.add_task(text, total=total)
            yield lambda amount: bar.advance(task, amount)
        self.say(f"  {text}: done in {time.monotonic() - begun:.1f} s")


def narrator() -> Narrator:
    """Choose by where the output goes."""
    console = Console()
    if console.is_terminal:
        return TerminalNarrator(console)
    return PlainNarrator()
