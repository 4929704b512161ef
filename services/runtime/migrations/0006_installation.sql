-- Which installation this database belongs to: every process compares it with what Kafka says.
-- `kurslotse db apply` says it in two settings, so that no moment knows the table without its row.
SET LOCAL lock_timeout = '3s';

CREATE TABLE runtime.installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('real', 'demo')),
    made_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO runtime.installation (id, kind)
SELECT id::uuid, current_setting('kurslotse.installation_kind')
FROM current_setting('kurslotse.installation_id', true) AS id WHERE id <> '';
SELECT runtime.restrict_table('runtime.installation', 'SELECT');
SELECT runtime.web_table('runtime.installation', 'SELECT');
CREATE VIEW status.installation AS SELECT id, kind, made_at FROM runtime.installation;
SELECT runtime.restrict_table('status.installation', 'SELECT');

CREATE FUNCTION runtime.installation_stays() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an installation keeps its id and kind';
END $$;
CREATE TRIGGER installation_stays BEFORE UPDATE OR DELETE ON runtime.installation
FOR EACH ROW EXECUTE FUNCTION runtime.installation_stays();
