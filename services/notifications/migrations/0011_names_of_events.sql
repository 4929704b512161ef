-- A report, a course day and a need are kept under the id derived from publisher and event (schemas.identity), not
-- under their publisher's own name of the event, which is free text. SQL cannot derive it: a report read before
-- gets a random one. What corrects or retracts such a report waits; the day said anew replaces it.
SET LOCAL lock_timeout = '3s';

UPDATE need_report SET event_id = cause::text;

CREATE TEMPORARY TABLE renamed ON COMMIT DROP AS
SELECT course_id, event_id AS was, gen_random_uuid()::text AS becomes FROM course_report;

UPDATE course_report AS c SET event_id = r.becomes FROM renamed AS r
WHERE r.course_id = c.course_id AND r.was = c.event_id;

UPDATE course_day AS d SET event_id = r.becomes FROM renamed AS r
WHERE r.course_id = d.course_id AND r.was = d.event_id;

COMMENT ON COLUMN need_report.event_id IS 'cause as text';
COMMENT ON COLUMN course_report.event_id IS 'schemas.identity.event_uuid of the report';
COMMENT ON COLUMN course_day.event_id IS 'course_report.event_id of the report that the day shows';
