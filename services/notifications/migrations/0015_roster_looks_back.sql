-- A provider looks at the course days that it has reported. Functions, not policies: with row level security on
-- attendance, course days could not be copied in.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION own_course_days(of_course uuid)
RETURNS TABLE (day date, ue_held real, listed smallint, present smallint, excused smallint, unexcused smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT d.day, d.ue_held, d.listed, d.present, d.excused, d.unexcused
    FROM course_day AS d JOIN course AS c ON c.course_id = d.course_id
    WHERE d.course_id = of_course AND c.provider = ANY (visitor_offices()) AND d.listed > 0
$$;
REVOKE ALL ON FUNCTION own_course_days(uuid) FROM PUBLIC;
COMMENT ON FUNCTION own_course_days IS 'totals of the course days of a course of the visitor''s own provider';

CREATE FUNCTION own_course_marks(of_course uuid, on_day date)
RETURNS TABLE (participant_id uuid, mark text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT a.participant_id, a.mark
    FROM attendance AS a JOIN course AS c ON c.course_id = a.course_id
    WHERE a.course_id = of_course AND a.day = on_day AND c.provider = ANY (visitor_offices())
$$;
REVOKE ALL ON FUNCTION own_course_marks(uuid, date) FROM PUBLIC;
COMMENT ON FUNCTION own_course_marks IS 'marks that are kept of a course day of the visitor''s own provider: of people with consent';

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION own_course_days(uuid), own_course_marks(uuid, date) TO %I',
        runtime.role_name('web'));
END $$;
