-- Which target groups an office is there for; the type of a course decides which one it is for.
SET LOCAL lock_timeout = '3s';

ALTER TABLE office ADD COLUMN target_groups text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN office.target_groups IS 'youth, parents, women, literacy; none: for nobody in particular';

DO $$
BEGIN
    EXECUTE format('GRANT SELECT (target_groups), INSERT (target_groups), UPDATE (target_groups) ON office TO %I',
        runtime.role_name('web'));
END $$;
