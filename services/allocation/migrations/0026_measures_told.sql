-- A measure may be done in one course, and the support side is told of it.
SET LOCAL lock_timeout = '3s';

ALTER TABLE measure ADD COLUMN course uuid;
ALTER TABLE measure ADD COLUMN told integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN measure.course IS 'null: it concerns no single one';
COMMENT ON COLUMN measure.told IS 'version that the support side was told: 1 recorded, 2 ended; 0: none';
