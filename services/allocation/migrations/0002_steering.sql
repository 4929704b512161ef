SET lock_timeout = '5s';

-- A region is a Kreis (with the neighbours it pools with). Open: generation > done_generation.
CREATE TABLE steering_request (
    region          text PRIMARY KEY,
    kreis           text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    generation      bigint NOT NULL CHECK (generation > 0),
    done_generation bigint NOT NULL DEFAULT 0 CHECK (done_generation >= 0),
    reasons         text[] NOT NULL,
    waiting_since   timestamptz,                -- business time of the first open request
    waiting_last    timestamptz NOT NULL,       -- business time of the latest request
    urgent_since    timestamptz,                -- business time of the first open urgent request
    urgent_last     bigint NOT NULL DEFAULT 0,  -- generation of the latest urgent request
    CHECK (done_generation <= generation),
    CHECK (generation = done_generation OR waiting_since IS NOT NULL)
);
SELECT runtime.tenant_table('steering_request', 'kreis', 'SELECT, INSERT, UPDATE');

-- One run per region: whoever holds the token, until a technical time; every write of a run checks it.
CREATE TABLE steering_lease (
    region     text PRIMARY KEY,
    kreis      text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    token      uuid NOT NULL,
    held_until timestamptz NOT NULL
);
SELECT runtime.tenant_table('steering_lease', 'kreis', 'SELECT');

-- What a run saw and what came of it, compressed; named by the SHA-256 of the uncompressed bytes.
CREATE TABLE steering_content (
    sha256  bytea PRIMARY KEY CHECK (length(sha256) = 32),
    kreis   text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    content bytea NOT NULL
);
SELECT runtime.tenant_table('steering_content', 'kreis', 'SELECT');

CREATE TABLE steering_run (
    run              uuid PRIMARY KEY,
    region           text NOT NULL,
    kreis            text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    generation       bigint NOT NULL,
    decided_at       timestamptz NOT NULL,        -- business time
    snapshot         bytea NOT NULL REFERENCES steering_content,
    result           bytea NOT NULL REFERENCES steering_content,
    rules_version    text NOT NULL,
    policy_version   text NOT NULL,
    engine_version   text NOT NULL,
    status           text NOT NULL CHECK (status IN ('optimal', 'limit')),
    people           integer NOT NULL CHECK (people >= 0),
    entries          integer NOT NULL CHECK (entries >= 0),
    pairs            integer NOT NULL CHECK (pairs >= 0),
    placed           integer NOT NULL CHECK (placed BETWEEN 0 AND people),
    proposed         integer NOT NULL CHECK (proposed >= 0),
    withdrawn        integer NOT NULL CHECK (withdrawn >= 0),
    stale            integer NOT NULL CHECK (stale >= 0),
    tiers            jsonb NOT NULL,              -- [{"name", "value", "proven"}], most important first
    timing           jsonb NOT NULL,              -- milliseconds of each stage; not part of what is replayed
    recorded_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX steering_run_by_kreis ON steering_run (kreis, decided_at DESC, recorded_at DESC);
SELECT runtime.tenant_table('steering_run', 'kreis', 'SELECT');

-- The main reason of each person of the latest run, placed or not.
CREATE TABLE main_reason (
    participant uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    run         uuid NOT NULL REFERENCES steering_run,
    placed      boolean NOT NULL,
    code        text NOT NULL,
    params      jsonb NOT NULL,
    since       timestamptz NOT NULL,             -- business time at which the reason became this one
    suitable    integer NOT NULL CHECK (suitable >= 0),
    eligible    integer NOT NULL CHECK (eligible BETWEEN 0 AND suitable)
);
CREATE INDEX main_reason_by_kreis ON main_reason (kreis, placed, code);
SELECT runtime.tenant_table('main_reason', 'kreis', 'SELECT');

CREATE VIEW status.steering_request AS
    SELECT region, kreis, waiting_since, urgent_since FROM steering_request WHERE generation > done_generation;
CREATE VIEW status.steering_run AS
    SELECT kreis, decided_at, status, people, placed, proposed, stale FROM steering_run;
