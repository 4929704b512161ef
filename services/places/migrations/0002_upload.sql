-- A directory of towns comes by page, too: the service's worker writes it, people see it before it is taken.
SET LOCAL lock_timeout = '3s';

CREATE TABLE places.upload (
    upload uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    content bytea NOT NULL,
    kreise text[] NOT NULL,
    as_of date,
    sent_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE places.upload IS 'files that were shown and not taken yet; forgotten after a day';
COMMENT ON COLUMN places.upload.content IS 'compressed; a public file without anything about a person';
COMMENT ON COLUMN places.upload.kreise IS 'Kreise of the organisation that sent it: only it may take it';
COMMENT ON COLUMN places.upload.as_of IS 'the day for which it tells the towns, if that was entered';
CREATE INDEX upload_sent_at ON places.upload (sent_at);

SELECT runtime.restrict_table('places.upload', 'SELECT, INSERT, DELETE');
SELECT runtime.restrict_table('places.edition', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('places.town', 'SELECT, INSERT, UPDATE');
