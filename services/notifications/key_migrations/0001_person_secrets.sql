-- One secret for each person of whom something is sealed elsewhere. No id and nothing about the person.
SET LOCAL lock_timeout = '3s';

CREATE TABLE person_secret (
    person bytea PRIMARY KEY CHECK (length(person) = 32),
    kek text NOT NULL,
    wrapped bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN person_secret.person IS 'HMAC of the participant id under the installation''s key';
COMMENT ON COLUMN person_secret.kek IS 'id of the key-encryption key that wraps it';
CREATE INDEX person_secret_kek ON person_secret (kek);
