-- Seats of courses on a day: of the section that runs or comes next, and of the fullest one from there on.
SET LOCAL lock_timeout = '3s';

-- Whoever enters a course at a section needs a seat in it and in all after it: so many are free as in the fullest.
-- SECURITY INVOKER, as the next: row level security is that of whoever asks.
CREATE FUNCTION fullest_section(of_course uuid, entered integer)
RETURNS TABLE (number integer, taken integer, capacity integer)
LANGUAGE sql STABLE AS $$
    SELECT s.number, s.taken, s.capacity FROM public.course_section AS s
    WHERE s.course = of_course AND s.number >= entered AND NOT s.removed
    ORDER BY s.capacity - s.taken, s.number LIMIT 1
$$;

-- The section of a day is the one that runs, else the next one, else the last. `first_proposed`: open proposals to
-- enter in it or before.
CREATE FUNCTION course_seats(today date)
RETURNS TABLE (course uuid, kreis text, provider text, own_course text, own_number text, title text,
    course_type text, town text, capacity integer, minimum integer, target_level text, times_of_day text[],
    childcare boolean, women_only boolean, state text, registration_until date, starts_on date, ends_on date,
    section integer, section_starts_on date, section_over boolean, section_taken integer,
    section_capacity integer, fullest integer, fullest_taken integer, fullest_capacity integer, free integer,
    proposed bigint, first_proposed bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.course, c.kreis, c.provider, c.own_course, c.own_number, c.title, c.course_type, c.town, c.capacity,
        c.minimum, c.target_level, c.times_of_day, c.childcare, c.women_only, c.state, c.registration_until,
        a.starts_on, a.ends_on, n.number, n.starts_on, n.over, n.taken, n.capacity,
        f.number, f.taken, f.capacity, CASE WHEN n.over THEN 0 ELSE f.capacity - f.taken END,
        o.proposed, o.first_proposed
    FROM public.course AS c
    JOIN LATERAL (
        SELECT min(s.starts_on) AS starts_on, max(s.ends_on) AS ends_on FROM public.course_section AS s
        WHERE s.course = c.course AND NOT s.removed
    ) AS a ON a.starts_on IS NOT NULL
    JOIN LATERAL (
        SELECT s.number, s.starts_on, s.taken, s.capacity, e.over
        FROM public.course_section AS s,
            LATERAL (SELECT s.ends_on < today OR s.completed_on IS NOT NULL AS over) AS e
        WHERE s.course = c.course AND NOT s.removed
        ORDER BY e.over, CASE WHEN e.over THEN -s.number ELSE s.number END LIMIT 1
    ) AS n ON true
    JOIN LATERAL public.fullest_section(c.course, n.number) AS f ON true
    JOIN LATERAL (
        SELECT count(*) AS proposed, count(*) FILTER (WHERE p.entry_section <= n.number) AS first_proposed
        FROM public.placement AS p
        WHERE p.course = c.course AND p.state IN ('proposed', 'sent_to_authority')
    ) AS o ON true
$$;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION fullest_section(uuid, integer), course_seats(date) TO %I',
        runtime.role_name('web'));
END $$;
COMMENT ON VIEW course_fill IS 'of the first section; not read any more, course_seats(date) takes its place';
