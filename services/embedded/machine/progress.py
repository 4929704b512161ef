"""Shows the progress of long steps: moving bars on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_SECONDS = 5.0


class Step(Protocol):
    """A step that is under way."""

    def advance(self, amount: int) -> None:
        """Add to what is done."""

    def note(self, text: str) -> None:
        """Show what is being done just now."""


class Narrator(Protocol):
    """Shows the person at the terminal what happens."""

    def say(self, text: str) -> None:
        """Print one line."""

    def step(self, text: str, total: int | None = None) -> AbstractContextManager[Step]:
        """Show a step while it lasts."""


class _PlainStep:
    def __init__(self, text: str, total: int | None, say: Callable[[str], None]) -> None:
        self._text, self._total, self._say = text, total, say
        self._done, self._note, self._shown = 0, "", time.monotonic()

    def advance(self, amount: int) -> None:
        self._done += amount
        if time.monotonic() - self._shown < _PLAIN_EVERY_SECONDS:
            return
        self._shown = time.monotonic()
        share = f" {min(100, 100 * self._done // self._total)} %" if self._total else ""
        if share or self._note:
            self._say(f"{self._text}:{share} {self._note}".rstrip())

    def note(self, text: str) -> None:
        self._note = text


class PlainNarrator:
    """One line when a step begins, one when it ends, one every few seconds between."""

    def say(self, text: str) -> None:
        """Print one line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[Step]:
        """Show a step while it lasts."""
        begun = time.monotonic()
        self.say(f"{text} ...")
        yield _PlainStep(text, total, self.say)
        self.say(f"{text}: done in {time.monotonic() - begun:.1f} s")


class _BarStep:
    def __init__(self, bar: Progress, text: str, total: int | None) -> None:
        self._bar, self._text = bar, text
        self._task = bar.add_task(text, total=total)

    def advance(self, amount: int) -> None:
        self._bar.advance(self._task, amount)

    def note(self, text: str) -> None:
        self._bar.update(self._task, description=f"{self._text}  {text}")


class TerminalNarrator:
    """A spinner and a bar for each step that is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[Step]:
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
            yield _BarStep(bar, text, total)
        self.say(f"  {text}: done in {time.monotonic() - begun:.1f} s")


def narrator() -> Narrator:
    """Choose by where the output goes."""
    console = Console()
    if console.is_terminal:
        return TerminalNarrator(console)
    return PlainNarrator()
