-- What the status role may read of the runtime: counts and positions.
SET LOCAL lock_timeout = '3s';

CREATE VIEW status.event_count AS SELECT reader, type, outcome, n FROM runtime.event_count;
CREATE VIEW status.stored_offset AS
SELECT cluster, consumer_group, topic, partition, next_offset, updated_at FROM runtime.stored_offset;
CREATE VIEW status.outbox AS
SELECT count(*) FILTER (WHERE unsendable IS NULL) AS waiting,
    count(*) FILTER (WHERE unsendable IS NOT NULL) AS unsendable,
    min(created_at) FILTER (WHERE unsendable IS NULL) AS oldest
FROM runtime.outbox;
CREATE VIEW status.parked AS SELECT reader, count(*) AS n, min(parked_at) AS oldest FROM runtime.parked GROUP BY reader;
CREATE VIEW status.quarantine AS
SELECT reader, code, count(*) AS n FROM runtime.quarantine WHERE replayed_at IS NULL GROUP BY reader, code;
CREATE VIEW status.paused AS SELECT consumer_group, topic, partition, why, detail, paused_at FROM runtime.paused;
CREATE VIEW status.publisher AS SELECT slug, kinds, active FROM runtime.publisher;

-- I1 of docs/path-of-an-event.md: every event in the inbox is applied, or parked, or refused, once.
CREATE VIEW status.one_fate AS
SELECT
    (SELECT coalesce(sum(n), 0)::bigint FROM runtime.event_count) AS checked,
    (SELECT count(*) FROM runtime.inbox AS i
        WHERE i.state <> 'applied' AND i.state = 'parked'
            AND NOT EXISTS (SELECT FROM runtime.parked AS p WHERE p.identity = i.identity AND p.reader = i.reader))
    + (SELECT count(*) FROM runtime.parked AS p
        WHERE NOT EXISTS (
            SELECT FROM runtime.inbox AS i
            WHERE i.identity = p.identity AND i.reader = p.reader AND i.state = 'parked'))
    + (SELECT count(*) FROM runtime.inbox AS i
        WHERE i.state <> 'applied' AND i.state = 'refused'
            AND NOT EXISTS (
                SELECT FROM runtime.quarantine AS q
                WHERE q.identity = i.identity AND q.reader = i.reader AND q.replayed_at IS NULL))
    AS violations;
