-- Courses and people come from allocation as it judged them; reports are told apart; ids are random.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course ADD COLUMN stated integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN course.stated IS 'version of the CourseStated it comes from; 0: written before there were any';
ALTER TABLE participant_fact ADD COLUMN stated integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN participant_fact.stated IS 'version of the ParticipantStated it comes from';

-- Nothing reads `in` here any more.
DELETE FROM runtime.parked WHERE reader = 'in';
DELETE FROM runtime.quarantine WHERE reader = 'in';
DELETE FROM runtime.inbox WHERE reader = 'in';
DELETE FROM runtime.paused WHERE consumer_group LIKE '%kurslotse.notifications.in';
DELETE FROM runtime.stored_offset WHERE consumer_group LIKE '%kurslotse.notifications.in';

-- When an enrolment ended says its placement. No rule reads results. A later release drops the tables.
DELETE FROM course_exit;
DELETE FROM section_result;
DELETE FROM exam_result;

-- Which reports of course days were read, and in which order they count; no person.
CREATE TABLE course_report (
    course_id uuid NOT NULL,
    event_id text NOT NULL,
    day date NOT NULL,
    counts_from bigint NOT NULL,
    depth integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (course_id, event_id)
);
COMMENT ON COLUMN course_report.counts_from IS 'its offset in the publisher''s topic, or that of what it waited for';
COMMENT ON COLUMN course_report.depth IS 'above 0: counts right after what it waited for';
COMMENT ON COLUMN course_report.position IS 'its offset in the publisher''s topic';
CREATE INDEX course_report_day ON course_report (day);
INSERT INTO course_report (course_id, event_id, day, counts_from, depth, position)
SELECT course_id, event_id, day, -1, 0, -1 FROM course_day ON CONFLICT DO NOTHING;

-- Marks of people of whom no place in the course is known yet; `person` is a keyed hash, no id.
CREATE TABLE held_mark (
    course_id uuid NOT NULL,
    day date NOT NULL,
    person uuid NOT NULL,
    mark text NOT NULL CHECK (mark IN ('X', 'E', 'U', 'W', 'P')),
    ue real NOT NULL,
    held_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (course_id, day, person)
);
COMMENT ON COLUMN held_mark.held_at IS 'technical time';
CREATE INDEX held_mark_person ON held_mark (person);

-- Marks about people without a place in the course were a provider's word alone.
DELETE FROM attendance AS a WHERE NOT EXISTS (
    SELECT FROM placement AS p
    WHERE p.course_id = a.course_id AND p.released
        AND (p.participant_id = a.participant_id OR EXISTS (
            SELECT FROM participant_merge AS m
            WHERE (m.merged, m.into_participant) IN
                ((a.participant_id, p.participant_id), (p.participant_id, a.participant_id)))));
UPDATE course_day SET assessed = false WHERE course_id IN (SELECT r.course_id FROM risk AS r WHERE r.state = 'open');

CREATE INDEX participant_merge_into ON participant_merge (into_participant);

ALTER TABLE consent ADD COLUMN cause uuid;
COMMENT ON COLUMN consent.cause IS 'the event that granted it; null: granted before this was kept';

-- Ids were derived from public facts, and could be guessed back into person, rule and day.
CREATE UNIQUE INDEX risk_episode ON risk (participant_id, course_id, rule, since);
ALTER TABLE risk ALTER COLUMN risk_id SET DEFAULT gen_random_uuid();
ALTER TABLE alert ALTER COLUMN alert_id SET DEFAULT gen_random_uuid();
ALTER TABLE delivery ALTER COLUMN delivery_id SET DEFAULT gen_random_uuid();

WITH renewed AS (UPDATE risk SET risk_id = gen_random_uuid() RETURNING old.risk_id AS was, new.risk_id AS becomes)
UPDATE alert AS a SET matter = r.becomes FROM renewed AS r WHERE a.matter = r.was AND a.kind = 'risk';
UPDATE alert AS a SET matter = gen_random_uuid()
WHERE a.kind = 'risk' AND NOT EXISTS (SELECT FROM risk AS r WHERE r.risk_id = a.matter);

WITH renewed AS (
    UPDATE alert SET alert_id = gen_random_uuid() RETURNING old.alert_id AS was, new.alert_id AS becomes),
steps AS (UPDATE alert_step AS s SET alert_id = r.becomes FROM renewed AS r WHERE s.alert_id = r.was),
escalations AS (UPDATE escalation AS e SET alert_id = r.becomes FROM renewed AS r WHERE e.alert_id = r.was),
deliveries AS (UPDATE delivery AS d SET alert_id = r.becomes FROM renewed AS r WHERE d.alert_id = r.was)
UPDATE disclosure AS d SET basis = r.becomes FROM renewed AS r WHERE d.basis = r.was;

WITH renewed AS (
    UPDATE delivery SET delivery_id = gen_random_uuid()
    RETURNING old.delivery_id AS was, new.delivery_id AS becomes)
UPDATE delivery_attempt AS t SET delivery_id = r.becomes FROM renewed AS r WHERE t.delivery_id = r.was;
