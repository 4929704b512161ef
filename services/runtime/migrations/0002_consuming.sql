-- Reading: whom to believe, how far was read, what was seen, what waits, what was refused.
SET LOCAL lock_timeout = '3s';

CREATE TABLE runtime.publisher (
    slug text PRIMARY KEY,
    name text NOT NULL,
    kinds text[] NOT NULL,
    organisation text NOT NULL,
    authority boolean NOT NULL,
    kreise text[] NOT NULL,
    event_types text[] NOT NULL,
    supplier_ids text[] NOT NULL,
    active boolean NOT NULL,
    version integer NOT NULL CHECK (version > 0)
);
SELECT runtime.web_table('runtime.publisher', 'SELECT');

CREATE TABLE runtime.stored_offset (
    cluster text NOT NULL,
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    refused_in_row integer NOT NULL DEFAULT 0 CHECK (refused_in_row >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster, consumer_group, topic, partition)
) WITH (fillfactor = 50);

CREATE FUNCTION runtime.forward_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('kurslotse.offset_reset', true) IS DISTINCT FROM 'by an operator' THEN
        RAISE EXCEPTION 'a stored offset never goes back (% to %)', OLD.next_offset, NEW.next_offset
            USING ERRCODE = 'KL001';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER forward_only BEFORE UPDATE ON runtime.stored_offset
FOR EACH ROW WHEN (NEW.next_offset < OLD.next_offset) EXECUTE FUNCTION runtime.forward_only();

-- A partition that is not read until a person says so.
CREATE TABLE runtime.paused (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    why text NOT NULL CHECK (why IN ('refused_in_row', 'out_of_range')),
    detail jsonb NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
);

-- Every valid event seen, by identity. 'parked' and 'refused' have their row in the table of that name.
CREATE TABLE runtime.inbox (
    identity uuid NOT NULL,
    reader text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    state text NOT NULL DEFAULT 'applied' CHECK (state IN ('applied', 'parked', 'refused', 'skipped')),
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (identity, reader)
);
CREATE INDEX inbox_seen_at ON runtime.inbox USING brin (seen_at);
CREATE INDEX inbox_not_applied ON runtime.inbox (identity) WHERE state <> 'applied';

CREATE TABLE runtime.parked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reader text NOT NULL,
    cluster text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    publisher text,
    identity uuid NOT NULL,
    subject text NOT NULL,
    waits_for text NOT NULL,
    attributes jsonb NOT NULL,
    data bytea NOT NULL,
    code text NOT NULL,
    field text,
    params jsonb NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (reader, cluster, topic, partition, "offset"),
    UNIQUE (identity, reader)
);
CREATE INDEX parked_waits_for ON runtime.parked (waits_for);
CREATE INDEX parked_subject ON runtime.parked (reader, topic, subject);
CREATE INDEX parked_at ON runtime.parked (parked_at);

-- Where a refused record lies and why; never its values. `identity` is null if it could not be read.
CREATE TABLE runtime.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reader text NOT NULL,
    cluster text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    publisher text,
    identity uuid,
    event_id text,
    event_type text,
    code text NOT NULL,
    field text,
    params jsonb NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    replay_requested_at timestamptz,
    replayed_at timestamptz,
    replay_result text,
    UNIQUE (reader, cluster, topic, partition, "offset")
);
CREATE INDEX quarantine_replay ON runtime.quarantine (id) WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL;

CREATE TABLE runtime.event_count (
    reader text NOT NULL,
    type text NOT NULL,
    outcome text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (reader, type, outcome)
) WITH (fillfactor = 50);
