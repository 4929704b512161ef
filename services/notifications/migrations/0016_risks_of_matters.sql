-- Risks of matters: one open risk for a person, course and matter, explained by the rule that tells most. Some are of no
-- course. Results that a rule reads are kept again, the others are not.
SET LOCAL lock_timeout = '3s';

ALTER TABLE risk ADD COLUMN matter text NOT NULL DEFAULT 'attendance';
ALTER TABLE risk ADD COLUMN severity text NOT NULL DEFAULT 'medium' CHECK (severity IN ('high', 'medium', 'low'));
ALTER TABLE risk ADD COLUMN purpose text NOT NULL DEFAULT 'dropout_support'
CHECK (purpose IN ('dropout_support', 'after_course'));
ALTER TABLE risk ADD COLUMN also text [] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN risk.also IS 'other rules about the same matter that apply, too';
UPDATE risk SET severity = 'high' WHERE rule IN ('no_show', 'consecutive_unexcused');
-- squawk-ignore ban-drop-not-null
ALTER TABLE risk ALTER COLUMN course_id DROP NOT NULL;
COMMENT ON COLUMN risk.course_id IS 'null: before any course';
-- squawk-ignore ban-drop-not-null
ALTER TABLE alert ALTER COLUMN course_id DROP NOT NULL;
COMMENT ON COLUMN alert.course_id IS 'null: before any course';

-- Of several open risks about one matter, the one that was raised first stays.
UPDATE risk AS r SET state = 'cleared', ended_at = now()
WHERE r.state = 'open' AND EXISTS (
    SELECT FROM risk AS o WHERE o.participant_id = r.participant_id AND o.course_id = r.course_id
        AND o.state = 'open' AND (o.raised_at, o.risk_id) < (r.raised_at, r.risk_id));
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX risk_one_open;
CREATE UNIQUE INDEX risk_one_open ON risk (participant_id, course_id, matter) NULLS NOT DISTINCT WHERE state = 'open';
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX risk_episode;
CREATE UNIQUE INDEX risk_episode ON risk (participant_id, course_id, matter, since) NULLS NOT DISTINCT;
UPDATE course_day SET assessed = false WHERE course_id IN (SELECT r.course_id FROM risk AS r WHERE r.state = 'open');

-- squawk-ignore ban-drop-constraint
ALTER TABLE alert DROP CONSTRAINT alert_purpose_check;
ALTER TABLE alert ADD CONSTRAINT alert_purpose_check
CHECK (purpose IN ('enrolment_notice', 'dropout_support', 'after_course')) NOT VALID;

-- squawk-ignore ban-drop-constraint
ALTER TABLE disclosure DROP CONSTRAINT disclosure_purpose_check;
ALTER TABLE disclosure ADD CONSTRAINT disclosure_purpose_check
CHECK (purpose IN ('roster', 'enrolment_notice', 'dropout_support', 'after_course')) NOT VALID;

CREATE OR REPLACE VIEW status.without_alert AS
SELECT m.matter, m.purpose, c.valid_until
FROM (
    SELECT p.placement_id AS matter, 'enrolment_notice' AS purpose, p.participant_id
    FROM placement AS p WHERE p.state IN ('confirmed', 'started')
    UNION ALL
    SELECT r.risk_id, r.purpose, r.participant_id FROM risk AS r WHERE r.state = 'open'
) AS m
INNER JOIN consent AS c ON c.participant_id = m.participant_id AND c.purpose = m.purpose AND c.ended_at IS NULL
INNER JOIN office AS o ON o.slug = c.office AND o.active
WHERE NOT EXISTS (SELECT FROM reconsider AS q WHERE q.participant_id = m.participant_id)
    AND NOT EXISTS (
        SELECT FROM alert AS a WHERE a.matter = m.matter AND a.purpose = m.purpose
            AND (a.ended_at IS NULL OR a.state = 'done' OR a.withdrawn_for <> 'consent_ended'));

-- Results: the row says which report it comes from. The tables are empty so far.
-- squawk-ignore adding-field-with-default
ALTER TABLE section_result ADD COLUMN cause uuid NOT NULL DEFAULT gen_random_uuid();
-- squawk-ignore adding-field-with-default
ALTER TABLE exam_result ADD COLUMN cause uuid NOT NULL DEFAULT gen_random_uuid();
CREATE INDEX section_result_cause ON section_result (cause);
CREATE INDEX exam_result_cause ON exam_result (cause);

-- Until when somebody may begin a course, as allocation has it.
ALTER TABLE participant_fact ADD COLUMN right_until date;
COMMENT ON COLUMN participant_fact.right_until IS 'null: no end is known';

-- The business day for which everybody who consents was last looked at.
CREATE TABLE risk_round (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    day date NOT NULL
);
COMMENT ON TABLE risk_round IS 'what the calendar alone brings about is looked for once a day';
CREATE VIEW status.risk_round AS SELECT max(day) AS day FROM risk_round;
ALTER TABLE course ADD COLUMN course_type text;
COMMENT ON COLUMN course.course_type IS 'null: stated before the type was';
