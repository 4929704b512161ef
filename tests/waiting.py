"""Waits for something to become true, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

_LOOK_EVERY = 0.02


@overload
async def wait_until(condition: Callable[[], Awaitable[T]], deadline: float = 15.0, what: str = "") -> T: ...


@overload
async def wait_until(condition: Callable[[], T], deadline: float = 15.0, what: str = "") -> T: ...


async def wait_until(condition: Callable[[], Any], deadline: float = 15.0, what: str = "") -> Any:
    """Return the condition's value once it is true; fail after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(_LOOK_EVERY)
