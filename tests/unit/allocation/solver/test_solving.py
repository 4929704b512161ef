"""An instance solved in a process of its own: cut at the limit, gone with its parent, the same under work."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from services.allocation.solver import process as solving
from services.allocation.solver.check import findings
from services.allocation.solver.generated import GOALS, Size, region

ROOT = Path(__file__).parents[4]
PATIENCE = 30.0


def written(folder: Path, size: Size) -> tuple[Path, dict[str, Any]]:
    """Write a generated region as an instance."""
    asked = region(5, size, "loose")
    problem = asked.problem
    values = zip(*(tier.values.tolist() for tier in problem.tiers), strict=True)
    instance = {
        "tiers": list(GOALS),
        "people": [{"id": f"p{number}"} for number in range(problem.people)],
        "courses": [
            {"id": f"c{number}", "capacity": seats, "minimum": need}
            for number, (seats, need) in enumerate(
                zip(problem.seats.tolist(), asked.need.tolist(), strict=True)
            )
        ],
        "pairs": [
            [f"p{person}", f"c{course}", list(worth)]
            for person, course, worth in zip(
                problem.person.tolist(), problem.entry.tolist(), values, strict=True
            )
        ],
    }
    path = folder / "instance.json"
    path.write_text(json.dumps(instance), encoding="utf-8")
    return path, instance


def result_of(found: solving.Solved | solving.Failed) -> dict[str, Any]:
    assert isinstance(found, solving.Solved), found
    result: dict[str, Any] = json.loads(found.result)
    return result


def test_without_time_there_is_an_allowed_answer_with_its_gap(tmp_path: Path) -> None:
    path, instance = written(tmp_path, Size(1500, 110, 20.0))
    result = result_of(solving.solve(path, 0.0))
    assert findings(instance, result) == []
    assert (result["status"], result["cut"]) == ("limit", "clock")
    assert result["gap"] > 0
    assert len(result["placed"]) > 500


def test_a_limit_of_work_gives_the_same_again(tmp_path: Path) -> None:
    path, instance = written(tmp_path, Size(300, 24, 8.0))
    one, other = (result_of(solving.solve(path, 60.0, work=6)) for _ in range(2))
    assert one.pop("seconds") > 0
    assert other.pop("seconds") > 0
    assert one == other
    assert one["cut"] == "work"
    assert findings(instance, one) == []


def test_a_mistake_is_told_and_nothing_solved(tmp_path: Path) -> None:
    path = tmp_path / "instance.json"
    path.write_text('{"tiers": ["a"],\n "people": 1, "courses": [], "pairs": []}', encoding="utf-8")
    found = solving.solve(path, 5.0)
    assert isinstance(found, solving.Failed)
    assert found.status == solving.INVALID
    assert "line 2: people must be a list" in found.said


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    found = solving.solve(tmp_path / "none.json", 5.0)
    assert isinstance(found, solving.Failed)
    assert found.status == solving.INVALID
    assert found.said == f"{tmp_path / 'none.json'}: cannot be read: No such file or directory\n"


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    solving.keep(b"one", out)
    solving.keep(b"other", out)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert out.read_bytes() == b"other"
    with pytest.raises(FileNotFoundError):
        solving.keep(b"one", tmp_path / "nowhere" / "result.json")
    solving.keep(b"one", Path("/dev/null"))


@pytest.fixture
def solver(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start the parent on something that takes long; yield it and the id of its child."""
    path, _ = written(tmp_path, Size(2000, 150, 20.0))
    asked = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's & ignores it
        f"from services.allocation.solver.process import *; solve(Path({str(path)!r}), 300.0)"
    )
    with subprocess.Popen([sys.executable, "-c", asked], cwd=ROOT, stderr=subprocess.DEVNULL) as parent:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        until = monotonic() + PATIENCE
        while not (found := children.read_text(encoding="ascii").split()) and monotonic() < until:
            assert parent.poll() is None
        yield parent, int(found[0])
        parent.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_its_parent(
    solver: tuple[subprocess.Popen[bytes], int], how: signal.Signals
) -> None:
    parent, child = solver
    pidfd = os.pidfd_open(child)
    parent.send_signal(how)
    assert parent.wait(PATIENCE) != 0
    ended, _, _ = select.select([pidfd], [], [], PATIENCE)
    os.close(pidfd)
    assert ended
