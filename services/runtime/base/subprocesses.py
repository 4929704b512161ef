"""Runs modules of this project as child processes: bytes in and out, a time limit, an end with the parent."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

_ROOT = Path(__file__).parents[3]
_SIZE = 8
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_KEPT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ProcessDiedError(OSError):
    """A child process ended before it had answered; trying again helps unless the input kills it."""


def leash(death_signal: signal.Signals = signal.SIGTERM, parent: int | None = None) -> Callable[[], None]:
    """Return a function by which a child asks the kernel for a signal once its parent is dead (Linux only).

    The parent makes it for `preexec_fn`, so that nothing is loaded between fork and exec.
    """
    parent = os.getpid() if parent is None else parent
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)

    def tie() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie


def die_with(parent: int) -> None:
    """Let this process die with its parent; Ctrl-C is for the parent alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leash(signal.SIGKILL, parent)()


def limit_resources(*, cpu_seconds: int, memory_bytes: int) -> None:
    """Bound what this process may use: SIGXCPU at the limit, the end two seconds later; no file, no dump.

    Where the platform knows no such limits, the parent's time limit is the only one.
    """
    try:
        import resource  # noqa: PLC0415 - only on Unix
    except ImportError:
        return
    for limit, soft, hard in (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 2),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with suppress(ValueError, OSError):  # the system allows less already, or knows no such limit
            resource.setrlimit(limit, (soft, hard))


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; its first argument is this process, for `die_with`."""
    return [sys.executable, "-m", module, str(os.getpid()), *arguments]


def module_environment() -> dict[str, str]:
    """Return the environment of a child that computes: no secret of the service, one thread."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | _ONE_THREAD | {"PYTHONPATH": str(_ROOT)}


def frame(content: bytes) -> bytes:
    """Return content with its length before it."""
    return len(content).to_bytes(_SIZE, "big") + content


def read_frame(source: IO[bytes]) -> bytes | None:
    """Read framed content; None if the other side is gone."""
    size = source.read(_SIZE)
    content = source.read(int.from_bytes(size, "big"))
    return content if len(size) == _SIZE and len(content) == int.from_bytes(size, "big") else None


class ProcessorTimeUsedUpError(BaseException):
    """A reading process has used up its processor time; no handler of an ordinary error may swallow this."""


def answer_once(frames: int, answer: Callable[..., bytes]) -> None:
    """Answer so many frames of the parent with one; the arguments are PARENT CPU_SECONDS MEMORY_BYTES.

    For the `main` of a module that reads what comes from outside.
    """
    die_with(int(sys.argv[1]))
    # Python, out of memory, prints the objects it was working on: that would be lines of the file in the log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if hasattr(signal, "SIGXCPU"):
        signal.signal(signal.SIGXCPU, _stop)
    limit_resources(cpu_seconds=int(sys.argv[2]), memory_bytes=int(sys.argv[3]))
    asked = [read_frame(sys.stdin.buffer) for _ in range(frames)]
    if None in asked:
        return
    sys.stdout.buffer.write(frame(answer(*asked)))
    sys.stdout.flush()


def _stop(signum: int, frame_: FrameType | None) -> None:  # noqa: ARG001 - what signals are called with
    raise ProcessorTimeUsedUpError


class ModuleProcess:
    """A process that runs a module and answers framed requests; started when needed, killed when late."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module, self._arguments = module, arguments
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process unless it runs."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await asyncio.create_subprocess_exec(
                    *module_command(self._module, *self._arguments),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env=module_environment(),
                    start_new_session=True,  # Ctrl-C is for the service, which ends its children
                )
            return self._process

    async def ask(self, *frames: bytes, limit_seconds: float) -> bytes:
        """Send frames and return the one that answers them; late or cancelled, the process is killed.

        Raises:
            TimeoutError: no answer within the limit.
            ProcessDiedError: the process ended.
        """
        process = await self.start()
        assert process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert process.stdout is not None  # noqa: S101
        answered = False
        try:
            async with asyncio.timeout(limit_seconds):
                process.stdin.write(b"".join(map(frame, frames)))
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(_SIZE), "big")
                answer = await process.stdout.readexactly(size)
                answered = True
                return answer
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            msg = f"{self._module} ended before it had answered"
            raise ProcessDiedError(msg) from error
        finally:
            if not answered:
                await self.stop(kill=True)

    async def stop(self, *, kill: bool = False) -> None:
        """End the process: by closing its input, or at once."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if not kill:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
                    return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
