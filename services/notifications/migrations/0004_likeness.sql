-- A keyed fingerprint of family name and birth date: says that two records of an organisation may be one
-- person, and tells neither name nor date. Merging stays a person's decision.
SET LOCAL lock_timeout = '3s';

ALTER TABLE person ADD COLUMN likeness bytea CHECK (length(likeness) = 16);
COMMENT ON COLUMN person.likeness IS 'null: name or birth date unknown; comparable inside one organisation only';
CREATE INDEX person_likeness ON person (organisation, likeness) WHERE likeness IS NOT NULL;
