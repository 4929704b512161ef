-- How many people an outside source counts in a town or a group: what reach is measured against.
SET LOCAL lock_timeout = '3s';

CREATE TABLE outside_count (
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 120),
    day date NOT NULL,
    population text NOT NULL CHECK (population ~ '^(registered|obliged|young|literacy|childcare_needed|town_[0-9]{8})$'),
    people integer NOT NULL CHECK (people BETWEEN 0 AND 100000000),
    imported_by text NOT NULL CHECK (imported_by <> ''),
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (kreis, source, day, population)
);
COMMENT ON COLUMN outside_count.source IS 'who counted, as the importing person named it';
COMMENT ON COLUMN outside_count.day IS 'the day for which the source counted';
COMMENT ON COLUMN outside_count.population IS 'the part of the published figure that it is the whole of';

SELECT runtime.tenant_table('outside_count', 'kreis', 'SELECT, INSERT, DELETE');
SELECT runtime.restrict_table('outside_count', 'SELECT, INSERT, DELETE');
