-- Whether the mail server took the last test mail, and when; neither to whom nor by whom.
SET LOCAL lock_timeout = '3s';

CREATE TABLE mail_test (
    last boolean PRIMARY KEY DEFAULT true CHECK (last),
    tested_at timestamptz NOT NULL,
    outcome text NOT NULL
);
COMMENT ON TABLE mail_test IS 'one row';
COMMENT ON COLUMN mail_test.tested_at IS 'business time';
COMMENT ON COLUMN mail_test.outcome IS '`accepted`, or what went wrong (services/notifications/delivery/domain.py, Fault)';
SELECT runtime.web_table('mail_test', 'SELECT, INSERT, UPDATE');
