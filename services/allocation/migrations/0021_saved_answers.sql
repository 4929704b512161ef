-- How long an answer took, and answers that a coordinator keeps under a name.
SET LOCAL lock_timeout = '3s';

ALTER TABLE analysis_task
    ADD COLUMN begun_at timestamptz,
    ADD COLUMN took_seconds real CHECK (took_seconds >= 0),
    ADD COLUMN saved_as text CHECK (length(saved_as) BETWEEN 1 AND 80),
    ADD COLUMN saved_by text CHECK ((saved_as IS NULL) = (saved_by IS NULL)),
    ADD COLUMN saved_at timestamptz CHECK ((saved_as IS NULL) = (saved_at IS NULL));
COMMENT ON COLUMN analysis_task.begun_at IS 'technical time: when the attempt under way began';
COMMENT ON COLUMN analysis_task.took_seconds IS 'technical time from there to the answer; null: answered before this was measured';
COMMENT ON COLUMN analysis_task.saved_as IS 'name under which it is kept; null: it goes once enough others were asked';
COMMENT ON COLUMN analysis_task.saved_at IS 'business time';
CREATE INDEX analysis_task_saved ON analysis_task (kreis, saved_at) WHERE saved_as IS NOT NULL;

-- Pages name answers, and delete those that have a name; row level security limits both to the visitor's Kreise.
DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (saved_as, saved_by, saved_at), DELETE ON analysis_task TO %I',
        runtime.role_name('web'));
    EXECUTE format('CREATE POLICY only_saved ON analysis_task AS RESTRICTIVE FOR DELETE TO %I
        USING (saved_as IS NOT NULL)', runtime.role_name('web'));
END $$;
