-- What was agreed so that a reported need is met: by whom, from when on; its effect is followed in published figures.
SET LOCAL lock_timeout = '3s';

CREATE TABLE measure (
    measure uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    need text NOT NULL CHECK (need IN ('childcare', 'bus', 'evening_course', 'other_level', 'other')),
    agreed text NOT NULL CHECK (length(agreed) BETWEEN 10 AND 500),
    begins_on date NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    ended_on date,
    ended_by text,
    CHECK ((ended_on IS NULL) = (ended_by IS NULL))
);
COMMENT ON COLUMN measure.agreed IS 'what was agreed and with whom; no person';
COMMENT ON COLUMN measure.decided_at IS 'business time';
CREATE INDEX measure_kreis ON measure (kreis, begins_on);

SELECT runtime.tenant_table('measure', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('measure', 'SELECT, INSERT, UPDATE');
