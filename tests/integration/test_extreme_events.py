"""Feeds every handler valid events at the edges, in any order: no service fails, and its invariants hold.

The same sequences each time; KURSLOTSE_EXTREME_SECONDS=600 plays further ones for so long, from
KURSLOTSE_EXTREME_SEED on.
"""

import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from schemas.topics import EVENT_TYPES, EventType
from tests.conftest import MakeTopics
from tests.databases import Templates
from tests.extremes.playing import play
from tests.extremes.pool import PUBLISHERS, Pool
from tests.extremes.sequence import KINDS
from tests.extremes.services import Ground
from tests.extremes.values import Values
from tests.serving import Servers

SECONDS = float(os.environ.get("KURSLOTSE_EXTREME_SECONDS", "0"))
FIRST = int(os.environ.get("KURSLOTSE_EXTREME_SEED", "1"))
SEQUENCES, EVENTS = 3, 300


@pytest.mark.timeout(SECONDS + 600)
async def test_no_service_fails_on_valid_events_however_extreme(
    servers: Servers, templates: Templates, topics: MakeTopics, prefix: str, tmp_path: Path
) -> None:
    await topics(*PUBLISHERS)
    ground = Ground(servers, templates, tmp_path, prefix)
    began, seed = time.monotonic(), FIRST
    read, outcomes, wrong = Counter[str](), Counter[str](), list[str]()
    while seed < FIRST + SEQUENCES or time.monotonic() - began < SECONDS:
        played = await play(ground, seed, EVENTS)
        assert played.families <= {family for family, _ in KINDS}
        read += played.read
        outcomes += played.outcomes
        wrong += [f"seed {seed}: {one}" for one in played.wrong]
        seed += 1
    sys.stdout.write(f"{seed - FIRST} sequences, read {dict(read)}, {dict(sorted(outcomes.items()))}\n")
    assert wrong == []
    assert {"step proposed", "step reserved", "rows of consent"} <= set(outcomes)  # events have met


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=lambda kind: kind.payload.__name__)
def test_every_event_type_has_values_and_all_of_them_are_valid(kind: EventType) -> None:
    for seed in range(40):
        values = Values(random.Random(seed), Pool(), calm=(0.0, 0.5, 0.95)[seed % 3])
        raw = values.payload(kind.payload)
        kind.payload.model_validate_json(raw, context={"latest": values.latest})
