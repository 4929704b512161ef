"""A short run of the fuzzer, always the same; `python -m tests.fuzz READER --seconds 600` is the long one."""

import pytest

from tests.fuzz.running import run
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize(
    ("reader", "files"), [("csv", 300), ("xlsx", 150), ("open-qcat", 150), ("values", 500), ("settings", 300)]
)
def test_no_changed_file_makes_a_reader_fail(reader: str, files: int) -> None:
    found = run(reader, seed=20_261_129, files=files)
    assert [(raw[:2_000], why) for raw, why in found.failures] == []
    assert found.files == files


def test_every_reader_is_fuzzed() -> None:
    assert set(TARGETS) == {"csv", "xlsx", "open-qcat", "values", "settings"}
