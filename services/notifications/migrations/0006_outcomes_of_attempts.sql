-- What the wider check of outcomes says of the attempts that were there before.
SET LOCAL lock_timeout = '3s';

ALTER TABLE delivery_attempt VALIDATE CONSTRAINT delivery_attempt_outcome_check;
