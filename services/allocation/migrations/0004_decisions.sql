-- What coordinators decide about steering itself: hold, exclude, deviate from the test, start or close a course.
-- Each row is somebody's decision with a reason; it is never changed, only taken back once, by whom and when.
SET lock_timeout = '5s';

-- Not steered: until `until`, the first day on which the person is steered again; NULL: until it is lifted.
CREATE TABLE steering_hold (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant,
    until       date,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor       text NOT NULL,
    decided_at  timestamptz NOT NULL,
    lifted_at   timestamptz,
    lifted_by   text,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK (lifted_at >= decided_at)
);
CREATE UNIQUE INDEX steering_hold_one_open ON steering_hold (participant) WHERE lifted_at IS NULL;
CREATE INDEX steering_hold_by_participant ON steering_hold (participant, decided_at);
CREATE INDEX steering_hold_by_kreis ON steering_hold (kreis) WHERE lifted_at IS NULL;

-- Never this person in this course, or with this provider; an authority's assignment goes before it.
CREATE TABLE steering_exclusion (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant,
    course      uuid REFERENCES course,
    provider    text,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor       text NOT NULL,
    decided_at  timestamptz NOT NULL,
    lifted_at   timestamptz,
    lifted_by   text,
    CHECK (num_nonnulls(course, provider) = 1),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK (lifted_at >= decided_at)
);
CREATE UNIQUE INDEX steering_exclusion_one_open ON steering_exclusion (participant, course, provider)
    NULLS NOT DISTINCT WHERE lifted_at IS NULL;
CREATE INDEX steering_exclusion_by_participant ON steering_exclusion (participant, decided_at);
CREATE INDEX steering_exclusion_by_kreis ON steering_exclusion (kreis) WHERE lifted_at IS NULL;

-- Against the placement test only with a recorded reason (IntV § 11(2)): what counts instead of the test.
CREATE TABLE level_deviation (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant,
    section     integer CHECK (section BETWEEN 1 AND 20),
    level       text,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor       text NOT NULL,
    decided_at  timestamptz NOT NULL,
    lifted_at   timestamptz,
    lifted_by   text,
    CHECK (num_nonnulls(section, level) > 0),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK (lifted_at >= decided_at)
);
CREATE UNIQUE INDEX level_deviation_one_open ON level_deviation (participant) WHERE lifted_at IS NULL;
CREATE INDEX level_deviation_by_participant ON level_deviation (participant, decided_at);
CREATE INDEX level_deviation_by_kreis ON level_deviation (kreis) WHERE lifted_at IS NULL;

-- start: also below its minimum. close: it does not start, nobody is proposed or placed there any more.
CREATE TABLE course_decision (
    id          uuid PRIMARY KEY,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    course      uuid NOT NULL REFERENCES course,
    decision    text NOT NULL CHECK (decision IN ('start', 'close')),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    actor       text NOT NULL,
    decided_at  timestamptz NOT NULL,
    lifted_at   timestamptz,
    lifted_by   text,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK (lifted_at >= decided_at)
);
CREATE UNIQUE INDEX course_decision_one_open ON course_decision (course) WHERE lifted_at IS NULL;
CREATE INDEX course_decision_by_course ON course_decision (course, decided_at);
CREATE INDEX course_decision_by_kreis ON course_decision (kreis) WHERE lifted_at IS NULL;

-- Which proposals stood in a list for BAMF: what was exported when and by whom.
CREATE TABLE authority_export (
    export      uuid NOT NULL,
    placement   uuid NOT NULL REFERENCES placement,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    format      text NOT NULL CHECK (format IN ('csv', 'xlsx')),
    actor       text NOT NULL,
    exported_at timestamptz NOT NULL,
    PRIMARY KEY (export, placement)
);
CREATE INDEX authority_export_by_placement ON authority_export (placement, exported_at);
CREATE INDEX authority_export_by_kreis ON authority_export (kreis, exported_at);

-- Where expiring is not automatic: a coordinator let this reservation end. The timer does it, once I11 holds.
CREATE TABLE expiry_order (
    placement   uuid PRIMARY KEY REFERENCES placement,
    kreis       text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    actor       text NOT NULL,
    ordered_at  timestamptz NOT NULL
);
CREATE INDEX expiry_order_by_kreis ON expiry_order (kreis);

-- A decision says what was decided; the only thing that may be added, and once, is that it was taken back.
CREATE FUNCTION only_lifted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL
       OR to_jsonb(NEW) - 'lifted_at' - 'lifted_by' <> to_jsonb(OLD) - 'lifted_at' - 'lifted_by' THEN
        RAISE EXCEPTION 'a decision is never changed, only lifted once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_lifted BEFORE UPDATE ON steering_hold FOR EACH ROW EXECUTE FUNCTION only_lifted();
CREATE TRIGGER only_lifted BEFORE UPDATE ON steering_exclusion FOR EACH ROW EXECUTE FUNCTION only_lifted();
CREATE TRIGGER only_lifted BEFORE UPDATE ON level_deviation FOR EACH ROW EXECUTE FUNCTION only_lifted();
CREATE TRIGGER only_lifted BEFORE UPDATE ON course_decision FOR EACH ROW EXECUTE FUNCTION only_lifted();

SELECT runtime.tenant_table('steering_hold', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('steering_exclusion', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('level_deviation', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('course_decision', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('authority_export', 'kreis', 'SELECT, INSERT');
SELECT runtime.tenant_table('expiry_order', 'kreis', 'SELECT, INSERT');
SELECT runtime.restrict_table('steering_hold', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('steering_exclusion', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('level_deviation', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('course_decision', 'SELECT, INSERT, UPDATE');
SELECT runtime.restrict_table('authority_export', 'SELECT, INSERT');
SELECT runtime.restrict_table('expiry_order', 'SELECT, INSERT');

-- Holds that end by themselves, to be lifted from that day on.
CREATE VIEW status.due_holds AS
    SELECT id, kreis, until FROM steering_hold WHERE lifted_at IS NULL AND until IS NOT NULL;
