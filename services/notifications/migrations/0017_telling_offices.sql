-- How offices want to be told: held mails, digests, reminders, silences, webhooks, bounces, and what was sent again.
SET LOCAL lock_timeout = '3s';

CREATE TABLE office_telling (
    office text PRIMARY KEY,
    organisation text NOT NULL,
    enrolments text NOT NULL CHECK (enrolments IN ('at_once', 'daily')),
    digest_at time NOT NULL,
    hold text NOT NULL CHECK (hold IN ('never', 'office_hours', 'quiet_hours')),
    quiet_from time NOT NULL,
    quiet_to time NOT NULL,
    repeat_hours integer CHECK (repeat_hours BETWEEN 1 AND 400),
    by_mail boolean NOT NULL,
    head_mail text,
    last_mail text,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    CHECK (hold <> 'quiet_hours' OR quiet_from <> quiet_to)
);
COMMENT ON COLUMN office_telling.digest_at IS 'local time at which enrolments go out together';
COMMENT ON COLUMN office_telling.repeat_hours IS 'every so many office hours until somebody looks; null: never';
COMMENT ON COLUMN office_telling.head_mail IS 'hears after the lead; within the organisation';
COMMENT ON COLUMN office_telling.last_mail IS 'hears when nobody else could be reached; within the organisation';

CREATE TABLE telling_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office text NOT NULL,
    organisation text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    changed jsonb NOT NULL
);
COMMENT ON COLUMN telling_change.changed_at IS 'business time';
COMMENT ON COLUMN telling_change.changed IS 'what was changed; of mailboxes only that they were';

CREATE TABLE silence (
    silence_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation text NOT NULL,
    office text NOT NULL,
    about text NOT NULL CHECK (about IN ('everything', 'enrolment', 'risk')),
    author text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '31 days')
);
COMMENT ON TABLE silence IS 'holds mails to the office''s own mailbox until it ends; its lead still hears';
CREATE INDEX silence_office ON silence (office, ends_at);

CREATE TABLE reminder (
    alert_id uuid NOT NULL REFERENCES alert,
    opening integer NOT NULL,
    office text NOT NULL,
    organisation text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('repeat', 'snooze')),
    step integer NOT NULL,
    due_at timestamptz NOT NULL,
    done_at timestamptz,
    outcome text CHECK (outcome IN ('reminded', 'answered_before', 'over', 'moved_on')),
    PRIMARY KEY (alert_id, opening, office, kind, step),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
COMMENT ON COLUMN reminder.due_at IS 'business time';
CREATE INDEX reminder_due ON reminder (due_at) WHERE done_at IS NULL;

ALTER TABLE alert ADD COLUMN snoozed_until timestamptz;
ALTER TABLE alert ADD COLUMN snoozed_by text;
COMMENT ON COLUMN alert.snoozed_until IS 'business time; until then it does not escalate';

CREATE TABLE webhook_endpoint (
    endpoint_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    office text NOT NULL,
    organisation text NOT NULL,
    url text NOT NULL CHECK (url LIKE 'https://%' AND length(url) <= 500),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    disabled_for text CHECK (disabled_for IN ('by_hand', 'gone', 'failing')),
    created_at timestamptz NOT NULL,
    failed integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    failing_since timestamptz,
    open_until timestamptz,
    CHECK ((state = 'disabled') = (disabled_for IS NOT NULL))
);
COMMENT ON COLUMN webhook_endpoint.created_at IS 'business time';
COMMENT ON COLUMN webhook_endpoint.failed IS 'attempts in a row that failed';
COMMENT ON COLUMN webhook_endpoint.open_until IS 'technical time until which the circuit breaker leaves it alone';
CREATE INDEX webhook_endpoint_office ON webhook_endpoint (office);

CREATE TABLE webhook_secret (
    secret_id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint,
    organisation text NOT NULL,
    kek text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz
);
COMMENT ON COLUMN webhook_secret.sealed IS 'bound to secret_id, by a key that is in no database';
COMMENT ON COLUMN webhook_secret.until IS 'technical time until which a replaced secret still signs; null: the current one';
CREATE UNIQUE INDEX webhook_secret_current ON webhook_secret (endpoint_id) WHERE until IS NULL;
CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id);

CREATE TABLE suppression (
    office text NOT NULL,
    role text NOT NULL CHECK (role IN ('office', 'lead', 'head', 'last')),
    address text NOT NULL,
    organisation text NOT NULL,
    since timestamptz NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (office, role, address)
);
COMMENT ON TABLE suppression IS 'mailboxes of offices that came back as not existing; no mail goes there';
COMMENT ON COLUMN suppression.status IS 'enhanced status code (RFC 3463) of the bounce';

CREATE TABLE bounce_position (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation bigint NOT NULL,
    last bigint NOT NULL
);
COMMENT ON TABLE bounce_position IS 'one row: how far the mailbox of the sender was read';

CREATE TABLE delivery_resend (
    delivery_id uuid NOT NULL REFERENCES delivery,
    resent_at timestamptz NOT NULL,
    organisation text NOT NULL,
    office text NOT NULL,
    resent_by text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    PRIMARY KEY (delivery_id, resent_at)
);
COMMENT ON COLUMN delivery_resend.resent_at IS 'business time';

ALTER TABLE delivery ADD COLUMN release_at timestamptz;
ALTER TABLE delivery ADD COLUMN held_for text;
ALTER TABLE delivery ADD COLUMN carried_by uuid;
COMMENT ON COLUMN delivery.release_at IS 'business time at which it is looked whether a held mail may go out';
COMMENT ON COLUMN delivery.held_for IS 'why it is held';
COMMENT ON COLUMN delivery.carried_by IS 'the delivery whose mail tells of this one, too';
ALTER TABLE delivery ADD CONSTRAINT delivery_carried_by FOREIGN KEY (carried_by) REFERENCES delivery NOT VALID;
ALTER TABLE delivery ADD CONSTRAINT held_until CHECK (state <> 'held' OR release_at IS NOT NULL) NOT VALID;
ALTER TABLE delivery ADD CONSTRAINT carried_by_another CHECK (
    (state <> 'carried' OR carried_by IS NOT NULL) AND carried_by <> delivery_id) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE delivery DROP CONSTRAINT delivery_state_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_state_check CHECK (
    state IN ('held', 'carried', 'pending', 'sent', 'failed', 'bounced', 'cancelled')) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE delivery DROP CONSTRAINT delivery_channel_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_channel_check CHECK (channel IN ('email', 'webhook')) NOT VALID;
CREATE INDEX delivery_held ON delivery (release_at) WHERE state = 'held';
CREATE INDEX delivery_carried ON delivery (carried_by) WHERE carried_by IS NOT NULL;
CREATE INDEX delivery_office ON delivery (office, created_at);
CREATE TRIGGER wake_again AFTER UPDATE OF state, next_at ON delivery
FOR EACH ROW WHEN (new.state = 'pending' AND new.next_at <= clock_timestamp() AND new.lease_token IS NULL)
EXECUTE FUNCTION wake_workers();

SELECT runtime.tenant_table('office_telling', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('telling_change', 'organisation', 'SELECT, INSERT');
SELECT runtime.restrict_table('telling_change', 'SELECT, INSERT, DELETE');
SELECT runtime.tenant_table('silence', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('reminder', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('webhook_endpoint', 'organisation', 'SELECT, INSERT, UPDATE');
SELECT runtime.tenant_table('webhook_secret', 'organisation', 'INSERT, UPDATE');
SELECT runtime.tenant_table('suppression', 'organisation', 'SELECT, DELETE');
SELECT runtime.tenant_table('delivery_resend', 'organisation', 'SELECT, INSERT');

DO $$
DECLARE
    web text := runtime.role_name('web');
    own text := 'organisation = visitor_organisation() AND may_keep_offices()';
    tab text;
BEGIN
    -- An organisation keeps the settings of all its offices, as it keeps their entries in the directory.
    FOREACH tab IN ARRAY ARRAY['office_telling', 'telling_change', 'webhook_endpoint', 'webhook_secret',
        'suppression'] LOOP
        EXECUTE format('ALTER POLICY own_tenant ON %I USING (%s) WITH CHECK (%s)', tab, own, own);
    END LOOP;
    own := 'organisation = visitor_organisation() AND office = ANY (visitor_offices())';
    FOREACH tab IN ARRAY ARRAY['silence', 'reminder', 'delivery_resend'] LOOP
        EXECUTE format('ALTER POLICY own_tenant ON %I USING (%s) WITH CHECK (%s)', tab, own, own);
    END LOOP;
    -- A secret is written and shown once, and never read again by a page.
    EXECUTE format('REVOKE UPDATE ON webhook_secret FROM %I', web);
    EXECUTE format('GRANT SELECT (endpoint_id, until, created_at), UPDATE (until) ON webhook_secret TO %I', web);
    EXECUTE format('REVOKE UPDATE ON webhook_endpoint FROM %I', web);
    EXECUTE format('GRANT UPDATE (state, disabled_for, failed, failing_since, open_until) ON webhook_endpoint TO %I',
        web);
    -- Whoever puts an alert off puts its escalations off; whoever sends again, a delivery of the own office.
    EXECUTE format('GRANT UPDATE (due_at) ON escalation TO %I', web);
    EXECUTE format('GRANT UPDATE (state, next_at, in_doubt, problem, carried_by, release_at) ON delivery TO %I', web);
END $$;

-- What the status role may know about what is due; digests have one mail.
CREATE VIEW status.held AS SELECT release_at, count(*) AS n FROM delivery WHERE state = 'held' GROUP BY release_at;
CREATE VIEW status.reminder AS SELECT due_at, alert_id, opening, kind, step FROM reminder WHERE done_at IS NULL;
CREATE OR REPLACE VIEW status.attempts_wrong AS
SELECT d.delivery_id FROM delivery AS d
LEFT JOIN delivery_attempt AS t ON t.delivery_id = d.delivery_id AND t.outcome = 'sent'
GROUP BY d.delivery_id, d.state, d.carried_by
HAVING count(t.attempt) <> (CASE WHEN d.state IN ('sent', 'bounced') AND d.carried_by IS NULL THEN 1 ELSE 0 END);
-- A mail that tells of several: whoever rides along waits for a mail that still goes out.
CREATE VIEW status.carried_wrong AS
SELECT d.delivery_id FROM delivery AS d JOIN delivery AS c ON c.delivery_id = d.carried_by
WHERE d.state = 'carried' AND c.state <> 'pending';
