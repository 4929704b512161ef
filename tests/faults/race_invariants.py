"""Checks in the database what must hold at every moment of a race."""

import asyncpg

OVER = """
    SELECT count(*) FROM course_section WHERE taken > capacity OR taken < 0
"""
MISCOUNTED = """
    SELECT count(*) FROM course_section AS s JOIN course AS c USING (course)
    WHERE NOT s.removed AND s.taken <> c.taken_elsewhere + (
        SELECT count(*) FROM placement AS p WHERE p.course = s.course AND s.number = ANY(p.seats))
"""
TWICE = """
    SELECT count(*) FROM (
        SELECT FROM placement WHERE state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted')
        GROUP BY participant, course_kind HAVING count(*) > 1) AS twice
"""
TWO_PROPOSALS = """
    SELECT count(*) FROM (
        SELECT FROM placement WHERE state IN ('proposed', 'sent_to_authority')
        GROUP BY participant HAVING count(*) > 1) AS twice
"""
HISTORY = """
    SELECT count(*) FROM placement AS p
    JOIN (SELECT placement, count(*) AS n, min(version) AS first, max(version) AS last
          FROM placement_step GROUP BY placement) AS s USING (placement)
    WHERE s.first <> 1 OR s.last <> p.version OR s.n <> p.version
       OR p.state <> (SELECT to_state FROM placement_step AS l
                      WHERE l.placement = p.placement AND l.version = p.version)
"""
CHAIN = """
    SELECT count(*) FROM (
        SELECT from_state, to_state, lag(to_state) OVER (PARTITION BY placement ORDER BY version) AS was
        FROM placement_step) AS step
    WHERE coalesce(was, 'waiting') <> from_state OR NOT (from_state || ' ' || to_state = ANY($1::text[]))
"""
# A step is told from the reservation on, each exactly once, under its version.
OUTBOX = """
    WITH told AS (
        SELECT (convert_from(payload, 'UTF8')::jsonb ->> 'placement')::uuid AS placement,
            (convert_from(payload, 'UTF8')::jsonb ->> 'version')::integer AS version
        FROM runtime.outbox
        WHERE type !~ 'place-proposed|participant-unplaced|-merged|course-outcome|-stated'),
    wanted AS (
        SELECT s.placement, s.version FROM placement_step AS s
        JOIN (SELECT placement, min(version) AS version FROM placement_step WHERE to_state = 'reserved'
              GROUP BY placement) AS first
            ON first.placement = s.placement AND s.version >= first.version)
    SELECT (SELECT count(*) FROM (SELECT * FROM wanted EXCEPT ALL SELECT * FROM told) AS missing)
        + (SELECT count(*) FROM (SELECT * FROM told EXCEPT ALL SELECT * FROM wanted) AS too_many)
"""
EXCLUDED = """
    SELECT count(*) FROM steering_exclusion AS x
    JOIN placement AS p ON p.participant = x.participant AND (p.course = x.course OR p.provider = x.provider)
    WHERE x.lifted_at IS NULL
        AND p.state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started')
        AND NOT EXISTS (SELECT FROM placement_step AS s WHERE s.placement = p.placement
            AND s.to_state = 'reserved' AND s.reason = 'assigned_by_authority')
        AND NOT EXISTS (SELECT FROM placement_step AS s WHERE s.placement = p.placement
            AND s.reason = 'exit_retracted')
"""
HELD = """
    SELECT count(*) FROM steering_hold AS h
    JOIN placement AS p ON p.participant = h.participant AND p.state = 'proposed'
    WHERE h.lifted_at IS NULL AND h.until IS NULL
"""
CLOSED = """
    SELECT count(*) FROM course_decision AS d
    JOIN placement AS p ON p.course = d.course AND p.state IN ('proposed', 'sent_to_authority')
    WHERE d.lifted_at IS NULL AND d.decision = 'close'
"""
RUN_TWICE = """
    SELECT count(*) FROM (
        SELECT FROM steering_run GROUP BY region, generation HAVING count(*) > 1) AS twice
"""

MOVES = {
    "waiting": {"proposed", "reserved"},
    "proposed": {"sent_to_authority", "reserved", "superseded"},
    "sent_to_authority": {"reserved", "superseded"},
    "reserved": {
        "accepted", "confirmed", "declined", "expired", "refused", "released", "course_cancelled",
    },
    "accepted": {"confirmed", "declined", "refused", "released", "course_cancelled"},
    "confirmed": {
        "confirmed", "started", "refused", "released", "course_cancelled", "left", "transferred",
    },
    "released": {"reserved"},
    "left": {"confirmed", "started"},
    "transferred": {"confirmed", "started"},
    "started": {"started", "interrupted", "left", "transferred", "course_cancelled", "completed"},
    "interrupted": {"started", "left", "transferred", "course_cancelled"},
}  # fmt: skip
"""Every step that a race can take; what has ended stays ended but for exits that are taken back."""

SEATED_AND_OFFERED = """
    SELECT count(*) FROM placement AS o WHERE o.state IN ('proposed', 'sent_to_authority') AND EXISTS (
        SELECT FROM placement AS s WHERE s.participant = o.participant AND s.course_kind = o.course_kind
            AND s.state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted'))
"""
# A seat that somebody gave up for a merger was held for them elsewhere in the same step.
POOLED = """
    SELECT count(*) FROM placement_step AS g JOIN placement AS p USING (placement)
    WHERE g.to_state = 'released' AND g.reason = 'pooled' AND NOT EXISTS (
        SELECT FROM placement_step AS r JOIN placement AS q USING (placement)
        WHERE q.participant = p.participant AND r.reason = 'pooled' AND r.to_state = 'reserved'
            AND r.decided_at = g.decided_at)
"""
PROMISES = {
    "over capacity: seats taken": OVER,
    "seats: taken is not what is counted": MISCOUNTED,
    "two seats of one kind": TWICE,
    "two open proposals": TWO_PROPOSALS,
    "history with gaps": HISTORY,
    "outbox is not the published steps": OUTBOX,
    "placed where it is excluded": EXCLUDED,
    "proposed while on hold": HELD,
    "proposed in a closed course": CLOSED,
    "two runs of one request": RUN_TWICE,
    "seated and still offered": SEATED_AND_OFFERED,
    "moved by a merger without a seat": POOLED,
}


async def broken(conn: asyncpg.Connection) -> dict[str, int]:
    """Count what breaks a promise, in one snapshot; nothing: all hold."""
    moves = [f"{before} {after}" for before, afters in MOVES.items() for after in sorted(afters)]
    counts = {name: await conn.fetchval(query) for name, query in PROMISES.items()}
    counts["a step outside the chain"] = await conn.fetchval(CHAIN, moves)
    return {name: count for name, count in counts.items() if count}
