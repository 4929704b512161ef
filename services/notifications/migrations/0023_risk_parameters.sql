-- Offices decide how sensitive the rules about risks are for the people who consented to them, and see what the
-- rules were worth on their own data.
SET LOCAL lock_timeout = '3s';

CREATE TABLE risk_parameters (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office text NOT NULL,
    organisation text NOT NULL,
    valid_from date NOT NULL,
    parameters jsonb,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    CONSTRAINT not_in_the_past CHECK (valid_from >= (decided_at AT TIME ZONE 'Europe/Berlin')::date)
);
COMMENT ON TABLE risk_parameters IS 'versions, never changed; of two from the same day the later decided counts';
COMMENT ON COLUMN risk_parameters.parameters IS 'as risk/parameters.py has them; null: the packaged ones again';
COMMENT ON COLUMN risk_parameters.decided_at IS 'business time';
COMMENT ON COLUMN risk_parameters.decided_by IS 'key of the person';
CREATE INDEX risk_parameters_office ON risk_parameters (office, version);

CREATE TABLE risk_evaluation (
    office text PRIMARY KEY,
    organisation text NOT NULL,
    day date NOT NULL,
    found jsonb
);
COMMENT ON TABLE risk_evaluation IS 'what the rules were worth in the last twelve months: counts of an office''s own people';
COMMENT ON COLUMN risk_evaluation.day IS 'business day on which it was computed';
COMMENT ON COLUMN risk_evaluation.found IS 'as risk/evaluate/apart.py has it; null: it took too long';

SELECT runtime.tenant_table('risk_parameters', 'organisation', 'SELECT, INSERT');
SELECT runtime.restrict_table('risk_parameters', 'SELECT, DELETE');
SELECT runtime.tenant_table('risk_evaluation', 'organisation', 'SELECT');
DO $$
DECLARE
    own text := 'organisation = visitor_organisation() AND office = ANY (visitor_offices()) AND may_keep_offices()';
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['risk_parameters', 'risk_evaluation'] LOOP
        EXECUTE format('ALTER POLICY own_tenant ON %I USING (%s) WITH CHECK (%s)', tab, own, own);
    END LOOP;
END $$;

-- The attendance of people who consent to dropout support, as a history that `kurslotse risk evaluate` reads.
-- Courses, people and providers are running numbers in an order that is drawn anew each time.
CREATE FUNCTION risk_history(of_offices text [], since date, today date, most integer)
RETURNS TABLE (
    course bigint, participant bigint, provider bigint, joined_on date, ends_on date, known_from date,
    days date [], marks text [], ues real [], helds real [], reported date [],
    exit_kind text, left_on date, told_on date
)
LANGUAGE sql VOLATILE SET search_path = public AS $$
    WITH drawn AS MATERIALIZED (SELECT gen_random_uuid()::text AS salt),
    enrolled AS MATERIALIZED (
        SELECT DISTINCT ON (p.participant_id, p.course_id) p.participant_id, p.course_id, p.provider,
            p.starts_on, p.ends_on, p.state, p.ended_on, p.reason, p.decided_at
        FROM placement AS p
        WHERE p.released AND p.starts_on BETWEEN since AND today AND EXISTS (
            SELECT FROM consent AS c WHERE c.participant_id = p.participant_id AND c.purpose = 'dropout_support'
                AND c.ended_at IS NULL AND c.valid_until >= today
                AND (of_offices IS NULL OR c.office = ANY (of_offices)))
        ORDER BY p.participant_id, p.course_id, p.decided_at DESC, p.placement_id),
    chosen AS MATERIALIZED (
        SELECT e.* FROM enrolled AS e WHERE EXISTS (
            SELECT FROM attendance AS a WHERE a.participant_id = e.participant_id AND a.course_id = e.course_id
                AND a.day BETWEEN e.starts_on AND today)
        ORDER BY e.starts_on DESC, e.participant_id, e.course_id LIMIT most),
    marked AS MATERIALIZED (
        SELECT e.participant_id, e.course_id, min(a.day) AS known_from,
            array_agg(a.day ORDER BY a.day) AS days, array_agg(a.mark ORDER BY a.day) AS marks,
            array_agg(a.ue ORDER BY a.day) AS ues, array_agg(d.ue_held ORDER BY a.day) AS helds,
            array_agg(d.reported_on ORDER BY a.day) AS reported
        FROM chosen AS e
        JOIN attendance AS a ON a.participant_id = e.participant_id AND a.course_id = e.course_id
            AND a.day BETWEEN e.starts_on AND today
        JOIN course_day AS d ON d.course_id = a.course_id AND d.day = a.day
        GROUP BY e.participant_id, e.course_id
        HAVING bool_and(d.reported_on IS NOT NULL))
    SELECT dense_rank() OVER (ORDER BY md5(m.course_id::text || drawn.salt)),
        dense_rank() OVER (ORDER BY md5(m.participant_id::text || drawn.salt)),
        dense_rank() OVER (ORDER BY md5(e.provider || drawn.salt)),
        e.starts_on, e.ends_on,
        CASE WHEN EXISTS (SELECT FROM course_day AS d WHERE d.course_id = m.course_id AND d.listed > 0
            AND d.day >= e.starts_on AND d.day < m.known_from) THEN m.known_from END,
        m.days, m.marks, m.ues, m.helds, m.reported,
        CASE WHEN e.state IN ('left', 'transferred') THEN coalesce(e.reason -> 'params' ->> 'kind', 'other') END,
        CASE WHEN e.state IN ('left', 'transferred')
            THEN coalesce(e.ended_on, (e.decided_at AT TIME ZONE 'Europe/Berlin')::date) END,
        CASE WHEN e.state IN ('left', 'transferred')
            THEN (e.decided_at AT TIME ZONE 'Europe/Berlin')::date END
    FROM marked AS m JOIN chosen AS e USING (participant_id, course_id) CROSS JOIN drawn
    ORDER BY 1, 2
$$;
REVOKE ALL ON FUNCTION risk_history(text [], date, date, integer) FROM PUBLIC;

CREATE FUNCTION own_risk_history(since date, today date, most integer)
RETURNS TABLE (
    course bigint, participant bigint, provider bigint, joined_on date, ends_on date, known_from date,
    days date [], marks text [], ues real [], helds real [], reported date [],
    exit_kind text, left_on date, told_on date
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public AS $$
    SELECT * FROM risk_history(CASE WHEN may_keep_offices() THEN visitor_offices() ELSE '{}' END, since, today, most)
$$;
REVOKE ALL ON FUNCTION own_risk_history(date, date, integer) FROM PUBLIC;
COMMENT ON FUNCTION own_risk_history IS 'the history of people who consent to the visitor''s own office; no id, no name';

-- New parameters hold from today: whoever consents to the visitor's own office is looked at again.
CREATE FUNCTION reconsider_own_consenting() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO reconsider (participant_id)
    SELECT DISTINCT participant_id FROM consent
    WHERE ended_at IS NULL AND office = ANY (visitor_offices()) AND may_keep_offices() ORDER BY participant_id
    ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1
$$;
REVOKE ALL ON FUNCTION reconsider_own_consenting() FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION risk_history(text [], date, date, integer) TO %I',
        runtime.role_name('worker'));
    EXECUTE format('GRANT EXECUTE ON FUNCTION own_risk_history(date, date, integer) TO %I', runtime.role_name('web'));
    EXECUTE format('GRANT EXECUTE ON FUNCTION reconsider_own_consenting() TO %I', runtime.role_name('web'));
END $$;
