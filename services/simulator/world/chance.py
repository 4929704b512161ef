"""Repeatable chance: a draw comes from a stream named by seed, purpose and entity, never from the clock."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, *names: object) -> random.Random:
    """Return the stream of one purpose; the same names give the same draws, in whatever order."""
    text = "/".join(str(name) for name in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - repeatable chance is the point


def chance(probability: float, seed: int, *names: object) -> bool:
    """Say whether something of this probability happens to this entity."""
    return stream(seed, *names).random() < probability


def pick(rng: random.Random, weights: Mapping[T, float]) -> T:
    """Draw one key by weight."""
    return rng.choices(tuple(weights), weights=tuple(weights.values()))[0]


def pick_one(rng: random.Random, values: Sequence[T]) -> T:
    """Draw one value, all alike."""
    return values[rng.randrange(len(values))]
