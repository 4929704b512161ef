"""Evaluates rules on a history in a process of its own, so that nobody waits meanwhile (ADR 0045).

    python -m services.notifications.risk.evaluate.apart PARENT CPU_SECONDS MEMORY_BYTES

Three frames come in (rows of enrolments, sets of parameters, how much is asked), one goes out: what was
found.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from pydantic import TypeAdapter

from services.notifications.risk.evaluate.history_store import Rows, enrolments
from services.notifications.risk.evaluate.replay import Score, of_rules, score
from services.notifications.risk.evaluate.sweep import Worth, worth
from services.notifications.risk.parameters import Parameters
from services.runtime.base.subprocesses import ModuleProcess, ProcessDiedError, answer_once

_CHILD = "services.notifications.risk.evaluate.apart"
_PARAMETERS = TypeAdapter(list[Parameters])
WORTH = TypeAdapter(Worth)
_SCORES = TypeAdapter(list[Score])
_WHOLE, _TOGETHER = b"whole", b"together"


class TooMuchError(Exception):
    """The history took too long to be evaluated."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates one history at a time; the limits are those of the child process."""

    cpu_seconds: int = 120
    wall_seconds: float = 300.0
    memory_bytes: int = 1024 * 1024 * 1024
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def worth(self, history: Rows, parameters: Parameters) -> Worth:
        """Return what parameters are worth on a history; 1,619 of 90,526 marks took 13 seconds.

        Raises:
            TooMuchError: it takes too long; fewer enrolments may not.
        """
        return WORTH.validate_json(await self._ask(history, [parameters], _WHOLE))

    async def scores(self, history: Rows, sets: Sequence[Parameters]) -> list[Score]:
        """Return how the rules do together by each set of parameters; a second for 1,000 enrolments and set.

        Raises:
            TooMuchError: it takes too long; fewer enrolments may not.
        """
        return _SCORES.validate_json(await self._ask(history, sets, _TOGETHER))

    async def _ask(self, history: Rows, sets: Sequence[Parameters], what: bytes) -> bytes:
        told = await asyncio.to_thread(lambda: orjson.dumps([dict(row) for row in history]))
        async with self.turn:
            child = ModuleProcess(_CHILD, str(self.cpu_seconds), str(self.memory_bytes))
            try:
                return await child.ask(
                    told, _PARAMETERS.dump_json(list(sets)), what, limit_seconds=self.wall_seconds
                )
            except (TimeoutError, ProcessDiedError) as error:
                raise TooMuchError from error
            finally:
                await child.stop(kill=True)


def answer(history: bytes, sets: bytes, what: bytes) -> bytes:
    """Evaluate what came in."""
    people = enrolments(orjson.loads(history))
    rules = [one.attendance_rules() for one in _PARAMETERS.validate_json(sets)]
    if what == _WHOLE:
        return orjson.dumps(worth(people, rules[0]))
    return orjson.dumps([score(people, of_rules(one)) for one in rules])


def main() -> None:
    """Evaluate once and end."""
    answer_once(3, answer)


if __name__ == "__main__":
    main()
