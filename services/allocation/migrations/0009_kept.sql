-- For how long it can be explained why: runs and what they rest on go after the time that the policy names,
-- unless something open rests on them or somebody keeps them.
SET lock_timeout = '5s';

-- The remedies that a run's people were told, as they were found; `remedy` holds those of the latest run only.
-- squawk-ignore adding-foreign-key-constraint -- the column is new, so that nothing is scanned
ALTER TABLE steering_run ADD COLUMN remedies bytea REFERENCES steering_content;

-- Whether a content is still referred to.
CREATE INDEX steering_run_by_snapshot ON steering_run (snapshot);
CREATE INDEX steering_run_by_result ON steering_run (result);
CREATE INDEX steering_run_by_certificate ON steering_run (certificate);
CREATE INDEX steering_run_by_remedies ON steering_run (remedies);

-- Runs on which something contested rests. The row outlives its run.
CREATE TABLE steering_kept (
    id        uuid PRIMARY KEY,
    run       uuid NOT NULL,
    kreis     text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    reason    text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor     text NOT NULL CHECK (actor <> ''),
    kept_at   timestamptz NOT NULL,              -- business time, as lifted_at
    lifted_by text,
    lifted_at timestamptz,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE UNIQUE INDEX steering_kept_one_open ON steering_kept (run) WHERE lifted_at IS NULL;
CREATE TRIGGER only_lifted BEFORE UPDATE ON steering_kept FOR EACH ROW EXECUTE FUNCTION only_lifted();
SELECT runtime.tenant_table('steering_kept', 'kreis', 'SELECT');
SELECT runtime.restrict_table('steering_kept', 'SELECT, INSERT, UPDATE');

CREATE VIEW status.steering_stored AS
    SELECT (SELECT count(*) FROM steering_run) AS runs, pg_total_relation_size('steering_content') AS bytes;

-- Two Kreise can come to the same bytes, which are stored once: each sees what its own runs refer to.
DO $$
BEGIN
    EXECUTE format('CREATE POLICY of_own_run ON steering_content FOR SELECT TO %I USING (EXISTS (
            SELECT FROM steering_run AS r WHERE sha256 IN (r.snapshot, r.result, r.certificate, r.remedies)
                AND r.kreis = ANY (string_to_array(current_setting(''kurslotse.kreise'', true), '',''))))',
        runtime.role_name('web'));
END $$;
