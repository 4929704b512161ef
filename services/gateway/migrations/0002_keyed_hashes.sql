-- Hashes of what was accepted and imported are HMACs under the installation's key, which no database holds.
SET LOCAL lock_timeout = '3s';

ALTER TABLE accepted ADD COLUMN keyed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN accepted.keyed IS 'false: a plain SHA-256 of before, which upkeep puts under the key';
-- squawk-ignore require-concurrent-index-creation -- read by upkeep until all rows are keyed; then empty
CREATE INDEX accepted_not_keyed ON accepted (event_id) WHERE NOT keyed;

ALTER TABLE imported ADD COLUMN keyed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN imported.keyed IS 'rows about people; false: a plain SHA-256 of before. Courses are public';
ALTER TABLE import_run ADD COLUMN keyed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN import_run.keyed IS 'files about people; false: a plain SHA-256 of before';
