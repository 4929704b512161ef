-- The place that decides an office's public holidays; attempts that failed by a fault of ours, not of the recipient.
SET LOCAL lock_timeout = '3s';

ALTER TABLE office ADD COLUMN seat text CHECK (seat ~ '^([0-9]{5}|[0-9]{8})$');
COMMENT ON COLUMN office.seat IS 'null: the Land of its catchment';

-- squawk-ignore ban-drop-constraint
ALTER TABLE delivery_attempt DROP CONSTRAINT delivery_attempt_outcome_check;
ALTER TABLE delivery_attempt ADD CONSTRAINT delivery_attempt_outcome_check
CHECK (outcome IN ('sent', 'retry', 'refused', 'in_doubt', 'own_fault', 'unsendable')) NOT VALID;
