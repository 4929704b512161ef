-- A purpose more: an office may know when the course is over and what is still missing.
SET LOCAL lock_timeout = '3s';

-- squawk-ignore ban-drop-constraint -- the one below takes its place in the same transaction
ALTER TABLE disclosure DROP CONSTRAINT disclosure_purpose_check;
ALTER TABLE disclosure ADD CONSTRAINT disclosure_purpose_check
CHECK (purpose IN ('roster', 'enrolment_notice', 'dropout_support', 'after_course')) NOT VALID;
-- squawk-ignore ban-drop-constraint -- the one below takes its place in the same transaction
ALTER TABLE alert DROP CONSTRAINT alert_purpose_check;
ALTER TABLE alert ADD CONSTRAINT alert_purpose_check
CHECK (purpose IN ('enrolment_notice', 'dropout_support', 'after_course')) NOT VALID;
