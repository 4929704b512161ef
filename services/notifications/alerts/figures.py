"""Computes how long an organisation takes to answer alerts; never how long one person takes."""

from dataclasses import dataclass
from datetime import datetime

from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """Median hours from an alert to its first answer, over `n` answered alerts; others are unanswered."""

    n: int
    median_hours: float | None
    unanswered: int


async def response_times(conn: Connection, since: datetime) -> ResponseTimes:
    """Compute the figure of the asking organisation, whose steps are all that its role can read."""
    row = await conn.fetchrow(
        """
        WITH told AS (SELECT alert_id, version, at,
            (SELECT min(s.at) FROM alert_step AS s WHERE s.alert_id = t.alert_id AND s.version > t.version
                AND s.to_state IN ('accepted', 'declined', 'handed_over')) AS answered_at,
            (SELECT min(s.at) FROM alert_step AS s WHERE s.alert_id = t.alert_id AND s.version > t.version
                AND s.to_state = 'withdrawn') AS withdrawn_at
            FROM alert_step AS t WHERE t.to_state = 'new' AND t.at >= $1)
        SELECT count(answered_at) AS n,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answered_at - at)::float8 / 3600)
                FILTER (WHERE answered_at IS NOT NULL) AS median,
            count(*) FILTER (WHERE answered_at IS NULL AND withdrawn_at IS NULL) AS unanswered FROM told
        """,
        since,
    )
    if row is None:
        raise AssertionError
    return ResponseTimes(row["n"], row["median"], row["unanswered"])
