-- When a course day was first reported: how a provider usually reports, and whether a course has fallen silent.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course_day ADD COLUMN reported_on date;
COMMENT ON COLUMN course_day.reported_on IS 'business day of the first report; null: before that was kept';

CREATE FUNCTION own_course_reports(since date)
RETURNS TABLE (course_id uuid, day date, reported_on date, ue_held real, listed smallint, ue_attended real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT d.course_id, d.day, d.reported_on, d.ue_held, d.listed, d.ue_attended
    FROM course AS c JOIN course_day AS d ON d.course_id = c.course_id
    WHERE c.provider = ANY (visitor_offices()) AND c.cancelled_on IS NULL AND c.completed_on IS NULL
        AND d.day >= since AND d.listed > 0
$$;
REVOKE ALL ON FUNCTION own_course_reports(date) FROM PUBLIC;
COMMENT ON FUNCTION own_course_reports IS 'totals of the course days of the visitor''s own provider, of courses that go on';

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION own_course_reports(date) TO %I', runtime.role_name('web'));
END $$;
