-- Who works with Kurslotse on this side: organisations, people, roles, how they sign in, their sessions.
SET LOCAL lock_timeout = '3s';

CREATE SCHEMA accounts;

CREATE TABLE accounts.organisation (
    slug text PRIMARY KEY CHECK (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('kreis', 'registering_office', 'provider', 'counselling')),
    kreise text[] NOT NULL,
    tenant text,
    publisher text,
    made_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'kreis') = (tenant IS NULL))
);
COMMENT ON COLUMN accounts.organisation.kreise IS 'empty until the first administrator has said which; then only a command changes them';
COMMENT ON COLUMN accounts.organisation.tenant IS 'whose rows its people see: publisher.organisation; none: those of the Kreise';
COMMENT ON COLUMN accounts.organisation.publisher IS 'the office or provider for which its people speak';

CREATE TABLE accounts.person (
    person uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key text NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL CHECK (name <> ''),
    email text CHECK (email = lower(email) AND email ~ '@'),
    home text NOT NULL REFERENCES accounts.organisation (slug),
    active boolean NOT NULL DEFAULT true,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (active = (ended_at IS NULL))
);
CREATE UNIQUE INDEX person_email ON accounts.person (email) WHERE email IS NOT NULL;
COMMENT ON COLUMN accounts.person.key IS 'what histories call the person; it says nothing about them';
COMMENT ON COLUMN accounts.person.email IS 'a login name; nothing is sent to it';
COMMENT ON COLUMN accounts.person.home IS 'the organisation that invited the person: only its administrators may let them enrol again';

CREATE TABLE accounts.given_role (
    given uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person uuid NOT NULL REFERENCES accounts.person (person) ON DELETE CASCADE,
    organisation text NOT NULL REFERENCES accounts.organisation (slug),
    role text NOT NULL CHECK (role IN (
        'coordinator', 'coordinator_head', 'clerk', 'provider', 'counsellor', 'team_lead',
        'auditor', 'data_protection', 'operator', 'administrator')),
    given_by text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by text,
    ended_at timestamptz,
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX given_role_now ON accounts.given_role (person, organisation, role) WHERE ended_at IS NULL;
CREATE INDEX given_role_organisation ON accounts.given_role (organisation);

-- How somebody is known elsewhere: the subject of an OpenID Connect issuer; on a demo also the issuer `demo`.
CREATE TABLE accounts.identity (
    issuer text NOT NULL,
    subject text NOT NULL,
    person uuid NOT NULL REFERENCES accounts.person (person) ON DELETE CASCADE,
    about jsonb NOT NULL DEFAULT '{}',
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identity_person ON accounts.identity (person);
COMMENT ON COLUMN accounts.identity.about IS 'demo only: what an invented person does, by language';

CREATE TABLE accounts.session (
    session uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    person uuid NOT NULL REFERENCES accounts.person (person) ON DELETE CASCADE,
    worn uuid NOT NULL REFERENCES accounts.given_role (given) ON DELETE CASCADE,
    method text NOT NULL CHECK (method IN ('passkey', 'password', 'issuer', 'invitation', 'demo')),
    issuer text,
    subject text,
    sid text,
    id_token bytea,
    device text NOT NULL DEFAULT '' CHECK (length(device) <= 60),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    fresh_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_why text CHECK (ended_why IN ('signed_out', 'idle', 'absolute', 'issuer', 'administrator', 'role_ended')),
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX session_person ON accounts.session (person, created_at);
CREATE INDEX session_worn ON accounts.session (worn);
CREATE INDEX session_issuer ON accounts.session (issuer, subject) WHERE issuer IS NOT NULL;
COMMENT ON COLUMN accounts.given_role.given_at IS 'tells apart what was given at once: the first is worn first';
COMMENT ON COLUMN accounts.session.token_hash IS 'SHA-256 of the random token in the cookie';
COMMENT ON COLUMN accounts.session.id_token IS 'sealed; the issuer wants it back at sign-out';
COMMENT ON COLUMN accounts.session.device IS 'browser and system in two words, for the list of one''s own sessions';

CREATE TABLE accounts.password (
    person uuid PRIMARY KEY REFERENCES accounts.person (person) ON DELETE CASCADE,
    hash text NOT NULL CHECK (hash LIKE '$argon2id$%'),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE accounts.totp (
    person uuid PRIMARY KEY REFERENCES accounts.person (person) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    last_step bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN accounts.totp.last_step IS 'the latest time step whose code was taken: no code is taken twice';
CREATE TABLE accounts.passkey (
    credential bytea PRIMARY KEY,
    person uuid NOT NULL REFERENCES accounts.person (person) ON DELETE CASCADE,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 80),
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz
);
CREATE INDEX passkey_person ON accounts.passkey (person);

-- What a browser has to sign with a passkey: each challenge once, within minutes, by the browser that asked.
CREATE TABLE accounts.challenge (
    challenge bytea PRIMARY KEY CHECK (length(challenge) >= 32),
    browser bytea NOT NULL CHECK (length(browser) = 32),
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX challenge_made_at ON accounts.challenge (made_at);

CREATE TABLE accounts.invitation (
    invitation uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    organisation text NOT NULL REFERENCES accounts.organisation (slug),
    roles text[] NOT NULL,
    person uuid REFERENCES accounts.person (person) ON DELETE CASCADE,
    name text NOT NULL,
    email text CHECK (email = lower(email)),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    withdrawn_at timestamptz,
    CHECK ((person IS NULL) = (cardinality(roles) > 0)),
    CHECK (used_at IS NULL OR withdrawn_at IS NULL)
);
CREATE INDEX invitation_organisation ON accounts.invitation (organisation);
COMMENT ON COLUMN accounts.invitation.person IS 'whose methods the link replaces (recovery); none: somebody new';

-- Failed sign-ins by keyed hash of a login name or a source, whether there is such an account or not.
CREATE TABLE accounts.failed_sign_in (
    about bytea PRIMARY KEY CHECK (length(about) = 32),
    failures integer NOT NULL CHECK (failures > 0),
    last_at timestamptz NOT NULL DEFAULT now(),
    locked_until timestamptz
);
CREATE INDEX failed_sign_in_last_at ON accounts.failed_sign_in (last_at);

CREATE TABLE accounts.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    person text,
    by text,
    organisation text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON accounts.audit (at);
CREATE INDEX audit_organisation ON accounts.audit (organisation, at);
COMMENT ON COLUMN accounts.audit.person IS 'key of the person whom it is about';
COMMENT ON COLUMN accounts.audit.by IS 'key of the person who did it, or `command`';

SELECT runtime.web_table('accounts.organisation', 'SELECT, UPDATE');
SELECT runtime.web_table('accounts.person', 'SELECT, INSERT, UPDATE');
SELECT runtime.web_table('accounts.given_role', 'SELECT, INSERT, UPDATE');
SELECT runtime.web_table('accounts.identity', 'SELECT, INSERT');
SELECT runtime.web_table('accounts.session', 'SELECT, INSERT, UPDATE');
SELECT runtime.web_table('accounts.password', 'SELECT, INSERT, UPDATE, DELETE');
SELECT runtime.web_table('accounts.totp', 'SELECT, INSERT, UPDATE, DELETE');
SELECT runtime.web_table('accounts.passkey', 'SELECT, INSERT, UPDATE, DELETE');
SELECT runtime.web_table('accounts.challenge', 'SELECT, INSERT, DELETE');
SELECT runtime.web_table('accounts.invitation', 'SELECT, INSERT, UPDATE');
SELECT runtime.web_table('accounts.failed_sign_in', 'SELECT, INSERT, UPDATE, DELETE');
SELECT runtime.web_table('accounts.audit', 'SELECT, INSERT');
SELECT runtime.restrict_table('accounts.audit', 'SELECT, INSERT, DELETE');
