-- The certificate of priority of each run, and what would help each person who got no place.
SET lock_timeout = '5s';

-- Named and kept like snapshot and result; runs before this migration have none.
-- squawk-ignore adding-foreign-key-constraint -- the column is new, so that nothing is scanned
ALTER TABLE steering_run ADD COLUMN certificate bytea REFERENCES steering_content;

-- For each person without a place after the latest run: the cheapest change that was verified by solving
-- the changed snapshot again; `code` 'none': nothing that was tried helps.
CREATE TABLE remedy (
    participant uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    run         uuid NOT NULL REFERENCES steering_run,
    code        text NOT NULL CHECK (code ~ '^[a-z_]{3,60}$'),
    params      jsonb NOT NULL,                  -- numbers of the sentence: minutes, seats, days
    changes     jsonb NOT NULL,                  -- what was changed in the snapshot, field by field
    course      uuid,                            -- where the person would then sit
    section     integer,
    town        text,                            -- of the course
    gives_way   uuid,                            -- who would lose a proposed place by it
    found_at    timestamptz NOT NULL,            -- business time
    CHECK ((code = 'none') = (course IS NULL)),
    CHECK ((course IS NULL) = (section IS NULL))
);
CREATE INDEX remedy_by_kreis ON remedy (kreis, code);
CREATE INDEX remedy_by_run ON remedy (run);
SELECT runtime.tenant_table('remedy', 'kreis', 'SELECT');

-- The same summed: how many wait for it, how many of them would sit if it came about for all at once.
CREATE TABLE remedy_sum (
    kreis    text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    run      uuid NOT NULL REFERENCES steering_run,
    code     text NOT NULL,
    people   integer NOT NULL CHECK (people > 0),
    together integer NOT NULL CHECK (together BETWEEN 0 AND people),
    PRIMARY KEY (kreis, code)
);
SELECT runtime.tenant_table('remedy_sum', 'kreis', 'SELECT');
