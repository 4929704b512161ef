-- Alerts, what is owed when, and making sure that they are known.
SET LOCAL lock_timeout = '3s';

-- People whose open enrolments and risks have to be looked at again; the generation says whether it was.
CREATE TABLE reconsider (
    participant_id uuid PRIMARY KEY,
    generation bigint NOT NULL DEFAULT 1
);

CREATE TABLE alert (
    alert_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('enrolment', 'risk')),
    matter uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('enrolment_notice', 'dropout_support')),
    participant_id uuid,
    course_id uuid NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    chain text[] NOT NULL,
    routing jsonb NOT NULL,
    reason jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('new', 'seen', 'accepted', 'declined', 'handed_over', 'done', 'withdrawn')),
    opening integer NOT NULL DEFAULT 1 CHECK (opening > 0),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    raised_at timestamptz NOT NULL,
    seen_at timestamptz,
    answered_at timestamptz,
    escalated_at timestamptz,
    ended_at timestamptz,
    withdrawn_for text,
    UNIQUE (matter, purpose),
    CONSTRAINT nothing_answered_escalates CHECK (escalated_at <= answered_at),
    CONSTRAINT ended_when_over CHECK ((state IN ('done', 'withdrawn')) = (ended_at IS NOT NULL)),
    CONSTRAINT open_about_somebody CHECK (participant_id IS NOT NULL OR ended_at IS NOT NULL)
);
COMMENT ON COLUMN alert.matter IS 'the placement or the risk';
COMMENT ON COLUMN alert.chain IS 'consented offices still to ask if this one declines';
COMMENT ON COLUMN alert.opening IS 'counts up when a withdrawn alert is opened again, for instance by new consent';
CREATE INDEX alert_office ON alert (office, state);
CREATE INDEX alert_person ON alert (participant_id);
CREATE INDEX alert_course ON alert (course_id) WHERE ended_at IS NULL;
CREATE INDEX alert_declined ON alert (alert_id) WHERE state = 'declined';

-- Each step of an alert, by the organisation that had it then; never by person.
CREATE TABLE alert_step (
    alert_id uuid NOT NULL REFERENCES alert,
    version integer NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (alert_id, version)
);
CREATE INDEX alert_step_organisation ON alert_step (organisation, at);

-- When an unanswered alert goes to the office's own lead.
CREATE TABLE escalation (
    alert_id uuid NOT NULL REFERENCES alert,
    opening integer NOT NULL,
    office text NOT NULL,
    organisation text NOT NULL,
    step integer NOT NULL,
    due_at timestamptz NOT NULL,
    done_at timestamptz,
    outcome text CHECK (outcome IN ('escalated', 'answered_before', 'over', 'moved_on')),
    PRIMARY KEY (alert_id, opening, office, step),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
COMMENT ON COLUMN escalation.due_at IS 'business time, in the office''s hours';
CREATE INDEX escalation_due ON escalation (due_at) WHERE done_at IS NULL;

-- One row for each (alert, recipient, channel, step); times are technical.
CREATE TABLE delivery (
    delivery_id uuid PRIMARY KEY,
    alert_id uuid NOT NULL REFERENCES alert,
    organisation text NOT NULL,
    office text NOT NULL,
    recipient text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email')),
    step text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    in_doubt integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_token uuid,
    lease_until timestamptz,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    problem text,
    UNIQUE (alert_id, recipient, channel, step),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);
COMMENT ON COLUMN delivery.recipient IS 'office:<slug> or lead:<slug>; the address is looked up when sending';
COMMENT ON COLUMN delivery.created_at IS 'business time';
CREATE INDEX delivery_pending ON delivery (next_at) WHERE state = 'pending';

CREATE TABLE delivery_attempt (
    delivery_id uuid NOT NULL REFERENCES delivery,
    attempt integer NOT NULL,
    token uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('sent', 'retry', 'refused', 'in_doubt')),
    code integer,
    PRIMARY KEY (delivery_id, attempt),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);

-- Counts that were told to the steering side: what was said stays said.
CREATE TABLE counts_published (
    kreis text NOT NULL,
    week date NOT NULL,
    counts jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (kreis, week)
);

SELECT runtime.tenant_table('alert', 'organisation', 'SELECT, UPDATE');
SELECT runtime.tenant_table('alert_step', 'organisation', 'SELECT, INSERT');
SELECT runtime.tenant_table('escalation', 'organisation', 'SELECT');
SELECT runtime.tenant_table('delivery', 'organisation', 'SELECT');
SELECT runtime.web_table('reconsider', 'SELECT, INSERT, UPDATE');

-- What the status role may count.
CREATE VIEW status.alert AS SELECT kind, purpose, state, count(*) AS n FROM alert GROUP BY kind, purpose, state;
CREATE VIEW status.delivery AS
SELECT channel, state, count(*) AS n, coalesce(sum(in_doubt), 0)::bigint AS in_doubt,
    count(*) FILTER (WHERE state = 'pending' AND next_at <= clock_timestamp()) AS due
FROM delivery GROUP BY channel, state;
CREATE VIEW status.risk AS SELECT rule, state, count(*) AS n FROM risk GROUP BY rule, state;
CREATE VIEW status.consent AS
SELECT purpose, ended_at IS NOT NULL AS ended, valid_until, count(*) AS n
FROM consent GROUP BY purpose, ended_at IS NOT NULL, valid_until;
CREATE VIEW status.people AS
SELECT (SELECT count(*) FROM person) AS kept, (SELECT count(*) FROM participant_fact) AS registered,
    (SELECT count(*) FROM attendance) AS marks, (SELECT count(*) FROM course_day) AS course_days;
CREATE VIEW status.waiting AS
SELECT (SELECT count(*) FROM (SELECT DISTINCT course_id FROM course_day WHERE NOT assessed) AS c) AS courses,
    (SELECT count(*) FROM reconsider) AS people,
    (SELECT count(*) FROM alert WHERE state = 'declined' AND chain <> '{}') AS declined,
    (SELECT count(*) FROM registration WHERE state = 'pending' AND next_at <= clock_timestamp()) AS registrations;
CREATE VIEW status.escalation AS SELECT due_at, alert_id, opening, step FROM escalation WHERE done_at IS NULL;
CREATE VIEW status.response AS
SELECT organisation, to_state, at FROM alert_step;

-- I4: an open enrolment or risk under valid consent for an office of the directory has its alert...
CREATE VIEW status.without_alert AS
SELECT m.matter, m.purpose, c.valid_until
FROM (
    SELECT p.placement_id AS matter, 'enrolment_notice' AS purpose, p.participant_id
    FROM placement AS p WHERE p.state IN ('confirmed', 'started')
    UNION ALL
    SELECT r.risk_id, 'dropout_support', r.participant_id FROM risk AS r WHERE r.state = 'open'
) AS m
INNER JOIN consent AS c ON c.participant_id = m.participant_id AND c.purpose = m.purpose AND c.ended_at IS NULL
INNER JOIN office AS o ON o.slug = c.office AND o.active
WHERE NOT EXISTS (SELECT FROM reconsider AS q WHERE q.participant_id = m.participant_id)
    AND NOT EXISTS (
        SELECT FROM alert AS a WHERE a.matter = m.matter AND a.purpose = m.purpose
            AND (a.ended_at IS NULL OR a.state = 'done' OR a.withdrawn_for <> 'consent_ended'));
-- ... and each alert that was opened has its delivery row.
CREATE VIEW status.without_delivery AS
SELECT a.alert_id FROM alert AS a
WHERE NOT EXISTS (SELECT FROM delivery AS d WHERE d.alert_id = a.alert_id);
-- I5: a mail that was sent has exactly one attempt that succeeded, none has two.
CREATE VIEW status.attempts_wrong AS
SELECT d.delivery_id FROM delivery AS d
LEFT JOIN delivery_attempt AS t ON t.delivery_id = d.delivery_id AND t.outcome = 'sent'
GROUP BY d.delivery_id, d.state
HAVING count(t.attempt) <> (CASE WHEN d.state = 'sent' THEN 1 ELSE 0 END);
-- I9: nothing answered escalates later.
CREATE VIEW status.escalated_after_answer AS
SELECT a.alert_id FROM alert AS a WHERE a.escalated_at > a.answered_at;
