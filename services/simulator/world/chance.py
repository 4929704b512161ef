"""Draws repeatable chance from streams that are named by seed, purpose and entity, never from the clock."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


def _digest(size: int, *names: object) -> bytes:
    return hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=size).digest()


def stream(*names: object) -> random.Random:
    """Return the stream of one purpose; the same names give the same draws, in whatever order."""
    return random.Random(int.from_bytes(_digest(8, *names), "big"))  # noqa: S311 -- repeatable chance is the point


def share(*names: object) -> float:
    """Draw a number in [0, 1) from names alone."""
    return int.from_bytes(_digest(7, *names), "big") / (1 << 56)


def name_of(*names: object) -> UUID:
    """Return the id of something invented."""
    return UUID(bytes=_digest(16, *names), version=4)


def chance(probability: float, *names: object) -> bool:
    """Return whether something of this probability happens to the entity that is named."""
    return stream(*names).random() < probability


def pick(rng: random.Random, weights: Mapping[T, float]) -> T:
    """Draw one key by weight."""
    return rng.choices(tuple(weights), weights=tuple(weights.values()))[0]


def pick_one(rng: random.Random, values: Sequence[T]) -> T:
    """Draw one value, each as likely as the others."""
    return values[rng.randrange(len(values))]
