"""Runs a reader on changed files and keeps those on which it fails, takes too long, or needs too much."""

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS

CPU_SECONDS = 10
"""Far below the limit under which the gateway reads a file; the files here are small."""


class TooSlowError(BaseException):
    """One file took more than its processor time."""


@dataclass(slots=True)
class Outcome:
    """What a run has found."""

    files: int = 0
    slowest: float = 0.0
    peak_mb: int = 0
    failures: list[tuple[bytes, str]] = field(default_factory=list)


def run(name: str, seed: int, *, seconds: float | None = None, files: int | None = None) -> Outcome:
    """Fuzz a reader for some time or some files; the same seed changes the same files."""
    target, chance, outcome = TARGETS[name], Random(seed), Outcome()
    seeds = target.corpus()
    ends = time.monotonic() + seconds if seconds is not None else None
    while (files is None or outcome.files < files) and (ends is None or time.monotonic() < ends):
        raw = seeds[outcome.files] if outcome.files < len(seeds) else mutated(chance, seeds)
        outcome.files += 1
        began = time.process_time()
        try:
            with _limit():
                target.read(raw)
        except (Exception, MemoryError, TooSlowError) as error:  # noqa: BLE001 - whatever it is, it is a finding
            outcome.failures.append((raw, f"{type(error).__name__}: {error}"))
        outcome.slowest = max(outcome.slowest, time.process_time() - began)
    outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return outcome


@contextmanager
def _limit() -> Iterator[None]:
    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signals are called with
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
