-- Hashes of what events say are HMACs under the installation's key, which no database holds; and who was erased.
SET LOCAL lock_timeout = '3s';

ALTER TABLE runtime.inbox ADD COLUMN keyed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN runtime.inbox.keyed IS 'false: a plain SHA-256 of before, which maintenance puts under the key';
-- squawk-ignore require-concurrent-index-creation -- read by maintenance until all rows are keyed; then empty
CREATE INDEX inbox_not_keyed ON runtime.inbox (identity) WHERE NOT keyed;

-- HMACs of the ids of people who were erased: whoever holds an id can tell, nobody can list the ids.
CREATE TABLE runtime.erased (
    tombstone bytea PRIMARY KEY CHECK (length(tombstone) = 32),
    erasure uuid NOT NULL,
    erased_on date NOT NULL
);
SELECT runtime.web_table('runtime.erased', 'SELECT');
