-- What holds of a consent follows from what was said about it, in whatever order it is read (ADR 0048).
SET LOCAL lock_timeout = '3s';

ALTER TABLE consent_step ADD COLUMN registrar text;
ALTER TABLE consent_step ADD COLUMN registrar_organisation text;
ALTER TABLE consent_step ADD COLUMN registrar_authority boolean;
ALTER TABLE consent_step ADD COLUMN valid_until date;
ALTER TABLE consent_step ADD COLUMN form text;
-- squawk-ignore adding-field-with-default -- some rows a person; the order of those of one event is told by it
ALTER TABLE consent_step ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
COMMENT ON COLUMN consent_step.registrar IS 'of a grant, like the columns after it: which office stands for it';
COMMENT ON COLUMN consent_step.valid_until IS 'NULL in grants read before there was this column and replaced since';
COMMENT ON COLUMN consent_step.position IS 'the order of reading';
COMMENT ON COLUMN consent_step.office IS 'empty: for every office; only of what was taken back';
COMMENT ON COLUMN consent_step.purpose IS 'empty: for every purpose; only of what was taken back';

UPDATE consent_step AS s SET registrar = c.registrar, registrar_organisation = c.registrar_organisation,
    registrar_authority = c.registrar_authority, valid_until = c.valid_until, form = c.form
FROM consent AS c
WHERE c.participant_id = s.participant_id AND c.office = s.office AND c.purpose = s.purpose
    AND s.step = 'granted' AND s.said_on = c.given_on AND coalesce(c.cause, s.cause) = s.cause;

-- squawk-ignore ban-drop-constraint -- the one below takes its place in the same transaction
ALTER TABLE consent_step DROP CONSTRAINT consent_step_step_check;
-- squawk-ignore constraint-missing-not-valid -- some rows a person
ALTER TABLE consent_step ADD CONSTRAINT consent_step_step_check
CHECK (step IN ('granted', 'revoked', 'retracted', 'lapsed'));
COMMENT ON COLUMN consent_step.step IS 'revoked by the person; retracted by who had entered the grant of this cause';

-- squawk-ignore ban-drop-constraint -- the one below takes its place in the same transaction
ALTER TABLE consent_step DROP CONSTRAINT consent_step_pkey;
-- squawk-ignore constraint-missing-not-valid, adding-serial-primary-key-field -- some rows a person
ALTER TABLE consent_step ADD PRIMARY KEY (cause, participant_id, office, purpose, step);
