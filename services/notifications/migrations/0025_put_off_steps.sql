-- That an alert was put off is a fact of its step, not a word in its reason.
SET LOCAL lock_timeout = '3s';

ALTER TABLE alert_step ADD COLUMN put_off boolean NOT NULL DEFAULT false;
UPDATE alert_step SET put_off = true WHERE to_state = 'seen' AND reason = 'snoozed';
