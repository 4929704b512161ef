-- What was done about people whose entitlement has expired: the office was asked to extend it, or they left the list.
SET LOCAL lock_timeout = '3s';

CREATE TABLE entitlement_followup (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('extension_asked', 'closed')),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor       text NOT NULL CHECK (actor <> ''),
    noted_on    date NOT NULL,
    decided_at  timestamptz NOT NULL
);
COMMENT ON COLUMN entitlement_followup.noted_on IS 'the day of decided_at in Germany';
CREATE INDEX entitlement_followup_by_participant ON entitlement_followup (participant, decided_at);
CREATE INDEX entitlement_followup_by_kreis ON entitlement_followup (kreis);
SELECT runtime.tenant_table('entitlement_followup', 'kreis', 'SELECT, INSERT');
SELECT runtime.restrict_table('entitlement_followup', 'SELECT, INSERT');
