-- What the coordination agreed about a reported need, for the offices that report needs. No person.
SET LOCAL lock_timeout = '3s';

CREATE TABLE measure (
    measure uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    need text NOT NULL,
    agreed text NOT NULL CHECK (length(agreed) <= 500),
    course_id uuid,
    begins_on date NOT NULL,
    ended_on date
);
COMMENT ON COLUMN measure.version IS 'as the steering side counts it';
COMMENT ON COLUMN measure.course_id IS 'null: it concerns no single course';
CREATE INDEX measure_kreis ON measure (kreis, begins_on);

SELECT runtime.restrict_table('measure', 'SELECT, INSERT, UPDATE');
SELECT runtime.web_table('measure', 'SELECT');
