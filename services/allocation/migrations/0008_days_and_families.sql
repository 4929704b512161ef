-- Weekdays on which somebody can attend, and who attends the same course as whom (or waits together).
SET lock_timeout = '5s';

ALTER TABLE participant ADD COLUMN available_days text[] NOT NULL DEFAULT '{}';
ALTER TABLE participant ADD COLUMN family text;

-- A common run of Kreise that pool: stored under the one whose policy holds, seen by all of them.
ALTER TABLE steering_run ADD COLUMN kreise text[];
ALTER TABLE steering_run ADD COLUMN cut text NOT NULL DEFAULT '' CHECK (cut IN ('', 'work', 'clock'));
ALTER TABLE steering_run ADD COLUMN gap double precision NOT NULL DEFAULT 0;

-- Which Kreise pool now, as the last common run found it: their courses can be seen and taken by both.
CREATE TABLE pooled_kreis (
    kreis     text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    neighbour text NOT NULL CHECK (neighbour ~ '^[0-9]{5}$'),
    PRIMARY KEY (kreis, neighbour),
    CHECK (kreis <> neighbour)
);
SELECT runtime.tenant_table('pooled_kreis', 'kreis', 'SELECT');
DO $$
DECLARE
    tab regclass;
BEGIN
    FOREACH tab IN ARRAY ARRAY['course', 'course_section']::regclass[] LOOP
        EXECUTE format('CREATE POLICY pooled_kreis ON %s TO %I
            USING (kreis IN (SELECT p.neighbour FROM public.pooled_kreis AS p))', tab, runtime.role_name('web'));
    END LOOP;
    EXECUTE format('CREATE POLICY pooled_kreis ON course_decision FOR SELECT TO %I
        USING (kreis IN (SELECT p.neighbour FROM public.pooled_kreis AS p))', runtime.role_name('web'));
    -- Whoever knows the token of a lease could write under it.
    EXECUTE format('REVOKE ALL ON steering_lease FROM %I', runtime.role_name('web'));
    EXECUTE format('CREATE POLICY pooled_kreis ON steering_run FOR SELECT TO %I
        USING (kreise && string_to_array(current_setting(''kurslotse.kreise'', true), '',''))',
        runtime.role_name('web'));
END $$;
