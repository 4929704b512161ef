-- Where and when a course is held, whom to call, and what proves a consent that was given on paper.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course ADD COLUMN venue jsonb;
COMMENT ON COLUMN course.venue IS 'name, street, postcode, town; null: the provider has not said it';
ALTER TABLE course ADD COLUMN lessons jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN course.lessons IS 'weekly teaching times: weekday, starts_at, ends_at';
ALTER TABLE course ADD COLUMN childcare boolean;
COMMENT ON COLUMN course.childcare IS 'null: the provider has not said it';
ALTER TABLE course ADD COLUMN online boolean;

ALTER TABLE office ADD COLUMN phone text CHECK (length(phone) <= 40);
COMMENT ON COLUMN office.phone IS 'public, as people dial it';

-- What a registering office writes on its letters. Public: it is on every sheet that is handed over.
CREATE TABLE letterhead (
    office text PRIMARY KEY,
    organisation text NOT NULL,
    address text NOT NULL CHECK (length(address) <= 200),
    phone text NOT NULL CHECK (length(phone) <= 40),
    changed_at timestamptz NOT NULL
);
COMMENT ON COLUMN letterhead.office IS 'slug of the publisher';
COMMENT ON COLUMN letterhead.changed_at IS 'business time';
SELECT runtime.tenant_table('letterhead', 'organisation', 'SELECT, INSERT, UPDATE');

-- Who entered a consent that was signed on paper, on which version of the form, and where the paper lies. The
-- paper itself is never stored. Pages add rows; an authority cannot read them, not even its own.
CREATE TABLE consent_evidence (
    cause uuid PRIMARY KEY,
    participant_id uuid NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    form text NOT NULL,
    language text NOT NULL,
    paper text NOT NULL CHECK (length(paper) <= 100),
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL
);
COMMENT ON COLUMN consent_evidence.cause IS 'the grant that it proves';
COMMENT ON COLUMN consent_evidence.office IS 'the registering office that entered it';
COMMENT ON COLUMN consent_evidence.paper IS 'a folder or a file number, no name';
COMMENT ON COLUMN consent_evidence.entered_by IS 'key of the person';
COMMENT ON COLUMN consent_evidence.entered_at IS 'business time';
CREATE INDEX consent_evidence_person ON consent_evidence (participant_id);
SELECT runtime.tenant_table('consent_evidence', 'organisation', 'SELECT, INSERT');
SELECT runtime.restrict_table('consent_evidence', 'SELECT, INSERT, DELETE');

-- What was published is shown on pages.
SELECT runtime.web_table('published_figure', 'SELECT');

DO $$
DECLARE
    web text := runtime.role_name('web');
    own text := 'organisation = visitor_organisation() AND office = ANY (visitor_offices())';
BEGIN
    EXECUTE format('ALTER POLICY own_tenant ON letterhead USING (%s) WITH CHECK (%s)', own, own);
    DROP POLICY own_tenant ON consent_evidence;
    EXECUTE format('CREATE POLICY own_new ON consent_evidence FOR INSERT TO %I WITH CHECK (%s)', web, own);
    EXECUTE format('CREATE POLICY own_read ON consent_evidence FOR SELECT TO %I USING (%s AND EXISTS ('
        'SELECT FROM runtime.publisher AS p WHERE p.slug = office AND NOT p.authority))', web, own);
    EXECUTE format('GRANT SELECT (phone), INSERT (phone), UPDATE (phone) ON office TO %I', web);
END $$;
