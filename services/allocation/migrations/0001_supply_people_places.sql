-- Courses with seats per section, facts about people by reference, placements, outcomes.
-- No name, birth date, attendance, result, risk or consent of a person (architecture.md, 'Two sides').
SET lock_timeout = '5s';

CREATE TABLE course (
    course uuid PRIMARY KEY,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    provider text NOT NULL,
    own_course text NOT NULL,
    own_number text,
    title text NOT NULL,
    course_type text NOT NULL,
    course_kind text NOT NULL CHECK (course_kind IN ('integration', 'vocational', 'other')),
    town text CHECK (town ~ '^[0-9]{8}$'),
    capacity integer NOT NULL CHECK (capacity BETWEEN 1 AND 1000),
    minimum integer CHECK (minimum >= 0),
    taken_elsewhere integer NOT NULL DEFAULT 0 CHECK (taken_elsewhere >= 0),
    target_level text,
    lessons jsonb NOT NULL DEFAULT '[]',
    times_of_day text[] NOT NULL DEFAULT '{}',
    venue jsonb,
    barrier_free boolean,
    online boolean NOT NULL DEFAULT false,
    childcare boolean,
    women_only boolean NOT NULL DEFAULT false,
    registration_until date,
    state text NOT NULL DEFAULT 'announced' CHECK (state IN ('announced', 'cancelled', 'completed')),
    cancel_reason text,
    ended_on date,
    version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    CHECK ((state = 'announced') = (ended_on IS NULL)),
    CHECK ((state = 'cancelled') = (cancel_reason IS NOT NULL))
);
CREATE INDEX course_by_kreis ON course (kreis, state);
CREATE INDEX course_by_provider ON course (provider);

-- `capacity` is what holds now: as announced, but never below what is taken; `taken` includes taken_elsewhere.
-- A section is removed by its provider only when nobody of ours sits in it.
CREATE TABLE course_section (
    course uuid NOT NULL REFERENCES course,
    number integer NOT NULL CHECK (number BETWEEN 1 AND 20),
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    ue integer CHECK (ue > 0),
    capacity integer NOT NULL,
    taken integer NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    completed_on date,
    PRIMARY KEY (course, number),
    CHECK (starts_on <= ends_on),
    CONSTRAINT seats_hold CHECK (0 <= taken AND taken <= capacity)
);

CREATE TABLE participant (
    participant uuid PRIMARY KEY,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    office text NOT NULL,
    reference text NOT NULL,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'left', 'completed', 'withdrawn', 'merged')),
    registered_on date NOT NULL,
    first_registered_on date NOT NULL,
    returns integer NOT NULL DEFAULT 0 CHECK (returns >= 0),
    town text NOT NULL CHECK (town ~ '^[0-9]{8}$'),
    standing text NOT NULL,
    route text NOT NULL,
    granted_on date,
    valid_until date,
    cooperation_plan boolean NOT NULL DEFAULT false,
    hours_left integer CHECK (hours_left >= 0),
    course_types text[] NOT NULL CHECK (cardinality(course_types) > 0),
    available text[] NOT NULL DEFAULT '{}',
    earliest_start date,
    needs_childcare boolean NOT NULL DEFAULT false,
    needs_women_only boolean NOT NULL DEFAULT false,
    needs_barrier_free boolean NOT NULL DEFAULT false,
    youth_until text CHECK (youth_until ~ '^[0-9]{4}-[0-9]{2}$'),
    max_travel_minutes integer CHECK (max_travel_minutes > 0),
    tested_on date,
    level text,
    section integer CHECK (section BETWEEN 1 AND 20),
    tested_type text,
    withdrawn_on date,
    withdraw_reason text,
    merged_into uuid REFERENCES participant,
    version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    CHECK ((status = 'withdrawn') = (withdrawn_on IS NOT NULL)),
    CHECK ((status = 'merged') = (merged_into IS NOT NULL)),
    CHECK ((tested_on IS NULL) = (level IS NULL)),
    CHECK (merged_into <> participant)
);
CREATE INDEX participant_by_kreis ON participant (kreis, status);
CREATE INDEX participant_merged ON participant (merged_into) WHERE merged_into IS NOT NULL;

-- Placement tests as their offices reported them: the last one that stands is what steering uses.
CREATE TABLE placement_test (
    event uuid PRIMARY KEY,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant,
    place bigint GENERATED ALWAYS AS IDENTITY,
    tested_on date NOT NULL,
    level text NOT NULL,
    section integer NOT NULL CHECK (section BETWEEN 1 AND 20),
    course_type text,
    stands boolean NOT NULL DEFAULT true
);
CREATE INDEX placement_test_by_participant ON placement_test (participant, place);

CREATE TABLE placement (
    placement uuid PRIMARY KEY,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    participant uuid NOT NULL REFERENCES participant,
    course uuid NOT NULL REFERENCES course,
    provider text NOT NULL,
    office text NOT NULL,
    course_kind text NOT NULL CHECK (course_kind IN ('integration', 'vocational', 'other')),
    entry_section integer NOT NULL,
    seats integer[] NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (state IN (
        'proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted',
        'completed', 'declined', 'expired', 'refused', 'released', 'superseded', 'course_cancelled', 'left',
        'transferred')),
    version integer NOT NULL CHECK (version >= 1),
    published boolean NOT NULL DEFAULT false,
    run uuid,
    reason jsonb NOT NULL,
    reasons jsonb NOT NULL DEFAULT '[]',
    alternatives jsonb NOT NULL DEFAULT '[]',
    proposed_at timestamptz NOT NULL,
    expires_at timestamptz,
    own_number text,
    started_on date,
    ended_on date,
    exit_kind text,
    exit_event uuid,
    changed_at timestamptz NOT NULL,
    FOREIGN KEY (course, entry_section) REFERENCES course_section,
    CONSTRAINT seated_has_a_seat CHECK (
        state NOT IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted')
        OR cardinality(seats) > 0),
    CONSTRAINT unseated_before_the_start CHECK (
        state NOT IN ('proposed', 'sent_to_authority', 'declined', 'expired', 'refused', 'superseded')
        OR cardinality(seats) = 0),
    CONSTRAINT only_reservations_expire CHECK (expires_at IS NULL OR state = 'reserved'),
    CONSTRAINT started_has_a_day CHECK (state NOT IN ('started', 'interrupted', 'completed') OR started_on IS NOT NULL)
);
-- I3: one seat per person and course kind; one open proposal per person.
CREATE UNIQUE INDEX placement_one_per_kind ON placement (participant, course_kind)
    WHERE state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted');
CREATE UNIQUE INDEX placement_one_proposal ON placement (participant)
    WHERE state IN ('proposed', 'sent_to_authority');
CREATE INDEX placement_by_participant ON placement (participant);
CREATE INDEX placement_by_course ON placement (course, state);
CREATE INDEX placement_by_kreis ON placement (kreis, state);
CREATE INDEX placement_due ON placement (expires_at) WHERE state = 'reserved' AND expires_at IS NOT NULL;
CREATE INDEX placement_to_start ON placement (course) WHERE state = 'confirmed';

CREATE TABLE placement_step (
    placement uuid NOT NULL REFERENCES placement,
    version integer NOT NULL CHECK (version >= 1),
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    note text CHECK (length(note) <= 500),
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (placement, version)
);
CREATE INDEX placement_step_by_kreis ON placement_step (kreis, decided_at);

-- How far the gateway says a publisher has spoken. No tenant in it and not for pages.
CREATE TABLE progress (
    publisher text PRIMARY KEY,
    until timestamptz NOT NULL,
    offsets jsonb NOT NULL
);

-- I11 as a constraint: what was known when a reservation expired. Its provider and its office had spoken
-- past the due time, and everything they had said by then had been read.
CREATE TABLE expiry (
    placement uuid NOT NULL REFERENCES placement,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    publisher text NOT NULL,
    partition integer NOT NULL,
    due_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    heard_to bigint NOT NULL,
    read_to bigint NOT NULL,
    PRIMARY KEY (placement, publisher, partition),
    CHECK (until > due_at),
    CHECK (read_to >= heard_to)
);

-- What the support side publishes, already suppressed; `value` NULL means suppressed, which is not zero.
CREATE TABLE published_counts (
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    week date NOT NULL,
    name text NOT NULL,
    value integer CHECK (value >= 0),
    suppressed_below integer NOT NULL CHECK (suppressed_below >= 1),
    PRIMARY KEY (kreis, week, name)
);

-- Totals of completed courses; of courses, never of persons.
CREATE TABLE outcome (
    course uuid PRIMARY KEY REFERENCES course,
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    completed_on date NOT NULL,
    started integer NOT NULL CHECK (started >= 0),
    finished integer NOT NULL CHECK (finished >= 0),
    sat integer NOT NULL CHECK (sat >= 0),
    b1 integer NOT NULL CHECK (b1 >= 0),
    a2 integer NOT NULL CHECK (a2 >= 0),
    below integer NOT NULL CHECK (below >= 0),
    lid integer NOT NULL CHECK (lid >= 0),
    qualified integer NOT NULL CHECK (qualified >= 0),
    version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    CHECK (b1 + a2 + below <= sat),
    CHECK (qualified <= least(b1, lid))
);

SELECT runtime.tenant_table('course', 'kreis', 'SELECT, UPDATE');
SELECT runtime.tenant_table('course_section', 'kreis', 'SELECT, UPDATE');
SELECT runtime.tenant_table('participant', 'kreis', 'SELECT, UPDATE');
SELECT runtime.tenant_table('placement_test', 'kreis', 'SELECT');
SELECT runtime.tenant_table('placement', 'kreis', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('placement_step', 'kreis', 'SELECT, INSERT');
SELECT runtime.tenant_table('expiry', 'kreis', 'SELECT');
SELECT runtime.tenant_table('published_counts', 'kreis', 'SELECT');
SELECT runtime.tenant_table('outcome', 'kreis', 'SELECT');
SELECT runtime.restrict_table('placement_step', 'SELECT, INSERT');
SELECT runtime.restrict_table('expiry', 'SELECT, INSERT');

-- What the status role may count.
CREATE VIEW status.placement_states AS SELECT state, count(*) AS n FROM placement GROUP BY state;
CREATE VIEW status.course_states AS SELECT state, count(*) AS n FROM course GROUP BY state;
CREATE VIEW status.participant_states AS SELECT status, count(*) AS n FROM participant GROUP BY status;
CREATE VIEW status.steps AS SELECT to_state, count(*) AS n FROM placement_step GROUP BY to_state;
CREATE VIEW status.completions AS
    SELECT count(*) AS courses, coalesce(sum(finished), 0) AS finished, coalesce(sum(qualified), 0) AS qualified
    FROM outcome;

-- I2, counted from the placements themselves, so that a lost update shows.
CREATE VIEW status.seats AS
    SELECT s.course, s.number, s.capacity, s.taken, c.taken_elsewhere + coalesce(p.n, 0) AS counted
    FROM course_section s
    JOIN course c USING (course)
    LEFT JOIN (
        SELECT course, seat AS number, count(*) AS n FROM placement, unnest(seats) AS seat GROUP BY course, seat
    ) p ON p.course = s.course AND p.number = s.number
    WHERE NOT s.removed;
CREATE VIEW status.enrolments AS
    SELECT participant, course_kind, count(*) AS n FROM placement
    WHERE state IN ('confirmed', 'started', 'interrupted')
    GROUP BY participant, course_kind;
-- Reservations whose time is known; one with a parked event of its person does not expire and is not due.
CREATE VIEW status.due_reservations AS
    SELECT p.placement, p.kreis, p.expires_at FROM placement p
    WHERE p.state = 'reserved' AND p.expires_at IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM runtime.parked k
          WHERE k.subject = p.participant::text OR k.waits_for = 'placement:' || p.placement::text);
CREATE VIEW status.due_starts AS
    SELECT p.placement, p.kreis, s.starts_on FROM placement p
    JOIN course_section s ON s.course = p.course AND s.number = p.entry_section
    WHERE p.state = 'confirmed';
-- I11: was it known that provider and office had both been heard?
CREATE VIEW status.expiries AS
    SELECT p.placement,
        (SELECT count(DISTINCT e.publisher) FROM expiry e
         WHERE e.placement = p.placement AND e.publisher IN (p.provider, p.office))
            = (CASE WHEN p.provider = p.office THEN 1 ELSE 2 END) AS heard
    FROM placement p WHERE p.state = 'expired';
