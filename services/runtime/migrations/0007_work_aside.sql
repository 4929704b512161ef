-- Items on which work failed are tried again when their inputs have changed; those set aside wait for that.
SET LOCAL lock_timeout = '3s';

ALTER TABLE runtime.work_failure ADD COLUMN generation text NOT NULL DEFAULT '';
COMMENT ON COLUMN runtime.work_failure.not_before IS 'technical time; infinity: set aside until released';

-- Nothing counts there: a parked event is parsed once more, which is pure, and its handler's tries are counted
-- in the transaction.
-- squawk-ignore ban-drop-column
ALTER TABLE runtime.parked DROP COLUMN attempts;

CREATE OR REPLACE VIEW status.work_failure AS
SELECT task, count(*) AS n, max(attempts) AS attempts,
    count(*) FILTER (WHERE not_before = 'infinity') AS aside,
    count(*) FILTER (WHERE not_before > clock_timestamp()) AS waiting,
    string_agg(DISTINCT error, ', ') AS errors
FROM runtime.work_failure GROUP BY task;
