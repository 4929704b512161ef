"""Runs coroutines beside the thread of the tests, in which a browser's event loop may run already."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_beside(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own; return what it returns."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
