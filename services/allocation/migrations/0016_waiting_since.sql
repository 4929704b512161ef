-- Since when somebody waits: the one definition for runs, pages and files (docs/decisions/0033).
SET LOCAL lock_timeout = '3s';

ALTER TABLE participant ADD COLUMN registered_again_on date;
COMMENT ON COLUMN participant.registered_again_on IS
    'latest registration said while the person was on the list: it counts if a course turns out to have ended before';

-- The last day on which a course ended in which the person had sat; null: none. Derived from what placements say
-- now, so that corrections need no repair. Also of registrations merged into this one, and of places in another
-- Kreis, which row level security hides: hence the owner's rights, for a date and nothing else.
CREATE FUNCTION last_course_ended_on(person uuid) RETURNS date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE own (participant) AS (
        SELECT person
        UNION
        SELECT m.participant FROM participant AS m JOIN own ON m.merged_into = own.participant
    )
    SELECT max(s.ended_on) FROM own JOIN placement AS s ON s.participant = own.participant
    WHERE s.state IN ('left', 'completed', 'transferred', 'course_cancelled') AND s.started_on <= s.ended_on
$$;
REVOKE ALL ON FUNCTION last_course_ended_on(uuid) FROM PUBLIC;

-- Waiting is time without a seat: from the registration, anew from the day on which a course ended in which the
-- person had sat. A place lost before it began changes nothing. Who sits in a course does not wait (`sits`).
CREATE VIEW waiting_since WITH (security_invoker = true) AS
    SELECT p.participant, p.kreis, greatest(p.registered_on, e.ended_on) AS since,
        coalesce(e.ended_on > p.registered_on, false) AS after_course, e.ended_on AS last_course_ended_on,
        EXISTS (SELECT FROM public.placement AS s WHERE s.participant = p.participant
            AND s.state IN ('started', 'interrupted')) AS sits
    FROM public.participant AS p
    CROSS JOIN LATERAL public.last_course_ended_on(p.participant) AS e (ended_on);

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION last_course_ended_on(uuid) TO %I, %I',
        runtime.role_name('worker'), runtime.role_name('web'));
    EXECUTE format('GRANT SELECT ON waiting_since TO %I, %I',
        runtime.role_name('worker'), runtime.role_name('web'));
END $$;
