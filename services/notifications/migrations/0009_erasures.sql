-- Reports of erasures, by erasure id and without the person; and what proves a consent once the person is erased.
SET LOCAL lock_timeout = '3s';

CREATE TABLE erasure (
    erasure uuid PRIMARY KEY,
    organisation text NOT NULL,
    office text NOT NULL,
    erased_on date NOT NULL,
    asked_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at timestamptz
);
COMMENT ON COLUMN erasure.organisation IS 'tenant: the organisation of the office that asked for it';
COMMENT ON COLUMN erasure.heard_at IS 'technical time';
CREATE INDEX erasure_open ON erasure (heard_at) WHERE completed_at IS NULL;
CREATE INDEX erasure_by_organisation ON erasure (organisation, asked_at);

CREATE TABLE erasure_report (
    erasure uuid NOT NULL,
    service text NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    report jsonb NOT NULL,
    PRIMARY KEY (erasure, service)
);
COMMENT ON COLUMN erasure_report.report IS 'rows by table, and what stays, by which paragraph, until when';

-- Whoever knows whose consent it was can find the row; nobody can tell whose it was from the row.
CREATE TABLE consent_proof (
    proof bytea PRIMARY KEY CHECK (length(proof) = 32),
    office text NOT NULL,
    purpose text NOT NULL,
    given_on date NOT NULL,
    ended_on date,
    erased_on date NOT NULL
);
COMMENT ON TABLE consent_proof IS 'Art. 7(1) GDPR: the controller can show that the person had consented';

SELECT runtime.tenant_table('erasure', 'organisation', 'SELECT');
ALTER POLICY own_tenant ON erasure USING (
    organisation = visitor_organisation() AND office = ANY (visitor_offices()));
SELECT runtime.web_table('erasure_report', 'SELECT');
DO $$
BEGIN
    ALTER TABLE erasure_report ENABLE ROW LEVEL SECURITY;
    ALTER TABLE erasure_report FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY all_tenants ON erasure_report TO %I, %I USING (true) WITH CHECK (true)',
        runtime.role_name('owner'), runtime.role_name('worker'));
    EXECUTE format('CREATE POLICY of_own_erasure ON erasure_report FOR SELECT TO %I USING (EXISTS ('
        'SELECT FROM erasure AS e WHERE e.erasure = erasure_report.erasure))', runtime.role_name('web'));
END $$;

-- The log of looks is accountable to whoever reads it; whose names were read becomes a random id.
CREATE FUNCTION pseudonymise_disclosure_log(people uuid[], pseudonym uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH changed AS (
        UPDATE disclosure_log SET participant_id = pseudonym WHERE participant_id = ANY (people) RETURNING 1)
    SELECT count(*) FROM changed
$$;
REVOKE ALL ON FUNCTION pseudonymise_disclosure_log(uuid[], uuid) FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION pseudonymise_disclosure_log(uuid[], uuid) TO %I',
        runtime.role_name('worker'));
END $$;

CREATE VIEW status.erasures_open AS SELECT heard_at FROM erasure WHERE completed_at IS NULL;
