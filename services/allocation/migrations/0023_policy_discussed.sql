-- A policy on its way: sent back by the second person, sent to others for comment, tried on the year that passed.
SET LOCAL lock_timeout = '3s';

-- Sent back: the one who wrote it goes on writing. Nobody sends back what they wrote themselves.
CREATE OR REPLACE FUNCTION policy_version_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person text := nullif(current_setting('kurslotse.person', true), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NEW.written_by <> coalesce(person, NEW.written_by) THEN
            RAISE EXCEPTION 'a policy begins as a draft of the person who is signed in'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.kreis, NEW.written_by) IS DISTINCT FROM (OLD.id, OLD.kreis, OLD.written_by)
        OR (OLD.state <> 'draft' AND (NEW.document, NEW.valid_from, NEW.based_on, NEW.written_at)
            IS DISTINCT FROM (OLD.document, OLD.valid_from, OLD.based_on, OLD.written_at))
        OR (OLD.state, NEW.state) NOT IN (('draft', 'draft'), ('draft', 'submitted'), ('submitted', 'active'),
            ('submitted', 'draft'), ('draft', 'withdrawn'), ('submitted', 'withdrawn'), ('active', 'withdrawn'))
        OR (OLD.activated_at IS NOT NULL AND (NEW.activated_by, NEW.activated_at, NEW.holds_from)
            IS DISTINCT FROM (OLD.activated_by, OLD.activated_at, OLD.holds_from)) THEN
        RAISE EXCEPTION 'a policy that is % does not become this', OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (OLD.state = 'draft' AND NEW.state IN ('draft', 'submitted') AND NEW.written_by <> coalesce(person, NEW.written_by))
        OR (OLD.state <> NEW.state AND NEW.state = 'active' AND NEW.activated_by <> coalesce(person, NEW.activated_by))
        OR (OLD.state <> NEW.state AND NEW.state = 'withdrawn' AND NEW.withdrawn_by <> coalesce(person, NEW.withdrawn_by))
    THEN
        RAISE EXCEPTION 'nobody decides in the name of somebody else' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'submitted' AND NEW.state = 'draft' AND OLD.written_by = coalesce(person, '') THEN
        RAISE EXCEPTION 'nobody sends back what they wrote' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- squawk-ignore ban-drop-constraint -- the one below takes its place in the same transaction
ALTER TABLE policy_event DROP CONSTRAINT policy_event_what_check;
-- squawk-ignore constraint-missing-not-valid -- a Kreis has some dozens of these rows
ALTER TABLE policy_event ADD CONSTRAINT policy_event_what_check CHECK (what IN ('drafted', 'changed', 'submitted',
    'returned', 'sent_out', 'commented', 'activated', 'replaced', 'withdrawn', 'travel_loaded', 'travel_removed'));

-- A draft that others may read and comment on until a day; sent again, the day is another one.
CREATE TABLE policy_consultation (
    version uuid PRIMARY KEY,
    kreis   text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    link    uuid NOT NULL UNIQUE,                         -- the address of those who do not sign in on this side
    until   date NOT NULL,                                -- last day for comments
    sent_by text NOT NULL CHECK (sent_by <> ''),
    sent_at timestamptz NOT NULL,                         -- business time
    FOREIGN KEY (version, kreis) REFERENCES policy_version (id, kreis)
);
CREATE INDEX policy_consultation_by_kreis ON policy_consultation (kreis, until);

-- What an organisation says about a draft, as it was then; rows are only added.
CREATE TABLE policy_comment (
    id           uuid PRIMARY KEY,
    version      uuid NOT NULL,
    kreis        text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    sha256       bytea NOT NULL CHECK (length(sha256) = 32), -- of the document that was read
    organisation text NOT NULL CHECK (length(organisation) BETWEEN 2 AND 200),
    publisher    text,                                    -- the provider that wrote it itself; none: coordination entered it
    said         text NOT NULL CHECK (length(said) BETWEEN 1 AND 5000),
    said_on      date NOT NULL,                           -- when it reached coordination
    actor        text NOT NULL CHECK (actor <> ''),
    at           timestamptz NOT NULL,                    -- business time
    FOREIGN KEY (version, kreis) REFERENCES policy_version (id, kreis)
);
CREATE INDEX policy_comment_by_version ON policy_comment (version, kreis, at);

-- What the engine found about a version: sums only, small ones left out. Asked again, the later one counts.
CREATE TABLE policy_preview (
    version    uuid NOT NULL,
    kreis      text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    sha256     bytea NOT NULL CHECK (length(sha256) = 32), -- of the document that was tried
    result     jsonb NOT NULL,
    tried_at   timestamptz NOT NULL,                      -- business time
    PRIMARY KEY (version, sha256),
    FOREIGN KEY (version, kreis) REFERENCES policy_version (id, kreis)
);
CREATE INDEX policy_preview_by_kreis ON policy_preview (kreis);
CREATE INDEX policy_preview_by_version ON policy_preview (version, kreis);

SELECT runtime.tenant_table('policy_consultation', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('policy_comment', 'kreis', 'SELECT, INSERT');
SELECT runtime.tenant_table('policy_preview', 'kreis', 'SELECT');
SELECT runtime.restrict_table('policy_consultation', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('policy_comment', 'SELECT, INSERT');
SELECT runtime.restrict_table('policy_preview', 'SELECT, INSERT, UPDATE');
