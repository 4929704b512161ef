-- What a Kreis decides about steering: its dated policies, who made them hold, and its table of travel times.
SET lock_timeout = '5s';

-- A policy as somebody typed it. Who writes another one, writes another row: each row has one writer.
CREATE TABLE policy_version (
    id           uuid PRIMARY KEY,
    kreis        text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    valid_from   date NOT NULL,                    -- as the document says
    document     text NOT NULL CHECK (length(document) BETWEEN 1 AND 200000),
    sha256       bytea NOT NULL CHECK (length(sha256) = 32),
    state        text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'submitted', 'active', 'withdrawn')),
    based_on     uuid,
    written_by   text NOT NULL CHECK (written_by <> ''),
    written_at   timestamptz NOT NULL,             -- business time, as all here
    submitted_at timestamptz,
    activated_by text,
    activated_at timestamptz,
    holds_from   date,                             -- valid_from, or the day of the activation if that is later
    withdrawn_by text,
    withdrawn_at timestamptz,
    CONSTRAINT policy_version_document_sha256 CHECK (sha256 = sha256(convert_to(document, 'UTF8'))),
    CONSTRAINT policy_version_second_person CHECK (activated_by <> written_by),
    CHECK (num_nulls(activated_by, activated_at, holds_from) IN (0, 3)),
    CHECK (holds_from >= valid_from),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK (state <> 'draft' OR (submitted_at IS NULL AND activated_at IS NULL)),
    CHECK (state <> 'submitted' OR (submitted_at IS NOT NULL AND activated_at IS NULL)),
    CHECK (state <> 'active' OR (submitted_at IS NOT NULL AND activated_at IS NOT NULL)),
    CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL)),
    UNIQUE (id, kreis),
    FOREIGN KEY (based_on, kreis) REFERENCES policy_version (id, kreis)
);
CREATE UNIQUE INDEX policy_version_one_active ON policy_version (kreis, valid_from) WHERE state = 'active';
CREATE INDEX policy_version_by_kreis ON policy_version (kreis, written_at);
CREATE INDEX policy_version_based_on ON policy_version (based_on, kreis) WHERE based_on IS NOT NULL;

-- draft -> submitted -> active -> withdrawn; each can be withdrawn, and only a draft is changed.
CREATE FUNCTION policy_version_steps() RETURNS trigger LANGUAGE plpgsql AS $$
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
            ('draft', 'withdrawn'), ('submitted', 'withdrawn'), ('active', 'withdrawn'))
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
    RETURN NEW;
END $$;
CREATE TRIGGER policy_version_steps BEFORE INSERT OR UPDATE ON policy_version
    FOR EACH ROW EXECUTE FUNCTION policy_version_steps();

-- Who did what, when and why; rows are only added. `travel_loaded` has no version.
CREATE TABLE policy_event (
    id      uuid PRIMARY KEY,
    kreis   text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    version uuid,
    what    text NOT NULL CHECK (what IN ('drafted', 'changed', 'submitted', 'activated', 'replaced',
                                          'withdrawn', 'travel_loaded', 'travel_removed')),
    actor   text NOT NULL CHECK (actor <> ''),
    at      timestamptz NOT NULL,
    reason  text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    CHECK ((version IS NULL) = (what IN ('travel_loaded', 'travel_removed'))),
    FOREIGN KEY (version, kreis) REFERENCES policy_version (id, kreis)
);
CREATE INDEX policy_event_by_kreis ON policy_event (kreis, at);
CREATE INDEX policy_event_by_version ON policy_event (version, kreis, at);

-- Tables of travel times as they were loaded, each kept whole.
CREATE TABLE travel_table (
    id        uuid PRIMARY KEY,
    kreis     text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    sha256    bytea NOT NULL CHECK (length(sha256) = 32),
    content   bytea NOT NULL,                      -- the file, compressed
    rows      integer NOT NULL CHECK (rows > 0),   -- ways in the file
    skipped   integer NOT NULL CHECK (skipped >= 0),
    loaded_by text NOT NULL CHECK (loaded_by <> ''),
    loaded_at timestamptz NOT NULL,
    active    boolean NOT NULL,
    UNIQUE (id, kreis)
);
CREATE UNIQUE INDEX travel_table_one_active ON travel_table (kreis) WHERE active;
CREATE INDEX travel_table_by_kreis ON travel_table (kreis, loaded_at);

-- A table stays as it was loaded; another one takes its place.
CREATE FUNCTION travel_table_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT OLD.active OR to_jsonb(NEW) <> jsonb_set(to_jsonb(OLD), '{active}', 'false') THEN
        RAISE EXCEPTION 'a table of travel times is never changed, only replaced' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER travel_table_replaced BEFORE UPDATE ON travel_table FOR EACH ROW EXECUTE FUNCTION travel_table_replaced();

-- The ways of the active table of each Kreis, and only of that. `filled`: the file says nothing about this
-- direction, the way back counts.
CREATE TABLE travel_time (
    kreis        text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    from_town    text NOT NULL CHECK (from_town ~ '^[0-9]{8}$'),
    to_town      text NOT NULL CHECK (to_town ~ '^[0-9]{8}$'),
    minutes      smallint NOT NULL CHECK (minutes BETWEEN 0 AND 600),
    filled       boolean NOT NULL,
    travel_table uuid NOT NULL,
    PRIMARY KEY (kreis, from_town, to_town),
    FOREIGN KEY (travel_table, kreis) REFERENCES travel_table (id, kreis)
);
CREATE INDEX travel_time_by_table ON travel_time (travel_table, kreis);

SELECT runtime.tenant_table('policy_version', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('policy_event', 'kreis', 'SELECT, INSERT');
SELECT runtime.tenant_table('travel_table', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('travel_time', 'kreis', 'SELECT, INSERT, DELETE');
SELECT runtime.restrict_table('policy_version', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('policy_event', 'SELECT, INSERT');
SELECT runtime.restrict_table('travel_table', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('travel_time', 'SELECT, INSERT, DELETE');
