-- Counselling organisations keep their own offices of the directory on pages; every change is on record.
SET LOCAL lock_timeout = '3s';

ALTER TABLE office ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0);
COMMENT ON COLUMN office.version IS 'counts up with every change: whoever edits an older one is told';

CREATE FUNCTION may_keep_offices() RETURNS boolean
LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT EXISTS (
        SELECT FROM accounts.organisation WHERE tenant = visitor_organisation() AND kind = 'counselling')
$$;
COMMENT ON FUNCTION may_keep_offices IS 'whether the visitor of this transaction belongs to a counselling organisation';

DO $$
DECLARE
    web text := runtime.role_name('web');
    own text := 'organisation = visitor_organisation() AND may_keep_offices()';
    shown text := 'name, kind, age_from, age_below, asylum_phases, catchment, languages, capacity, stand_in, hours,'
        ' closed_days, active, seat, version';
BEGIN
    ALTER TABLE office ENABLE ROW LEVEL SECURITY;
    ALTER TABLE office FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY all_tenants ON office TO %I, %I USING (true) WITH CHECK (true)',
        runtime.role_name('owner'), runtime.role_name('worker'));
    EXECUTE format('CREATE POLICY directory ON office FOR SELECT TO %I USING (true)', web);
    EXECUTE format('CREATE POLICY own_new ON office FOR INSERT TO %I WITH CHECK (%s)', web, own);
    EXECUTE format('CREATE POLICY own_changed ON office FOR UPDATE TO %I USING (%s) WITH CHECK (%s)', web, own, own);
    -- Mailboxes of others are nobody's business; slug and organisation never change.
    EXECUTE format('REVOKE SELECT ON office FROM %I', web);
    EXECUTE format('GRANT SELECT (slug, organisation, %s) ON office TO %I', shown, web);
    EXECUTE format('GRANT INSERT (slug, organisation, mail, lead_mail, %s) ON office TO %I', shown, web);
    EXECUTE format('GRANT UPDATE (mail, lead_mail, %s) ON office TO %I', shown, web);
END $$;

CREATE VIEW own_mailbox WITH (security_barrier) AS
SELECT slug, mail, lead_mail FROM office WHERE organisation = visitor_organisation();
COMMENT ON VIEW own_mailbox IS 'the mailboxes of the visitor''s own offices';
SELECT runtime.web_table('own_mailbox', 'SELECT');

CREATE TABLE office_change (
    office text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    organisation text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    changed jsonb NOT NULL,
    PRIMARY KEY (office, version)
);
COMMENT ON COLUMN office_change.changed_at IS 'business time';
COMMENT ON COLUMN office_change.changed_by IS 'key of the person';
COMMENT ON COLUMN office_change.changed IS 'field -> [before, after]; of mailboxes only that they changed';
SELECT runtime.tenant_table('office_change', 'organisation', 'SELECT, INSERT');
SELECT runtime.restrict_table('office_change', 'SELECT, INSERT, DELETE');

-- A page sees none of the consents that its change concerns, nor how many they are.
CREATE FUNCTION reconsider_consenting() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO reconsider (participant_id)
    SELECT DISTINCT participant_id FROM consent WHERE ended_at IS NULL AND may_keep_offices() ORDER BY participant_id
    ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1
$$;
REVOKE ALL ON FUNCTION reconsider_consenting() FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION reconsider_consenting() TO %I', runtime.role_name('web'));
END $$;
