-- People, consents, participation under consent, the offices' directory.
SET LOCAL lock_timeout = '3s';

-- Who is it. Names and contact data lie only in `sealed`; without a row of person_key nobody can read them.
CREATE TABLE person (
    participant_id uuid PRIMARY KEY,
    organisation text NOT NULL,
    office text NOT NULL,
    reference text NOT NULL,
    languages text[] NOT NULL DEFAULT '{}',
    sealed bytea NOT NULL,
    kept_at timestamptz NOT NULL
);
COMMENT ON COLUMN person.organisation IS 'tenant: the organisation of the registering office';
COMMENT ON COLUMN person.kept_at IS 'business time';
CREATE INDEX person_office ON person (office);

-- The person's data key, wrapped once for each organisation that may read it. Destroyed = unreadable.
CREATE TABLE person_key (
    participant_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    organisation text NOT NULL,
    wrapped bytea NOT NULL,
    PRIMARY KEY (participant_id, organisation)
);

-- Who else may read a person, for what, until when.
CREATE TABLE disclosure (
    participant_id uuid NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('roster', 'enrolment_notice', 'dropout_support')),
    basis uuid NOT NULL,
    until date NOT NULL,
    opened_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (participant_id, organisation, office, purpose, basis)
);
COMMENT ON COLUMN disclosure.basis IS 'the placement or the alert it rests on';
CREATE INDEX disclosure_open ON disclosure (until) WHERE ended_at IS NULL;
CREATE INDEX disclosure_basis ON disclosure (basis) WHERE ended_at IS NULL;

-- Every look at a name. Only added to; erased after the configured time by erase_disclosure_log().
CREATE TABLE disclosure_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    participant_id uuid NOT NULL,
    organisation text NOT NULL,
    actor text NOT NULL,
    purpose text NOT NULL,
    fields text[] NOT NULL
);
CREATE INDEX disclosure_log_at ON disclosure_log (at);
CREATE INDEX disclosure_log_person ON disclosure_log (participant_id);

-- A registration whose contact data are kept and whose facts the gateway has not accepted yet. No name.
CREATE TABLE registration (
    id uuid PRIMARY KEY,
    participant_id uuid NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    data jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'refused')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_token uuid,
    problem text,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz
);
COMMENT ON COLUMN registration.id IS 'id of the event';
COMMENT ON COLUMN registration.next_at IS 'technical time';
CREATE INDEX registration_pending ON registration (next_at) WHERE state = 'pending';
CREATE INDEX registration_person ON registration (participant_id);

-- Facts that the offices said to steering, as far as the support side needs them for responsibility.
CREATE TABLE participant_fact (
    participant_id uuid PRIMARY KEY,
    office text NOT NULL,
    organisation text NOT NULL,
    kreis text NOT NULL,
    town text NOT NULL,
    youth_until text,
    asylum_phase text NOT NULL,
    registered_on date NOT NULL,
    withdrawn_on date
);

CREATE TABLE participant_merge (
    merged uuid PRIMARY KEY,
    into_participant uuid NOT NULL CHECK (into_participant <> merged)
);

CREATE TABLE course (
    course_id uuid PRIMARY KEY,
    provider text NOT NULL,
    own_id text NOT NULL,
    title text NOT NULL,
    kreis text NOT NULL,
    town text,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    sections jsonb NOT NULL,
    cancelled_on date,
    completed_on date
);

-- Placements as allocation says them; `office_organisation` and `provider_organisation` may read.
CREATE TABLE placement (
    placement_id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    participant_id uuid NOT NULL,
    course_id uuid NOT NULL,
    provider text NOT NULL,
    provider_organisation text,
    own_course text NOT NULL,
    office text NOT NULL,
    office_organisation text,
    kreis text NOT NULL,
    entry_section integer NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    state text NOT NULL,
    released boolean NOT NULL,
    reason jsonb NOT NULL,
    expires_at timestamptz,
    own_number text,
    ended_on date,
    decided_at timestamptz NOT NULL
);
COMMENT ON COLUMN placement.released IS 'a seat is or was held: providers hear of it from here on';
CREATE INDEX placement_person ON placement (participant_id);
CREATE INDEX placement_course ON placement (course_id);
CREATE INDEX placement_office ON placement (office, state);

-- Reasons and alternatives of a released proposal, for the registering office's offer sheet only.
CREATE TABLE placement_offer (
    placement_id uuid PRIMARY KEY,
    organisation text NOT NULL,
    reasons jsonb NOT NULL,
    alternatives jsonb NOT NULL
);

-- What a person allowed, each purpose and office by itself. `registrar` wrote it down.
CREATE TABLE consent (
    participant_id uuid NOT NULL,
    office text NOT NULL,
    purpose text NOT NULL,
    registrar text NOT NULL,
    registrar_organisation text NOT NULL,
    registrar_authority boolean NOT NULL,
    given_on date NOT NULL,
    valid_until date NOT NULL CHECK (valid_until >= given_on),
    form text,
    revoked_on date,
    ended_at timestamptz,
    PRIMARY KEY (participant_id, office, purpose)
);
COMMENT ON COLUMN consent.ended_at IS 'revoked or lapsed, and everything that rested on it erased';
CREATE INDEX consent_valid_until ON consent (valid_until) WHERE ended_at IS NULL;

-- Every grant and every revocation, as it was said.
CREATE TABLE consent_step (
    cause uuid NOT NULL,
    participant_id uuid NOT NULL,
    office text NOT NULL,
    purpose text NOT NULL,
    step text NOT NULL CHECK (step IN ('granted', 'revoked', 'lapsed')),
    said_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (cause, participant_id, office, purpose)
);
CREATE INDEX consent_step_person ON consent_step (participant_id);

-- One course day: totals of the class, no person.
CREATE TABLE course_day (
    course_id uuid NOT NULL,
    day date NOT NULL,
    event_id text NOT NULL,
    ue_held real NOT NULL,
    listed smallint NOT NULL,
    present smallint,
    excused smallint,
    unexcused smallint,
    ue_attended real,
    assessed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (course_id, day)
) WITH (fillfactor = 80);
COMMENT ON COLUMN course_day.present IS 'null: fewer people listed than may be told apart';
CREATE INDEX course_day_unassessed ON course_day (course_id) WHERE NOT assessed;
CREATE INDEX course_day_event ON course_day (event_id);

-- Marks of people whose consent was on record when they were read.
CREATE TABLE attendance (
    course_id uuid NOT NULL,
    day date NOT NULL,
    participant_id uuid NOT NULL,
    mark text NOT NULL CHECK (mark IN ('X', 'E', 'U', 'W', 'P')),
    ue real NOT NULL,
    PRIMARY KEY (course_id, day, participant_id)
);
CREATE INDEX attendance_person ON attendance (participant_id);

CREATE TABLE section_result (
    participant_id uuid NOT NULL,
    course_id uuid NOT NULL,
    section integer NOT NULL,
    grade text NOT NULL,
    tested_on date NOT NULL,
    PRIMARY KEY (participant_id, course_id, section)
);

CREATE TABLE exam_result (
    participant_id uuid NOT NULL,
    course_id uuid NOT NULL,
    exam text NOT NULL,
    taken_on date NOT NULL,
    result text NOT NULL,
    PRIMARY KEY (participant_id, course_id, exam, taken_on)
);

CREATE TABLE course_exit (
    participant_id uuid NOT NULL,
    course_id uuid NOT NULL,
    kind text NOT NULL,
    left_on date NOT NULL,
    event_id text NOT NULL,
    PRIMARY KEY (participant_id, course_id)
);
CREATE INDEX course_exit_course ON course_exit (course_id);

CREATE TABLE risk (
    risk_id uuid PRIMARY KEY,
    participant_id uuid NOT NULL,
    course_id uuid NOT NULL,
    rule text NOT NULL,
    since date NOT NULL,
    params jsonb NOT NULL,
    reported_until date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'cleared', 'withdrawn', 'inhibited')),
    raised_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX risk_one_open ON risk (participant_id, course_id, rule) WHERE state = 'open';
CREATE INDEX risk_course ON risk (course_id) WHERE state = 'open';

-- A need without a person (NeedReported).
CREATE TABLE need_report (
    cause uuid PRIMARY KEY,
    event_id text NOT NULL,
    office text NOT NULL,
    need text NOT NULL,
    town text NOT NULL,
    month text NOT NULL
);

-- The directory of counselling offices; public, of no tenant.
CREATE TABLE office (
    slug text PRIMARY KEY,
    organisation text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    age_from integer,
    age_below integer,
    asylum_phases text[] NOT NULL DEFAULT '{}',
    catchment text[] NOT NULL,
    languages text[] NOT NULL DEFAULT '{}',
    capacity integer NOT NULL CHECK (capacity >= 0),
    stand_in text,
    mail text NOT NULL,
    lead_mail text NOT NULL,
    hours jsonb NOT NULL,
    closed_days date[] NOT NULL DEFAULT '{}',
    active boolean NOT NULL DEFAULT true
);
CREATE INDEX office_organisation ON office (organisation);

SELECT runtime.tenant_table('person', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('person_key', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('disclosure', 'organisation', 'SELECT');
SELECT runtime.tenant_table('disclosure_log', 'organisation', 'SELECT, INSERT');
SELECT runtime.restrict_table('disclosure_log', 'SELECT, INSERT');
SELECT runtime.tenant_table('registration', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('participant_fact', 'organisation', 'SELECT');
SELECT runtime.tenant_table('placement_offer', 'organisation', 'SELECT');
SELECT runtime.web_table('course', 'SELECT');
SELECT runtime.web_table('office', 'SELECT');

DO $$
DECLARE
    web text := runtime.role_name('web');
    me text := 'nullif(current_setting(''kurslotse.organisation'', true), '''')';
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['placement', 'consent'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tab);
        EXECUTE format('CREATE POLICY all_tenants ON %I TO %I, %I USING (true) WITH CHECK (true)',
            tab, runtime.role_name('owner'), runtime.role_name('worker'));
        PERFORM runtime.web_table(tab::regclass, 'SELECT');
    END LOOP;
    -- A person is visible to others only through an open disclosure.
    EXECUTE format('CREATE POLICY disclosed ON person FOR SELECT TO %I USING (EXISTS ('
        'SELECT FROM disclosure AS d WHERE d.participant_id = person.participant_id'
        ' AND d.organisation = %s AND d.ended_at IS NULL))', web, me);
    EXECUTE format('CREATE POLICY own_placements ON placement FOR SELECT TO %I USING ('
        'office_organisation = %s OR (released AND provider_organisation = %s))', web, me, me);
    -- The office that may know reads the consent; so does the desk that wrote it down, unless it is an authority.
    EXECUTE format('CREATE POLICY own_consents ON consent FOR SELECT TO %I USING ('
        '(registrar_organisation = %s AND NOT registrar_authority)'
        ' OR office IN (SELECT o.slug FROM office AS o WHERE o.organisation = %s))', web, me, me);
END $$;

CREATE FUNCTION erase_disclosure_log(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH gone AS (DELETE FROM disclosure_log WHERE at < before RETURNING 1) SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION erase_disclosure_log(timestamptz) FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION erase_disclosure_log(timestamptz) TO %I', runtime.role_name('worker'));
END $$;
