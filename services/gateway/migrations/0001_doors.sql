-- Who may speak, what was taken, what became of it. No table here has room for a name or a birth date.
SET LOCAL lock_timeout = '3s';

CREATE TABLE publisher (
    slug text PRIMARY KEY CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$'),
    name text NOT NULL,
    kinds text[] NOT NULL CHECK (cardinality(kinds) > 0),
    organisation text NOT NULL,
    authority boolean NOT NULL,
    kreise text[] NOT NULL CHECK (cardinality(kreise) > 0),
    event_types text[] NOT NULL,
    supplier_ids text[] NOT NULL,
    active boolean NOT NULL DEFAULT true,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    changed_at timestamptz NOT NULL DEFAULT now()
);
SELECT runtime.tenant_table('publisher', 'organisation', 'SELECT');

CREATE TABLE api_key (
    prefix text PRIMARY KEY,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    publisher text NOT NULL REFERENCES publisher (slug),
    organisation text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX api_key_publisher ON api_key (publisher);
SELECT runtime.tenant_table('api_key', 'organisation', 'SELECT');

-- Keys of our own services, which speak for publishers, each only on its side of the wall.
CREATE TABLE service_key (
    service text PRIMARY KEY CHECK (service IN ('allocation', 'notifications')),
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

-- What the doors have answered with 202, so that the same id is the same answer.
CREATE TABLE accepted (
    publisher text NOT NULL,
    family text NOT NULL CHECK (family IN ('in', 'support')),
    event_id text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, family, event_id)
);
CREATE INDEX accepted_at ON accepted USING brin (accepted_at);

-- Added to by every transaction, folded together now and then: no row that all writers fight for.
CREATE TABLE accepted_count (
    type text NOT NULL,
    n bigint NOT NULL CHECK (n > 0)
);

-- The last number given in a publisher's feed; its row lock makes the numbers visible in order.
CREATE TABLE feed (
    publisher text NOT NULL,
    name text NOT NULL CHECK (name IN ('findings', 'addressed')),
    last bigint NOT NULL CHECK (last >= 0),
    PRIMARY KEY (publisher, name)
);

CREATE TABLE finding (
    publisher text NOT NULL,
    number bigint NOT NULL,
    organisation text NOT NULL,
    id uuid NOT NULL UNIQUE,
    family text NOT NULL CHECK (family IN ('in', 'support')),
    kind text NOT NULL,
    code text NOT NULL,
    field text,
    params jsonb NOT NULL,
    topic text,
    partition integer,
    "offset" bigint,
    event_id text,
    event_type text,
    raised_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, number)
);
COMMENT ON COLUMN finding.topic IS 'null: found at the door, before there was a record';
CREATE INDEX finding_stored_at ON finding USING brin (stored_at);
SELECT runtime.tenant_table('finding', 'organisation', 'SELECT');

-- Everything of a topic up to here has been judged.
CREATE TABLE judged (
    publisher text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    organisation text NOT NULL,
    family text NOT NULL,
    "offset" bigint NOT NULL,
    raised_at timestamptz NOT NULL,
    PRIMARY KEY (publisher, topic, partition)
);
SELECT runtime.tenant_table('judged', 'organisation', 'SELECT');

CREATE TABLE addressed (
    publisher text NOT NULL,
    number bigint NOT NULL,
    organisation text NOT NULL,
    id uuid NOT NULL,
    event jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, number),
    UNIQUE (publisher, id)
);
CREATE INDEX addressed_stored_at ON addressed USING brin (stored_at);
SELECT runtime.tenant_table('addressed', 'organisation', 'SELECT');

-- A provider's own number of a person, learnt from EnrolmentConfirmed.
CREATE TABLE own_number (
    publisher text NOT NULL,
    number text NOT NULL,
    organisation text NOT NULL,
    participant uuid NOT NULL,
    PRIMARY KEY (publisher, number)
);
SELECT runtime.tenant_table('own_number', 'organisation', 'SELECT');

-- A minted reference for an official number; the number itself is not kept.
CREATE TABLE minted_reference (
    publisher text NOT NULL,
    mac bytea NOT NULL CHECK (length(mac) = 32),
    organisation text NOT NULL,
    reference text NOT NULL,
    participant uuid NOT NULL,
    minted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, mac),
    UNIQUE (publisher, reference)
);
CREATE INDEX minted_reference_mac ON minted_reference (mac);
SELECT runtime.tenant_table('minted_reference', 'organisation', 'SELECT');

-- The last progress announced of each publisher.
CREATE TABLE progress (
    publisher text PRIMARY KEY,
    until timestamptz NOT NULL,
    offsets jsonb NOT NULL
);

CREATE TABLE import_setting (
    publisher text NOT NULL REFERENCES publisher (slug),
    kind text NOT NULL,
    organisation text NOT NULL,
    body jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, kind)
);
SELECT runtime.tenant_table('import_setting', 'organisation', 'SELECT');

-- What a row of a file last said: its hash, the event it became, and for courses (public) the data.
CREATE TABLE imported (
    publisher text NOT NULL,
    kind text NOT NULL,
    row_key text NOT NULL,
    organisation text NOT NULL,
    content bytea NOT NULL CHECK (length(content) = 32),
    event_id text NOT NULL,
    data jsonb,
    gone boolean NOT NULL DEFAULT false,
    belongs_to text,
    imported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, kind, row_key)
);
SELECT runtime.tenant_table('imported', 'organisation', 'SELECT');

CREATE TABLE import_run (
    id uuid PRIMARY KEY,
    publisher text NOT NULL,
    kind text NOT NULL,
    organisation text NOT NULL,
    file_hash bytea NOT NULL CHECK (length(file_hash) = 32),
    sequence bigint,
    rows_read integer NOT NULL DEFAULT 0,
    rows_taken integer NOT NULL DEFAULT 0,
    rows_unchanged integer NOT NULL DEFAULT 0,
    rows_refused integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX import_run_publisher ON import_run (publisher, kind, started_at);
SELECT runtime.tenant_table('import_run', 'organisation', 'SELECT');

CREATE VIEW status.accepted AS SELECT type, sum(n)::bigint AS n FROM accepted_count GROUP BY type;
CREATE VIEW status.finding AS SELECT family, kind, count(*) AS n FROM finding GROUP BY family, kind;
CREATE VIEW status.publishers AS
SELECT p.slug, p.active, g.until FROM publisher AS p LEFT JOIN progress AS g ON g.publisher = p.slug;
CREATE VIEW status.feed AS SELECT name, sum(last)::bigint AS n FROM feed GROUP BY name;
