-- Offices say in which phase of a course they counsel and what they have agreed with others; alerts say how soon
-- they should be looked at, and what the counsellors thought of a risk.
SET LOCAL lock_timeout = '3s';

ALTER TABLE office ADD COLUMN phases text[] NOT NULL DEFAULT '{}';
ALTER TABLE office ADD COLUMN agreements jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN office.phases IS 'before, during, after the course; empty: all';
COMMENT ON COLUMN office.agreements IS 'list of {what, place, valid_from, valid_until, source} (offices/entries.py)';

ALTER TABLE alert ADD COLUMN severity text NOT NULL DEFAULT 'medium';
ALTER TABLE alert ADD CONSTRAINT alert_severity CHECK (severity IN ('high', 'medium', 'low')) NOT VALID;
UPDATE alert SET severity = 'low' WHERE kind = 'enrolment';
COMMENT ON COLUMN alert.severity IS 'that of the risk; of a beginning course low';
ALTER TABLE alert ADD COLUMN verdict text;
ALTER TABLE alert ADD CONSTRAINT alert_verdict
CHECK (verdict IS NULL OR (verdict IN ('useful', 'not_needed', 'false_alarm') AND kind <> 'enrolment')) NOT VALID;
COMMENT ON COLUMN alert.verdict IS 'what the office thought of a risk when it ended the alert; null: it did not say';

DO $$
DECLARE
    web text := runtime.role_name('web');
BEGIN
    EXECUTE format('GRANT SELECT (phases, agreements), INSERT (phases, agreements), UPDATE (phases, agreements)'
        ' ON office TO %I', web);
END $$;

-- A page learns of the consents for other offices only what it needs to hand over one alert of its own office.
CREATE FUNCTION offices_to_hand_to(of_alert uuid, day date) RETURNS TABLE (office text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT c.office
    FROM alert AS a
    JOIN consent AS c ON c.participant_id = a.participant_id AND c.purpose = a.purpose
    JOIN office AS o ON o.slug = c.office
    WHERE a.alert_id = of_alert AND a.ended_at IS NULL
        AND a.organisation = visitor_organisation() AND a.office = ANY (visitor_offices())
        AND c.office <> a.office AND o.active AND NOT coalesce(a.routing -> 'asked' ? c.office, false)
        AND c.ended_at IS NULL AND c.valid_until >= day
    ORDER BY c.office
$$;
REVOKE ALL ON FUNCTION offices_to_hand_to(uuid, date) FROM PUBLIC;
COMMENT ON FUNCTION offices_to_hand_to IS
'other offices that may know of an alert of the visitor''s own office: consent for its purpose, not declined yet';
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION offices_to_hand_to(uuid, date) TO %I', runtime.role_name('web'));
END $$;
