-- Sending: rows of committed transactions, in the columns Debezium's outbox router expects, until the broker has them.
SET LOCAL lock_timeout = '3s';

CREATE TABLE runtime.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    unsendable text
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
COMMENT ON COLUMN runtime.outbox.aggregatetype IS 'full name of the topic';
COMMENT ON COLUMN runtime.outbox.aggregateid IS 'key of the record';
COMMENT ON COLUMN runtime.outbox.unsendable IS 'why this row can never be sent; it blocks nobody';
CREATE INDEX outbox_unsendable ON runtime.outbox (position) WHERE unsendable IS NOT NULL;
SELECT runtime.web_table('runtime.outbox', 'SELECT, INSERT');

-- One wake-up a statement; PostgreSQL sends equal ones of a transaction once.
CREATE FUNCTION runtime.wake_relay() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kurslotse_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER wake_relay AFTER INSERT ON runtime.outbox FOR EACH STATEMENT EXECUTE FUNCTION runtime.wake_relay();
