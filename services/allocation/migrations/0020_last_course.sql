-- The day a person's last course ended is kept with the person: lists of 20,000 people read it instead of deriving it
-- for each (docs/decisions/0033). Triggers derive it anew, with the one function, from what placements say.
SET LOCAL lock_timeout = '3s';

ALTER TABLE participant ADD COLUMN last_course_ended_on date;
COMMENT ON COLUMN participant.last_course_ended_on IS
    'last_course_ended_on(participant), kept by triggers of placement and participant; null: never sat in a course';

UPDATE participant AS p SET last_course_ended_on = f.ended_on
FROM (SELECT participant, last_course_ended_on(participant) AS ended_on FROM participant) AS f
WHERE f.participant = p.participant AND f.ended_on IS NOT NULL;

-- Of a person and of everybody into whom that registration was merged.
CREATE FUNCTION keep_last_course(person uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE above (participant) AS (
        SELECT person
        UNION
        SELECT p.merged_into FROM participant AS p JOIN above ON p.participant = above.participant
        WHERE p.merged_into IS NOT NULL
    )
    UPDATE participant AS p SET last_course_ended_on = f.ended_on
    FROM (SELECT participant, last_course_ended_on(participant) AS ended_on FROM above) AS f
    WHERE f.participant = p.participant AND p.last_course_ended_on IS DISTINCT FROM f.ended_on
$$;
REVOKE ALL ON FUNCTION keep_last_course(uuid) FROM PUBLIC;

CREATE FUNCTION last_course_of_placement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.started_on IS NOT NULL THEN
        PERFORM keep_last_course(OLD.participant);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.started_on IS NOT NULL
        AND (TG_OP = 'INSERT' OR OLD.started_on IS NULL OR OLD.participant <> NEW.participant) THEN
        PERFORM keep_last_course(NEW.participant);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER last_course_of_placement
    AFTER INSERT OR DELETE OR UPDATE OF participant, state, started_on, ended_on ON placement
    FOR EACH ROW EXECUTE FUNCTION last_course_of_placement();

CREATE FUNCTION last_course_of_merged() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.merged_into IS NOT NULL AND OLD.merged_into IS DISTINCT FROM NEW.merged_into THEN
        PERFORM keep_last_course(OLD.merged_into);
    END IF;
    IF NEW.merged_into IS NOT NULL THEN
        PERFORM keep_last_course(NEW.merged_into);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER last_course_of_merged AFTER INSERT OR UPDATE OF merged_into ON participant
    FOR EACH ROW EXECUTE FUNCTION last_course_of_merged();

CREATE OR REPLACE VIEW waiting_since WITH (security_invoker = true) AS
    SELECT p.participant, p.kreis, greatest(p.registered_on, p.last_course_ended_on) AS since,
        coalesce(p.last_course_ended_on > p.registered_on, false) AS after_course, p.last_course_ended_on,
        EXISTS (SELECT FROM public.placement AS s WHERE s.participant = p.participant
            AND s.state IN ('started', 'interrupted')) AS sits
    FROM public.participant AS p;

REVOKE ALL ON FUNCTION last_course_of_placement(), last_course_of_merged() FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE EXECUTE ON FUNCTION last_course_ended_on(uuid) FROM %I', runtime.role_name('web'));
END $$;
