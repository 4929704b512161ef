-- A message that is sent again gets as many attempts as a new one, and one that came back may be sent again.
SET LOCAL lock_timeout = '3s';

ALTER TABLE delivery ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN delivery.attempts_before IS 'attempts that were made before somebody last had it sent again';
DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (attempts_before, sent_at) ON delivery TO %I', runtime.role_name('web'));
END $$;

-- I5: what was sent has exactly one attempt that succeeded since somebody last had it sent again.
CREATE OR REPLACE VIEW status.attempts_wrong AS
SELECT d.delivery_id FROM delivery AS d
LEFT JOIN delivery_attempt AS t
    ON t.delivery_id = d.delivery_id AND t.outcome = 'sent' AND t.attempt > d.attempts_before
GROUP BY d.delivery_id, d.state, d.carried_by
HAVING count(t.attempt) <> (CASE WHEN d.state IN ('sent', 'bounced') AND d.carried_by IS NULL THEN 1 ELSE 0 END);
