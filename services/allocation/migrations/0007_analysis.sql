-- Questions to the engine that change nothing: what if, which course next, pooling and others; and what
-- was merged, so that later suggestions stay even-handed.
SET lock_timeout = '5s';

-- Whoever holds the token works on it until a technical time; every later write of that work checks it.
CREATE TABLE analysis_task (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    kind        text NOT NULL CHECK (kind ~ '^[a-z_]{3,40}$'),
    question    jsonb NOT NULL,
    asked_by    text NOT NULL,
    asked_at    timestamptz NOT NULL,                     -- business time
    place       bigint GENERATED ALWAYS AS IDENTITY,      -- order of arrival
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts    integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    token       uuid,
    held_until  timestamptz,                              -- technical time
    snapshot    bytea CHECK (length(snapshot) = 32),      -- SHA-256 of the picture it was answered from
    result      jsonb,
    failed_code text,
    finished_at timestamptz,                              -- business time
    CHECK ((state = 'running') = (token IS NOT NULL AND held_until IS NOT NULL)),
    CHECK (state <> 'done' OR result IS NOT NULL),
    CHECK (result IS NULL OR state IN ('done', 'failed')),
    CHECK ((state = 'failed') = (failed_code IS NOT NULL)),
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX analysis_task_open ON analysis_task (place) WHERE state IN ('waiting', 'running');
CREATE INDEX analysis_task_by_kind ON analysis_task (kreis, kind, place DESC);

-- Weak courses that a coordinator merged into one: who hosts, who gave up. Never changed.
CREATE TABLE pooling_decision (
    id             uuid PRIMARY KEY,
    kreis          text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    host           uuid NOT NULL REFERENCES course,
    host_provider  text NOT NULL,
    closed         uuid[] NOT NULL CHECK (cardinality(closed) > 0),
    gave_up        text[] NOT NULL CHECK (cardinality(gave_up) = cardinality(closed)),
    reason         text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor          text NOT NULL,
    decided_at     timestamptz NOT NULL                   -- business time
);
CREATE INDEX pooling_decision_by_kreis ON pooling_decision (kreis, decided_at);

-- A page asks and reads; what becomes of a question is the worker's.
SELECT runtime.tenant_table('analysis_task', 'kreis', 'SELECT');
SELECT runtime.tenant_table('pooling_decision', 'kreis', 'SELECT, INSERT');
SELECT runtime.restrict_table('pooling_decision', 'SELECT');

DO $$
BEGIN
    EXECUTE format('GRANT INSERT (id, kreis, kind, question, asked_by, asked_at) ON analysis_task TO %I',
        runtime.role_name('web'));
END $$;
