-- How often reading was begun at a place without getting past it, so that no record stops a reader twice.
SET LOCAL lock_timeout = '3s';

-- `attempts`: reading was begun at next_offset so many times. The transaction that moves the offset writes 1
-- for the batch that follows; each new start writes one more, in a transaction of its own, before the batch.
-- `alone_until`: records below it are read one by one, each counted before.
-- `crashed_in_row`: records set aside one after the other because their handler failed.
ALTER TABLE runtime.stored_offset
    ADD COLUMN attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ADD COLUMN alone_until bigint NOT NULL DEFAULT 0,
    ADD COLUMN crashed_in_row integer NOT NULL DEFAULT 0 CHECK (crashed_in_row >= 0);

-- Counted before a parked event is expired, and before a refused record is replayed.
ALTER TABLE runtime.parked ADD COLUMN attempts integer NOT NULL DEFAULT 0;
ALTER TABLE runtime.quarantine ADD COLUMN replay_attempts integer NOT NULL DEFAULT 0;

-- Items of a queue or a timer that failed: each is tried again later, the others go on meanwhile.
CREATE TABLE runtime.work_failure (
    task text NOT NULL,
    item text NOT NULL,
    attempts integer NOT NULL CHECK (attempts > 0),
    error text NOT NULL,
    not_before timestamptz NOT NULL,
    PRIMARY KEY (task, item)
);
CREATE VIEW status.work_failure AS SELECT task, count(*) AS n, max(attempts) AS attempts FROM runtime.work_failure GROUP BY task;
