"""Runs on two days: each is explained under the rules and the policy of its own day, for good."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from services.allocation.law.rulebook import PACKAGED, read_rulebook
from services.allocation.policy.commands import rule_lines
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.runs.replay import Same, replay
from tests.integration.allocation.runs.test_runs import KREIS, Place, place

BEFORE, AFTER = datetime(2026, 3, 2, 11, tzinfo=UTC), datetime(2026, 3, 4, 11, tzinfo=UTC)
CLOSED = (
    '- {code: aufenthg_44_1, valid_from: 2026-03-03, open: false, kinds: [integration], source: "invented"}\n'
)

__all__ = ["place"]


def changed_book(folder: Path) -> Path:
    """A rule book in which a route has closed since."""
    made = Path(shutil.copytree(PACKAGED, folder / "rules"))
    with (made / "access_routes.yaml").open("a", encoding="utf-8") as file:
        file.write(CLOSED)
    return made


async def _seen(place: Place, at: datetime) -> Snapshot:
    name = await place.conn.fetchval("SELECT snapshot FROM steering_run WHERE decided_at = $1", at)
    return snapshot.decode(snapshot.unpack(await explanation_store.content(place.conn, name), name))


async def test_two_runs_keep_the_rules_of_their_days(place: Place, tmp_path: Path) -> None:
    book = read_rulebook(changed_book(tmp_path))
    steering = replace(place.steering, rules=book)
    await place.conn.execute(
        "UPDATE participant SET granted_on = '2026-03-03' WHERE route = 'aufenthg_44_1' AND kreis = $1", KREIS
    )
    for now in (BEFORE, AFTER):
        await place.ask(now=now)
        assert await steering.run_due(now) == 1
    first, second = await _seen(place, BEFORE), await _seen(place, AFTER)
    assert "invented" not in "\n".join(rule_lines(first.rules))
    assert "invented" in "\n".join(rule_lines(second.rules))
    versions = await place.conn.fetch("SELECT rules_version FROM steering_run ORDER BY decided_at")
    assert [row[0] for row in versions] == [first.rules.version, second.rules.version]
    codes = "SELECT count(*) FROM main_reason WHERE code = 'blocked_route_open'"
    assert await place.value(codes) > 0

    shutil.rmtree(tmp_path / "rules")  # whatever becomes of the files, the runs stay as they were
    for row in await place.conn.fetch("SELECT run FROM steering_run"):
        assert isinstance(await replay(place.conn, row["run"]), Same)
    assert (await _seen(place, BEFORE)).rules == first.rules
